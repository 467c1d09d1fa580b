# SPDX-License-Identifier: Apache-2.0
weir_test(NAME test_feature_oracle FILES test/unit/feature/oracle.c)
weir_test(NAME test_feature_handbook FILES test/unit/feature/handbook.c LIBS z LABEL conform)
