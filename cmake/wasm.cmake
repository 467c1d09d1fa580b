# SPDX-License-Identifier: Apache-2.0
# The program as WebAssembly modules (wasm32-wasi), from the same sources as the native one:
#
#   risk-control.wasm  the server, for WasmEdge
#   weir-cli.wasm      all that needs no socket, for any WASI runtime
#
# What differs is the port (src/port/*_wasmedge.c), cryptography (absent) and which commands there
# are. WEIR_WASM_SOURCES names the folder that tools/wasm-sources.sh filled.
set(sources ${WEIR_WASM_SOURCES})
file(GLOB zlib_files ${sources}/zlib/*.c)
list(FILTER zlib_files EXCLUDE REGEX "/gz[a-z]*\\.c$")
file(GLOB yaml_files ${sources}/libyaml/*.c)

add_library(wasm_libraries STATIC ${zlib_files} ${yaml_files})
target_include_directories(wasm_libraries PUBLIC ${sources}/zlib ${sources}/libyaml)
target_compile_options(wasm_libraries PRIVATE -w -Os)
target_compile_definitions(wasm_libraries PRIVATE
  YAML_VERSION_MAJOR=0 YAML_VERSION_MINOR=2 YAML_VERSION_PATCH=5 YAML_VERSION_STRING="0.2.5")

# Copies as single instructions: the runtime's own memcpy. The core only, since clang 14 cannot have
# both them and errno in one file.
target_compile_options(weir_core PRIVATE -mbulk-memory)

include(src/port/files.cmake)
include(src/shell/files.cmake)
include(cmake/wasm_files.cmake)
include(cmake/starter.cmake)
include(cmake/status.cmake)

# Sizes below the caps of arenas fit 32 bits; the core is held to say so, the shell is not.
add_library(wasm_shell_flags INTERFACE)
target_compile_options(wasm_shell_flags INTERFACE -Wno-shorten-64-to-32)

function(weir_wasm NAME)
  add_executable(${NAME} ${ARGN})
  target_link_libraries(${NAME} PRIVATE weir_flags wasm_shell_flags weir_core wasm_libraries)
  target_compile_definitions(${NAME} PRIVATE _GNU_SOURCE=1 _WASI_EMULATED_GETPID=1
    WEIR_VERSION="${PROJECT_VERSION}")
  # The stack lies below all data, so that running over its end is an access outside the memory, which
  # traps, and not a change of somebody's data.
  # -O0: else clang hands the module to a wasm-opt that may be installed and knows fewer features.
  target_link_options(${NAME} PRIVATE -O0 -lwasi-emulated-getpid -Wl,-s -Wl,--gc-sections
    -Wl,--stack-first -Wl,-z,stack-size=1048576)
  set_target_properties(${NAME} PROPERTIES SUFFIX .wasm RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
endfunction()

weir_wasm(risk-control ${WEIR_WASM_SERVER_FILES} ${WEIR_WASM_PORT_FILES})
weir_wasm(weir-cli ${WEIR_WASM_CLI_FILES})
