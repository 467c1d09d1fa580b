# SPDX-License-Identifier: Apache-2.0
weir_test(NAME test_csv FILES test/unit/app/test_csv.c LIBS weir_app)
weir_test(NAME test_yaml FILES test/unit/app/test_yaml.c LIBS weir_app)
weir_test(NAME test_cardsim FILES test/unit/app/test_cardsim.c LIBS weir_app)
weir_test(NAME test_reader FILES test/unit/app/test_reader.c LIBS weir_app)
weir_test(NAME test_load FILES test/unit/app/test_load.c LIBS weir_app)
weir_test(NAME test_rows FILES test/unit/app/test_rows.c LIBS weir_app)
weir_test(NAME test_serve_tls FILES test/unit/app/test_serve_tls.c LIBS weir_app)
