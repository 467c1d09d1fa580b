# SPDX-License-Identifier: Apache-2.0
weir_test(NAME num_test FILES test/unit/base/num_test.c LIBS m)
weir_test(NAME hash_test FILES test/unit/base/hash_test.c)
