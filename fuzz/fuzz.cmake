# SPDX-License-Identifier: Apache-2.0
# The fuzz drivers, each with the files that it takes beside the core, built in one of two ways.
# With clang and -DWEIR_FUZZ=ON by libFuzzer, instead of the tests, for example
#   fuzz_json -max_total_time=60 FOUND seeds...
# New inputs go to the first folder, FOUND; seeds are only read. The oracle is the sanitizers, and a
# trap where a property that the driver's head states does not hold.
# Otherwise as tests that replay the seeds (replay.c), so that a driver which no longer links or holds is noticed.
if(WEIR_FUZZ)
  set(FUZZ_FLAGS -fsanitize=address,undefined -fno-sanitize-recover=all)
  add_library(weir_fuzz_core STATIC ${WEIR_CORE_FILES})
  target_link_libraries(weir_fuzz_core PUBLIC weir_flags m)
  target_include_directories(weir_fuzz_core PUBLIC src include)
  target_compile_options(weir_fuzz_core PUBLIC -fsanitize=fuzzer-no-link ${FUZZ_FLAGS})
  add_custom_target(drivers) # all of them, and nothing else of the tree
endif()

function(weir_fuzz NAME)
  if(WEIR_FUZZ)
    add_executable(${NAME} fuzz/${NAME}.c ${ARGN})
    add_dependencies(drivers ${NAME})
    target_link_libraries(${NAME} PRIVATE weir_fuzz_core)
    target_include_directories(${NAME} PRIVATE test)
    target_link_options(${NAME} PRIVATE -fsanitize=fuzzer ${FUZZ_FLAGS})
    return()
  endif()
  weir_test(NAME ${NAME} LABEL seeds FILES fuzz/${NAME}.c fuzz/replay.c ${ARGN}
    ARGS ${CMAKE_SOURCE_DIR}/fuzz/seeds/${NAME})
endfunction()

weir_fuzz(fuzz_json)
weir_fuzz(fuzz_rego)
weir_fuzz(fuzz_h1)
weir_fuzz(fuzz_onnx)
weir_fuzz(fuzz_boosted)
weir_fuzz(fuzz_module)
weir_fuzz(fuzz_regex)
weir_fuzz(fuzz_builtin)
weir_fuzz(fuzz_schema)
weir_fuzz(fuzz_sprintf)
weir_fuzz(fuzz_snapshot)
weir_fuzz(fuzz_time)
# Both of the machine's dispatchers, before the library's machine.
weir_fuzz(fuzz_policy test/program/rego_program.c test/program/rego_twins.c
  test/program/vm_goto.c test/program/vm_switch.c)

# OpenSSL itself is not instrumented: what is held here is our own reading of DER and PEM.
weir_fuzz(fuzz_x509)
target_sources(fuzz_x509 PRIVATE src/shell/der.c src/shell/pem.c src/shell/go_value.c
  src/shell/key.c src/shell/key_open.c src/shell/certificate.c src/shell/certificate_chain.c
  src/shell/certificate_extension.c src/shell/certificate_uri.c src/shell/crypto.c)
target_link_libraries(fuzz_x509 PRIVATE OpenSSL::Crypto)

weir_fuzz(fuzz_config)
weir_fuzz(fuzz_resp)
weir_fuzz(fuzz_access)
target_sources(fuzz_access PRIVATE src/shell/access.c)
weir_fuzz(fuzz_mmdb)
weir_fuzz(fuzz_condense)
weir_fuzz(fuzz_record)
target_sources(fuzz_record PRIVATE src/shell/log.c src/shell/log_head.c src/shell/log_read.c)
