# SPDX-License-Identifier: Apache-2.0
weir_test(NAME unit_fmath FILES test/unit/model/test_fmath.c LIBS m)
