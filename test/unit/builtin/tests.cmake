# SPDX-License-Identifier: Apache-2.0
weir_test(NAME builtin_test FILES test/unit/builtin/builtin_test.c)
weir_test(NAME builtin_number_test FILES test/unit/builtin/number_test.c)
weir_test(NAME builtin_regex_test FILES test/unit/builtin/regex_test.c)
