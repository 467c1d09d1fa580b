#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Times ONNX Runtime and Treelite on the trees of an XGBoost JSON file; bench_model's sibling.

    model_peers.py MODEL.json LIB.so|-    prints ENGINE KIND NANOSECONDS lines, as bench_model does

ONNX Runtime runs the trees as TreeEnsembleRegressor, one thread; a call of an Identity model on the
same input is timed likewise and taken off. What is not installed is passed over.
"""
import json
import os
import sys
import time

import numpy as np

COLUMNS, ROWS, BATCH, REPEATS = 30, 2048, 256, 5


def onnx_model(trees):
    from onnx import TensorProto, helper
    a = {k: [] for k in ("nodes_treeids nodes_nodeids nodes_featureids nodes_values nodes_modes "
                         "nodes_truenodeids nodes_falsenodeids nodes_missing_value_tracks_true "
                         "target_treeids target_nodeids target_ids target_weights").split()}
    for i, t in enumerate(trees):
        for k, left in enumerate(t["left_children"]):
            leaf = left < 0
            for key, v in (("nodes_treeids", i), ("nodes_nodeids", k),
                           ("nodes_featureids", 0 if leaf else t["split_indices"][k]),
                           ("nodes_values", 0.0 if leaf else t["split_conditions"][k]),
                           ("nodes_modes", "LEAF" if leaf else "BRANCH_LT"),
                           ("nodes_truenodeids", max(left, 0)),
                           ("nodes_falsenodeids", max(t["right_children"][k], 0)),
                           ("nodes_missing_value_tracks_true", 0 if leaf else t["default_left"][k])):
                a[key].append(v)
            if leaf:
                for key, v in (("target_treeids", i), ("target_nodeids", k), ("target_ids", 0),
                               ("target_weights", t["split_conditions"][k])):
                    a[key].append(v)
    node = helper.make_node("TreeEnsembleRegressor", ["x"], ["y"], domain="ai.onnx.ml",
                            n_targets=1, **a)
    return wrap(node, 1)


def wrap(node, width):
    from onnx import TensorProto, helper
    graph = helper.make_graph(
        [node], "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, COLUMNS])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, width])])
    return helper.make_model(graph, ir_version=8, opset_imports=[
        helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]).SerializeToString()


def least(call, rows, size):
    best = None
    for _ in range(REPEATS):
        start = time.process_time_ns()
        for at in range(0, len(rows), size):
            call(rows[at:at + size])
        each = (time.process_time_ns() - start) / len(rows)
        best = each if best is None else min(best, each)
    return best


def onnx_runtime(trees, rows):
    import onnxruntime as ort
    from onnx import helper
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    empty = ort.InferenceSession(wrap(helper.make_node("Identity", ["x"], ["y"]), COLUMNS), options)
    real = ort.InferenceSession(onnx_model(trees), options)
    for kind, size in (("one", 1), ("batch", BATCH)):
        whole = least(lambda r: real.run(None, {"x": r}), rows, size)
        call = least(lambda r: empty.run(None, {"x": r}), rows, size)
        print(f"onnxruntime {kind} {whole - call:.1f} (call alone {call:.1f})")


def treelite(path, library, rows):
    """Treelite's own C code, compiled once; it takes batches only."""
    import treelite as trees
    import tl2cgen
    if not os.path.exists(library):
        model = trees.frontend.load_xgboost_model(path, format_choice="use_suffix")
        tl2cgen.export_lib(model, toolchain="gcc", libpath=library, params={})
    predictor = tl2cgen.Predictor(library, nthread=1)
    parts = {id(r): tl2cgen.DMatrix(r) for r in rows}
    best = least(lambda r: predictor.predict(parts[id(r[0])]), rows, 1)
    print(f"tl2cgen batch {best / BATCH:.1f}")


def main():
    path, library = sys.argv[1:3]
    with open(path) as f:
        trees = json.load(f)["learner"]["gradient_booster"]["model"]["trees"]
    rows = np.random.default_rng(3).uniform(-1, 1, (ROWS, COLUMNS)).astype(np.float32)
    runs = [lambda: onnx_runtime(trees, rows)]
    if library != "-":
        batches = [rows[at:at + BATCH] for at in range(0, len(rows), BATCH)]
        runs.append(lambda: treelite(path, library, batches))
    for run in runs:
        try:
            run()
        except ImportError as missing:
            print(f"model_peers: {missing}", file=sys.stderr)


if __name__ == "__main__":
    main()
