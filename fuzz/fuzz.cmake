# SPDX-License-Identifier: Apache-2.0
# libFuzzer drivers (clang): cmake --preset asan -DWEIR_FUZZ=ON, then for example
#   build/asan/fuzz_json -max_total_time=60 corpus-folder
# The sanitizers' traps are the oracle, and __builtin_trap() where a property of the driver fails.
option(WEIR_FUZZ "libFuzzer drivers; needs clang" OFF)

function(weir_fuzz NAME)
  add_executable(${NAME} fuzz/${NAME}.c ${WEIR_CORE_FILES})
  target_include_directories(${NAME} PRIVATE src include)
  target_link_libraries(${NAME} PRIVATE weir_flags)
  target_compile_options(${NAME} PRIVATE -fsanitize=fuzzer,address,undefined)
  target_link_options(${NAME} PRIVATE -fsanitize=fuzzer,address,undefined)
endfunction()

if(WEIR_FUZZ)
  weir_fuzz(fuzz_json)
  weir_fuzz(fuzz_h1)
endif()
