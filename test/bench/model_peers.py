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

import onnx_trees

COLUMNS, ROWS, BATCH, REPEATS = 30, 2048, 256, 5


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
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    empty = ort.InferenceSession(onnx_trees.empty(), options)
    real = ort.InferenceSession(onnx_trees.trees(trees), options)
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
