# SPDX-License-Identifier: Apache-2.0
weir_test(NAME test_feature_schema FILES test/unit/feature/schema.c)
weir_test(NAME test_feature_tape FILES test/unit/feature/tape.c)
weir_test(NAME test_feature FILES test/unit/feature/feature.c)
weir_test(NAME test_feature_oracle FILES test/unit/feature/oracle.c TIMEOUT 14400)
weir_test(NAME test_feature_handbook FILES test/unit/feature/handbook.c LIBS z LABEL conform)
weir_test(NAME test_feature_entity FILES test/unit/feature/entity.c)
weir_test(NAME test_feature_geo FILES test/unit/feature/geo.c)
weir_test(NAME test_feature_list FILES test/unit/feature/list.c)
