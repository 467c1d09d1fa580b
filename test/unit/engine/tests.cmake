# SPDX-License-Identifier: Apache-2.0
weir_test(NAME test_record FILES test/unit/engine/test_record.c)
weir_test(NAME test_card FILES test/unit/engine/test_card.c)
weir_test(NAME test_seen FILES test/unit/engine/test_seen.c)
weir_test(NAME test_engine FILES test/unit/engine/test_engine.c)
weir_test(NAME test_state FILES test/unit/engine/test_state.c)
weir_test(NAME test_weir FILES test/unit/engine/test_weir.c)
weir_test(NAME test_score FILES test/unit/engine/test_score.c)
weir_test(NAME test_reasons FILES test/unit/engine/test_reasons.c)
