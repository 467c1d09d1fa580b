# SPDX-License-Identifier: Apache-2.0
weir_test(NAME rego_front_test FILES test/unit/rego/front_test.c)
weir_test(NAME rego_front_golden_test FILES test/unit/rego/front_golden_test.c LABEL golden)
weir_test(NAME rego_front_cases_test FILES test/unit/rego/front_cases_test.c LABEL conform)
weir_test(NAME rego_index_test FILES test/unit/rego/index_test.c)
weir_test(NAME rego_check_test FILES test/unit/rego/check_test.c)
