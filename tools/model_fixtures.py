#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the small models of test/unit/model/data, with rows and ONNX Runtime's answers.

Needs the packages onnx, onnxruntime, lightgbm and numpy; the results are committed. tiny-xgb is written by
hand in XGBoost's JSON schema and checked against the same trees as ONNX.
    python3 tools/model_fixtures.py
"""
import csv
import json
import pathlib
import struct

import lightgbm
import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper as h

ROOT = pathlib.Path(__file__).resolve().parent.parent / "test/unit/model/data"
RNG = np.random.default_rng(20260101)
ROWS = 60


def trees(n_trees, depth, n_features, modes, targets, missing):
    """Full random trees in the attribute form of ai.onnx.ml 1."""
    a = {k: [] for k in ("nodes_treeids nodes_nodeids nodes_featureids nodes_values nodes_modes "
                         "nodes_truenodeids nodes_falsenodeids nodes_missing_value_tracks_true "
                         "class_treeids class_nodeids class_ids class_weights").split()}
    for t in range(n_trees):
        inner = 2 ** depth - 1
        for i in range(2 ** (depth + 1) - 1):
            leaf = i >= inner
            a["nodes_treeids"].append(t)
            a["nodes_nodeids"].append(i)
            a["nodes_featureids"].append(0 if leaf else int(RNG.integers(n_features)))
            a["nodes_values"].append(0.0 if leaf else float(np.float32(RNG.integers(-8, 9) / 4)))
            a["nodes_modes"].append("LEAF" if leaf else str(RNG.choice(modes)))
            a["nodes_truenodeids"].append(0 if leaf else 2 * i + 1)
            a["nodes_falsenodeids"].append(0 if leaf else 2 * i + 2)
            a["nodes_missing_value_tracks_true"].append(int(missing and RNG.integers(2)))
            if leaf:
                for k in targets(t):
                    a["class_treeids"].append(t)
                    a["class_nodeids"].append(i)
                    a["class_ids"].append(k)
                    a["class_weights"].append(float(np.float32(RNG.normal() / 4)))
    return a


def save(name, nodes, inputs, outputs, rows, initializers=(), ml=3, opset=17):
    """Writes model.onnx, rows.csv and golden.csv."""
    folder = ROOT / name
    folder.mkdir(parents=True, exist_ok=True)
    graph = h.make_graph(nodes, name, inputs, outputs, list(initializers))
    model = h.make_model(graph, ir_version=8, producer_name="weir fixtures", opset_imports=[
        h.make_opsetid("", opset), h.make_opsetid("ai.onnx.ml", ml)])
    onnx.save(model, folder / "model.onnx")
    session = ort.InferenceSession(model.SerializeToString())
    names = list(rows[0])
    if len(inputs) == 1:
        feed = {inputs[0].name: np.array([[r[n] for n in names] for r in rows], np.float32)}
    else:
        feed = {n: np.array([[r[n]] for r in rows],
                            object if isinstance(rows[0][n], str) else np.float32) for n in names}
    got = [np.asarray(o).reshape(len(rows), -1) for o in session.run(None, feed)]
    with open(folder / "rows.csv", "w", newline="") as f:
        w = csv.writer(f, lineterminator="\n")
        w.writerow(names)
        w.writerows([[v if isinstance(v, str) else f"{np.float32(v):.9g}" for v in r.values()]
                     for r in rows])
    with open(folder / "golden.csv", "w", newline="") as f:
        w = csv.writer(f, lineterminator="\n")
        w.writerow([f"{o.name}[{i}]" for o, g in zip(outputs, got) for i in range(g.shape[1])])
        for i in range(len(rows)):
            w.writerow([f"{v:.9g}" for g in got for v in g[i]])


def numbers(n, missing=False):
    """Rows that often lie on a threshold."""
    rows = []
    for _ in range(ROWS):
        row = {f"x{i}": float(RNG.integers(-10, 11) / 4) for i in range(n)}
        if missing:
            for k in row:
                if RNG.random() < 0.2:
                    row[k] = float("nan")
        rows.append(row)
    return rows


def value(name, kind, shape):
    return h.make_tensor_value_info(name, kind, shape)


def main():
    f32 = TensorProto.FLOAT
    outs = [value("label", TensorProto.INT64, ["N"]), value("probabilities", f32, ["N", 2])]
    a = trees(11, 3, 4, ["BRANCH_LT", "BRANCH_LEQ", "BRANCH_GT", "BRANCH_GTE"], lambda t: [0], True)
    save("tiny-trees", [h.make_node("TreeEnsembleClassifier", ["x"], ["label", "probabilities"],
                                    domain="ai.onnx.ml", classlabels_int64s=[0, 1],
                                    post_transform="LOGISTIC", base_values=[-0.25], **a)],
         [value("x", f32, ["N", 4])], outs, numbers(4, True))

    a = trees(9, 3, 3, ["BRANCH_LEQ", "BRANCH_EQ", "BRANCH_NEQ", "BRANCH_GT"],
              lambda t: [t % 3, (t + 1) % 3], False)
    outs3 = [value("label", TensorProto.STRING, ["N"]), value("probabilities", f32, ["N", 3])]
    node = h.make_node("TreeEnsembleClassifier", ["x"], ["l", "probabilities"],
                       domain="ai.onnx.ml", classlabels_int64s=[4, 7, 9],
                       post_transform="SOFTMAX", **a)
    outs3[0] = value("l", TensorProto.INT64, ["N"])
    save("tiny-multi", [node], [value("x", f32, ["N", 3])], outs3, numbers(3))

    w = {n: RNG.normal(size=s).astype(np.float32) / 2 for n, s in
         (("w1", (6, 5)), ("b1", (6,)), ("w2", (6, 1)), ("b2", (1,)))}
    save("tiny-mlp", [
        h.make_node("Scaler", ["x"], ["s"], domain="ai.onnx.ml", offset=[0.5], scale=[0.5]),
        h.make_node("Gemm", ["s", "w1", "b1"], ["h1"], transB=1),
        h.make_node("Tanh", ["h1"], ["h2"]),
        h.make_node("MatMul", ["h2", "w2"], ["h3"]),
        h.make_node("Add", ["h3", "b2"], ["h4"]),
        h.make_node("Sigmoid", ["h4"], ["probability"])],
        [value("x", f32, ["N", 5])], [value("probability", f32, ["N", 1])], numbers(5),
        [onnx.numpy_helper.from_array(v, n) for n, v in w.items()])

    texts = [{"colour": str(RNG.choice(["red", "green", "blue", "unknown"])),
              "size": float(RNG.integers(-10, 11) / 4)} for _ in range(ROWS)]
    save("tiny-text", [
        h.make_node("OneHotEncoder", ["colour"], ["o"], domain="ai.onnx.ml",
                    cats_strings=["red", "green", "blue"], zeros=1),
        h.make_node("Reshape", ["o", "shape"], ["flat"]),
        h.make_node("Concat", ["flat", "size"], ["all"], axis=1),
        h.make_node("LinearClassifier", ["all"], ["label", "probabilities"], domain="ai.onnx.ml",
                    classlabels_ints=[0, 1], post_transform="LOGISTIC",
                    coefficients=[-1.0, 0.5, 0.25, -0.75, 1.0, -0.5, -0.25, 0.75],
                    intercepts=[0.125, -0.125])],
        [value("colour", TensorProto.STRING, ["N", 1]), value("size", f32, ["N", 1])], outs, texts,
        [onnx.numpy_helper.from_array(np.array([-1, 3], np.int64), "shape")])
    xgboost(numbers(4, True), outs)
    boosted()
    prepared(outs)
    support()
    external()


def external():
    """tiny-mlp with its tensors in a file of their own."""
    folder = ROOT / "tiny-external"
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(onnx.load(ROOT / "tiny-mlp/model.onnx"), folder / "model.onnx",
              save_as_external_data=True, location="weights.bin", size_threshold=0)


def support():
    """Support vectors of three classes, with probabilities."""
    value3 = [value("label", TensorProto.INT64, ["N"]), value("p", TensorProto.FLOAT, ["N", 3])]
    floats = lambda n: [float(x) for x in np.float32(RNG.normal(size=n))]
    save("tiny-svm", [h.make_node(
        "SVMClassifier", ["x"], ["label", "p"], domain="ai.onnx.ml", kernel_type="RBF",
        kernel_params=[0.3, 0.0, 3.0], classlabels_ints=[4, 5, 9], coefficients=floats(14),
        support_vectors=floats(21), vectors_per_class=[2, 3, 2], rho=floats(3),
        prob_a=[-abs(x) for x in floats(3)], prob_b=floats(3), post_transform="NONE")],
         [value("x", TensorProto.FLOAT, ["N", 3])], value3, numbers(3))


def prepared(outs):
    """Imputer and scaler in front of trees: one column scaled by a negative, one imputed far off."""
    a = trees(12, 4, 4, ["BRANCH_LT", "BRANCH_LEQ", "BRANCH_GT", "BRANCH_GTE"], lambda t: [0], True)
    save("tiny-prepared", [
        h.make_node("Imputer", ["x"], ["i"], domain="ai.onnx.ml",
                    imputed_value_floats=[0.25, -3.0, 1e30, 0.0], replaced_value_float=float("nan")),
        h.make_node("Scaler", ["i"], ["s"], domain="ai.onnx.ml", offset=[0.1, -0.3, 0.7, 1e-3],
                    scale=[0.9, -1.7, 3.1, 0.33]),
        h.make_node("Div", ["s", "d"], ["v"]),
        h.make_node("TreeEnsembleClassifier", ["v"], ["label", "probabilities"],
                    domain="ai.onnx.ml", classlabels_int64s=[0, 1], post_transform="LOGISTIC", **a)],
         [value("x", TensorProto.FLOAT, ["N", 4])], outs, numbers(4, True),
         [onnx.numpy_helper.from_array(np.array([1.3], np.float32), "d")])


def xgboost(rows, outs):
    """The same trees as XGBoost JSON and, for the golden answers, as ONNX."""
    a = trees(10, 3, 4, ["BRANCH_LT"], lambda t: [0], True)
    save("tiny-xgb", [h.make_node("TreeEnsembleClassifier", ["x"], ["label", "probabilities"],
                                  domain="ai.onnx.ml", classlabels_int64s=[0, 1],
                                  post_transform="LOGISTIC", base_values=[0.0], **a)],
         [value("x", TensorProto.FLOAT, ["N", 4])], outs, rows)
    (ROOT / "tiny-xgb/model.onnx").unlink()
    weights = dict(zip(zip(a["class_treeids"], a["class_nodeids"]), a["class_weights"]))
    out, n = [], 15
    for t in range(10):
        at = slice(t * n, (t + 1) * n)
        leaf = [m == "LEAF" for m in a["nodes_modes"][at]]
        out.append({
            "id": t,
            "left_children": [-1 if l else 2 * i + 1 for i, l in enumerate(leaf)],
            "right_children": [-1 if l else 2 * i + 2 for i, l in enumerate(leaf)],
            "parents": [2147483647] + [(i - 1) // 2 for i in range(1, n)],
            "split_indices": a["nodes_featureids"][at],
            "split_conditions": [weights[t, i] if l else v for i, (l, v) in
                                 enumerate(zip(leaf, a["nodes_values"][at]))],
            "split_type": [0] * n,
            "default_left": a["nodes_missing_value_tracks_true"][at],
            "tree_param": {"num_deleted": "0", "num_feature": "4", "num_nodes": str(n),
                           "size_leaf_vector": "1"}})
    model = {"learner": {
        "attributes": {}, "feature_names": ["x0", "x1", "x2", "x3"], "feature_types": [],
        "gradient_booster": {"name": "gbtree", "model": {
            "gbtree_model_param": {"num_parallel_tree": "1", "num_trees": "10"},
            "tree_info": [0] * 10, "trees": out}},
        "learner_model_param": {"base_score": "5E-1", "num_class": "0", "num_feature": "4",
                                "num_target": "1"},
        "objective": {"name": "binary:logistic"}}, "version": [3, 0, 0]}
    (ROOT / "tiny-xgb/model.json").write_text(json.dumps(model, separators=(",", ":")) + "\n")
    (ROOT / "tiny-xgb/model.ubj").write_bytes(ubjson(model))


def ubjson(v):
    """As XGBoost writes it: typed lists of floats and integers where all elements agree."""
    if isinstance(v, dict):
        return b"{" + b"".join(ubjson(k)[1:] + ubjson(x) for k, x in v.items()) + b"}"
    if isinstance(v, str):
        return b"SL" + struct.pack(">q", len(v.encode())) + v.encode()
    if isinstance(v, list) and v and all(isinstance(x, float) for x in v):
        return b"[$d#L" + struct.pack(f">q{len(v)}f", len(v), *v)
    if isinstance(v, list) and v and all(isinstance(x, int) for x in v):
        return b"[$l#L" + struct.pack(f">q{len(v)}i", len(v), *v)
    if isinstance(v, list):
        return b"[#L" + struct.pack(">q", len(v)) + b"".join(ubjson(x) for x in v)
    return b"i" + struct.pack(">b", v) if v < 128 else b"l" + struct.pack(">i", v)


def boosted():
    """LightGBM's own model and answers, with missing values in training and rows."""
    x = np.round(RNG.normal(size=(2000, 4)) * 4) / 2
    x[RNG.random(x.shape) < 0.15] = np.nan
    y = (np.nan_to_num(x).sum(1) + RNG.normal(size=2000) > 0).astype(int)
    model = lightgbm.train({"objective": "binary", "num_leaves": 8, "verbose": -1, "seed": 1,
                            "num_threads": 1, "deterministic": True},
                           lightgbm.Dataset(x, y), num_boost_round=10)
    folder = ROOT / "tiny-lgbm"
    folder.mkdir(parents=True, exist_ok=True)
    text = model.model_to_string().split("\nfeature_importances:")[0] + "\n"
    (folder / "model.txt").write_text(text)
    with open(folder / "rows.csv", "w", newline="") as f:
        csv.writer(f, lineterminator="\n").writerows(
            [["x0", "x1", "x2", "x3"]] + [[f"{v:.9g}" for v in r] for r in x[:ROWS]])
    with open(folder / "golden.csv", "w", newline="") as f:
        csv.writer(f, lineterminator="\n").writerows(
            [["label", "p0", "p1"]] + [[int(p > 0.5), f"{1 - p:.9g}", f"{p:.9g}"]
                                       for p in model.predict(x[:ROWS])])


if __name__ == "__main__":
    main()
