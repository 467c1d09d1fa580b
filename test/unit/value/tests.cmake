# SPDX-License-Identifier: Apache-2.0
weir_test(NAME json_test FILES test/unit/value/json_test.c)
weir_test(NAME value_test FILES test/unit/value/value_test.c LIBS m)
weir_test(NAME binary_test FILES test/unit/value/binary_test.c)
