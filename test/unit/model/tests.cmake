# SPDX-License-Identifier: Apache-2.0
weir_test(NAME unit_fmath FILES test/unit/model/test_fmath.c LIBS m)
weir_test(NAME unit_model_golden FILES test/unit/model/test_golden.c LIBS m)
weir_test(NAME unit_model_hostile FILES test/unit/model/test_hostile.c LIBS m)
weir_test(NAME unit_model_program FILES test/unit/model/test_program.c LIBS m)
weir_test(NAME conform_onnx FILES test/unit/model/test_onnx_cases.c LABEL conform LIBS m)
weir_test(NAME unit_model_explain FILES test/unit/model/test_explain.c LIBS m)
weir_test(NAME unit_model_explain_peers FILES test/unit/model/test_explain_peers.c LIBS m)
set_target_properties(conform_onnx PROPERTIES OUTPUT_NAME conform-onnx)
