# SPDX-License-Identifier: Apache-2.0
# conform-rego for wasm32-wasi, with the core's wasm build and Debian's wasi-libc.
add_executable(conform-rego test/conform/conform_rego.c test/conform/conform_case.c)
target_link_libraries(conform-rego PRIVATE weir_flags weir_core)
target_include_directories(conform-rego PRIVATE test)
target_compile_definitions(conform-rego PRIVATE _GNU_SOURCE=1)
# Parser and printer recurse up to their depth limit: 1 MiB of stack and more.
target_link_options(conform-rego PRIVATE -Wl,-z,stack-size=8388608)
set_target_properties(conform-rego PROPERTIES SUFFIX .wasm
  RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})

# The seeded policies of rego_twins.
add_executable(rego-twins test/conform/rego_twins.c test/program/rego_program.c
  test/program/rego_twins.c test/program/vm_goto.c test/program/vm_switch.c)
target_link_libraries(rego-twins PRIVATE weir_flags weir_core)
target_include_directories(rego-twins PRIVATE test)
target_compile_definitions(rego-twins PRIVATE _GNU_SOURCE=1)
target_link_options(rego-twins PRIVATE -Wl,-z,stack-size=8388608)
set_target_properties(rego-twins PROPERTIES SUFFIX .wasm RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
