# SPDX-License-Identifier: Apache-2.0
"""The trees of an XGBoost JSON file as an ONNX TreeEnsembleRegressor, and an empty model (Identity) of the
same input; written without the onnx package."""
import struct

COLUMNS = 30
FLOAT, INT, FLOATS, INTS, STRINGS = 1, 2, 6, 7, 8


def varint(n):
    n &= (1 << 64) - 1
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)
    return bytes(out)


def number(field, n):
    return varint(field << 3) + varint(n)


def piece(field, content):
    content = content.encode() if isinstance(content, str) else content
    return varint(field << 3 | 2) + varint(len(content)) + content


def attribute(name, values):
    if isinstance(values, int):
        return piece(5, piece(1, name) + number(3, values) + number(20, INT))
    if isinstance(values[0], float):
        body = piece(7, struct.pack(f"<{len(values)}f", *values)) + number(20, FLOATS)
    elif isinstance(values[0], str):
        body = b"".join(piece(9, v) for v in values) + number(20, STRINGS)
    else:
        body = piece(8, b"".join(map(varint, values))) + number(20, INTS)
    return piece(5, piece(1, name) + body)


def tensor(name, width):
    shape = piece(1, piece(2, "N")) + piece(1, number(1, width))
    return piece(1, name) + piece(2, piece(1, number(1, FLOAT) + piece(2, shape)))


def model(node, width):
    graph = piece(1, node) + piece(2, "g") + piece(11, tensor("x", COLUMNS)) + piece(12, tensor("y", width))
    opsets = piece(8, number(2, 17)) + piece(8, piece(1, "ai.onnx.ml") + number(2, 3))
    return number(1, 8) + piece(7, graph) + opsets


def empty():
    return model(piece(1, "x") + piece(2, "y") + piece(4, "Identity"), COLUMNS)


def trees(ensemble):
    a = {k: [] for k in ("nodes_treeids nodes_nodeids nodes_featureids nodes_values nodes_modes "
                         "nodes_truenodeids nodes_falsenodeids nodes_missing_value_tracks_true "
                         "target_treeids target_nodeids target_ids target_weights").split()}
    for i, t in enumerate(ensemble):
        for k, left in enumerate(t["left_children"]):
            leaf = left < 0
            for key, v in (("nodes_treeids", i), ("nodes_nodeids", k),
                           ("nodes_featureids", 0 if leaf else t["split_indices"][k]),
                           ("nodes_values", 0.0 if leaf else float(t["split_conditions"][k])),
                           ("nodes_modes", "LEAF" if leaf else "BRANCH_LT"),
                           ("nodes_truenodeids", max(left, 0)),
                           ("nodes_falsenodeids", max(t["right_children"][k], 0)),
                           ("nodes_missing_value_tracks_true", 0 if leaf else t["default_left"][k])):
                a[key].append(v)
            if leaf:
                for key, v in (("target_treeids", i), ("target_nodeids", k), ("target_ids", 0),
                               ("target_weights", float(t["split_conditions"][k]))):
                    a[key].append(v)
    node = piece(1, "x") + piece(2, "y") + piece(4, "TreeEnsembleRegressor") + piece(7, "ai.onnx.ml")
    return model(node + b"".join(attribute(k, v) for k, v in a.items()) + attribute("n_targets", 1), 1)
