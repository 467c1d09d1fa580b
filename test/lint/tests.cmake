# SPDX-License-Identifier: Apache-2.0
# House rules as tests: format, floors, what the core may call, what its wasm build may import.
function(weir_lint name)
  add_test(NAME lint_${name} COMMAND ${ARGN} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  set_tests_properties(lint_${name} PROPERTIES LABELS lint SKIP_RETURN_CODE 77 TIMEOUT 300)
endfunction()

weir_lint(format sh test/lint/format.sh)
weir_lint(floors python3 tools/tidy.py)
weir_lint(floors_can_fail python3 tools/tidy.py --self-test)
weir_lint(dev_help sh test/lint/dev_help.sh)
weir_lint(core_symbols sh test/lint/core_symbols.sh ${CMAKE_BINARY_DIR}/libweir_core.a)
weir_lint(core_wasm sh test/lint/core_wasm.sh ${CMAKE_BINARY_DIR}/wasm-core)
weir_lint(clang python3 test/lint/clang.py ${CMAKE_BINARY_DIR})
weir_lint(one_definition sh test/lint/one_definition.sh ${CMAKE_BINARY_DIR}/libweir_core.a
  ${CMAKE_BINARY_DIR}/libweir_shell.a ${CMAKE_BINARY_DIR}/libweir_app.a)
set_tests_properties(lint_core_wasm PROPERTIES RESOURCE_LOCK wasm_core) # conform_wasm builds it too
weir_lint(hardened python3 test/lint/hardened.py build/release/weir)
weir_lint(profile python3 test/lint/profile.py build/release)
weir_lint(systemd python3 test/lint/systemd_unit.py deploy/systemd/weir.service)
include(test/lint/linked.cmake)
