# SPDX-License-Identifier: Apache-2.0
# module_entry.c is not here: with the kernel it is compiled to wasm by tools/make-kernel-wasm.sh.
list(APPEND WEIR_CORE_FILES
  src/model/kernel.c
  src/model/kernel_map.c
  src/model/kernel_tree.c
  src/model/kernel_dense.c
  src/model/kernel_wide.c
  src/model/kernel_wide_avx2.c
  src/model/kernel_wide_avx512.c
  src/model/explain_kernel.c
  src/model/explain_trees.c
  src/model/explain_check.c
  src/model/explain_depends.c
  src/model/explain_plan.c
  src/model/explain_build.c
  src/model/program_check.c
  src/model/graph.c
  src/model/graph_steps.c
  src/model/graph_write.c
  src/model/forest.c
  src/model/forest_fold.c
  src/model/answer.c
  src/model/ubjson.c
  src/model/xgboost.c
  src/model/lightgbm.c
  src/model/protobuf.c
  src/model/onnx.c
  src/model/onnx_tensor.c
  src/model/onnx_math.c
  src/model/onnx_rnn.c
  src/model/onnx_shape.c
  src/model/onnx_ml.c
  src/model/onnx_tree.c
  src/model/module.c
  src/model/model.c
)
