# SPDX-License-Identifier: Apache-2.0
weir_test(NAME test_tar FILES test/unit/pack/test_tar.c)
weir_test(NAME test_pack FILES test/unit/pack/test_pack.c)
