# SPDX-License-Identifier: Apache-2.0
find_package(ZLIB REQUIRED)
weir_test(NAME opa_cases FILES test/conform/opa_cases.c LABEL conform LIBS weir_shell ZLIB::ZLIB
          ARGS ${CMAKE_SOURCE_DIR}/test/conform/opa.passing)
weir_test(NAME rego_golden FILES test/conform/rego_golden.c LABEL conform
          ARGS ${CMAKE_SOURCE_DIR}/test/golden/rego)
weir_test(NAME rego_decide FILES test/conform/rego_decide.c LABEL conform)
# The machine's other dispatcher must give the same answers: this program's own vm.c comes before
# the library's.
weir_test(NAME opa_cases_switch FILES test/conform/opa_cases.c src/rego/vm.c LABEL conform
          LIBS weir_shell ZLIB::ZLIB ARGS ${CMAKE_SOURCE_DIR}/test/conform/opa.passing)
target_compile_definitions(opa_cases_switch PRIVATE WR_VM_SWITCH=1)
