# SPDX-License-Identifier: Apache-2.0
find_package(ZLIB REQUIRED)
# OPA's cases: the program, the committed list of what passes, the same in the core's wasm build.
set(CONFORM_FILES test/conform/conform_rego.c test/conform/conform_case.c)
set(CONFORM_ARGS --list ${CMAKE_SOURCE_DIR}/test/conform/opa.passing ${WEIR_SHARED}/opa-cases)
weir_test(NAME conform-rego FILES ${CONFORM_FILES} LABEL conform LIBS weir_shell ZLIB::ZLIB
          ARGS ${CONFORM_ARGS})
weir_test(NAME rego_errors FILES test/conform/rego_errors.c LABEL golden)
weir_test(NAME rego_golden FILES test/conform/rego_golden.c LABEL conform
          ARGS ${CMAKE_SOURCE_DIR}/test/golden/rego)
weir_test(NAME rego_decide FILES test/conform/rego_decide.c LABEL conform)
# The machine's other dispatcher must give the same answers: this program's own vm.c comes before
# the library's.
weir_test(NAME conform_rego_switch FILES ${CONFORM_FILES} src/rego/vm.c LABEL conform
          LIBS weir_shell ZLIB::ZLIB ARGS ${CONFORM_ARGS})
target_compile_definitions(conform_rego_switch PRIVATE WR_VM_SWITCH=1)
# The wasm build is shared with lint_core_wasm: one at a time.
add_test(NAME conform_wasm COMMAND sh test/conform/conform_wasm.sh ${CMAKE_BINARY_DIR}/wasm-core
  ${CMAKE_SOURCE_DIR}/test/conform/opa.passing ${WEIR_SHARED}/opa-cases
  WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
set_tests_properties(conform_wasm PROPERTIES LABELS conform SKIP_RETURN_CODE 77 TIMEOUT 600
  RESOURCE_LOCK wasm_core)
# The same through the shipped weir-cli.wasm, by its own commands.
foreach(engine node wasmedge)
  add_test(NAME conform_cli_${engine} COMMAND python3 test/conform/cli_cases.py ${engine} ${WEIR_SHARED}
    WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  set_tests_properties(conform_cli_${engine} PROPERTIES LABELS conform SKIP_RETURN_CODE 77 TIMEOUT 900)
endforeach()
# Every way to evaluate a policy on seeded ones: both dispatchers stand in this program. Its wasm build
# must give the same answers.
set(TWIN_FILES test/conform/rego_twins.c test/program/rego_program.c test/program/rego_twins.c
  test/program/vm_goto.c test/program/vm_switch.c)
weir_test(NAME rego_twins FILES ${TWIN_FILES} LABEL conform)
add_test(NAME twins_wasm COMMAND sh test/conform/twins_wasm.sh ${CMAKE_BINARY_DIR}/wasm-core
  $<TARGET_FILE:rego_twins> WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
set_tests_properties(twins_wasm PROPERTIES LABELS conform SKIP_RETURN_CODE 77 TIMEOUT 900
  RESOURCE_LOCK wasm_core)
# The page of builtins, instructions and limits is what the tables say.
weir_test(NAME rego-reference FILES test/conform/rego_reference.c LABEL conform
          ARGS ${CMAKE_SOURCE_DIR}/docs/rego-reference.md)
