# SPDX-License-Identifier: Apache-2.0
weir_test(NAME h1_test FILES test/unit/wire/h1_test.c)
weir_test(NAME test_resp FILES test/unit/wire/resp_test.c)
