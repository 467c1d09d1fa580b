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

set(APP src/app/main.c src/app/cli.c src/app/cmd_about.c src/app/engine_open.c src/app/file.c
  src/app/pack_load.c src/app/yaml_file.c ${CMAKE_BINARY_DIR}/starter_pack.c)
weir_wasm(risk-control ${APP} src/app/commands_edge.c src/app/cmd_serve.c src/app/eval_env.c src/app/serve_log.c src/app/log_push_absent.c src/app/sqlite_behind_absent.c
  ${WEIR_SERVER_FILES} ${CMAKE_BINARY_DIR}/status_page.c src/shell/crypto_absent.c ${WEIR_WASM_PORT_FILES})
weir_wasm(weir-cli ${APP} src/app/commands_cli.c src/app/anchors.c src/app/cardsim.c
  src/app/cmd_check.c src/app/cmd_decide.c src/app/cmd_eval.c src/app/cmd_fmt.c
  src/app/cmd_model.c src/app/modelbeside.c src/app/modelconform.c src/app/modelgolden.c src/app/modelquality.c src/app/onnxcase.c src/app/modelrow.c src/app/cmd_pack.c src/app/cmd_simulate.c src/app/cmd_test.c
  src/app/csv.c src/app/decider.c src/app/eval_env.c src/app/filemap.c src/app/kube.c
  src/app/kube_match.c src/app/warden.c src/app/warden_review.c src/app/warden_suite.c src/app/labelqueue.c
  src/app/archive.c src/app/bundle.c src/app/bundle_sign.c src/app/eval_output.c src/app/eval_profile.c src/app/figures.c src/app/statistics.c src/app/table.c src/app/test_names.c
  src/shell/go_json.c
  src/app/policy_load.c src/app/progress.c src/app/rego_output.c src/app/rowevent.c
  src/app/simevent.c src/shell/crypto_absent.c)
