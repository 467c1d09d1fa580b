# SPDX-License-Identifier: Apache-2.0
weir_test(NAME num_test FILES test/unit/base/num_test.c LIBS m)
weir_test(NAME hash_test FILES test/unit/base/hash_test.c)
weir_test(NAME histogram_test FILES test/unit/base/histogram_test.c)
weir_test(NAME arena_test FILES test/unit/base/arena_test.c)
weir_test(NAME bytes_test FILES test/unit/base/bytes_test.c)
weir_test(NAME test_base_ip FILES test/unit/base/ip.c)
