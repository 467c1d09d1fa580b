# SPDX-License-Identifier: Apache-2.0
find_package(ZLIB REQUIRED)
weir_test(NAME opa_cases FILES test/conform/opa_cases.c LABEL conform LIBS ZLIB::ZLIB
          ARGS ${CMAKE_SOURCE_DIR}/test/conform/opa.passing)
weir_test(NAME rego_golden FILES test/conform/rego_golden.c LABEL conform
          ARGS ${CMAKE_SOURCE_DIR}/test/golden/rego)
weir_test(NAME rego_decide FILES test/conform/rego_decide.c LABEL conform)
