#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Trees side by side in one run: Weir, compiled if-else code, and other libraries where they are.

    test/bench/model.py BUILD        BUILD holds weir and bench_model; `./dev bench model` calls this

Debian's libxgboost0 is timed where it is installed; the bars are about it. PEERS=/path/to/python names an
interpreter that has some of xgboost (timed beside, with its version), lightgbm, onnxruntime, treelite +
tl2cgen; NODE_PEERS=FOLDER one where `npm install --ignore-scripts onnxruntime-node` was run. XGBoost and
LightGBM are timed through their C interfaces, ONNX Runtime through Python and Node with the cost of an
empty model's call taken off (both printed). One thread each, processor time, ROUNDS (5) rounds over all
engines; the medians are compared. Nothing here is needed to build or test.
"""
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import onnx_trees

FORESTS = {"100x6": (100, 6, 1), "500x8": (500, 8, 2)}
ROUNDS = int(os.environ.get("ROUNDS", 5))
# (engine, kind) -> how many times slower than Weir it must be, by forest
BARS = {("onnxruntime", "one"): (8, 8), ("xgboost", "one"): (30, 15), ("ifelse", "one"): (3, 5),
        ("xgboost", "batch"): (4, 4), ("onnxruntime", "batch"): (6, 6)}


def run(*command, **more):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, **more).stdout


def lightgbm_text(model):
    """The same trees in LightGBM's text format; x < t becomes x <= the float before t."""
    import struct

    def before(t):
        bits = struct.unpack("<i", struct.pack("<f", t))[0]
        if t == 0:
            return -1e-45
        return struct.unpack("<f", struct.pack("<i", bits - 1 if t > 0 else bits + 1))[0]

    learner = model["learner"]
    n = int(learner["learner_model_param"]["num_feature"])
    out = ["tree", "version=v4", "num_class=1", "num_tree_per_iteration=1", "label_index=0",
           f"max_feature_idx={n - 1}", "objective=regression",
           "feature_names=" + " ".join(f"Column_{i}" for i in range(n)),
           "feature_infos=" + " ".join(["[-1:1]"] * n)]
    blocks = []
    for i, t in enumerate(learner["gradient_booster"]["model"]["trees"]):
        left, value = t["left_children"], t["split_conditions"]
        inner = {k: j for j, k in enumerate(k for k, v in enumerate(left) if v >= 0)}
        leaf = {k: -1 - j for j, k in enumerate(k for k, v in enumerate(left) if v < 0)}
        place = {**inner, **leaf}
        rows = {"split_feature": [t["split_indices"][k] for k in inner],
                "split_gain": [1] * len(inner),
                "threshold": [repr(before(value[k])) for k in inner],
                "decision_type": [10 if t["default_left"][k] else 8 for k in inner],
                "left_child": [place[left[k]] for k in inner],
                "right_child": [place[t["right_children"][k]] for k in inner],
                "leaf_value": [repr(value[k]) for k in leaf],
                "leaf_weight": [1] * len(leaf), "leaf_count": [1] * len(leaf),
                "internal_value": [0] * len(inner), "internal_weight": [1] * len(inner),
                "internal_count": [2] * len(inner)}
        blocks.append("\n".join([f"Tree={i}", f"num_leaves={len(leaf)}", "num_cat=0"] + [
            f"{k}={' '.join(map(str, v))}" for k, v in rows.items()] + [
            "is_linear=0", "shrinkage=1", "", ""]))
    sizes = "tree_sizes=" + " ".join(str(len(b) + 1) for b in blocks)
    return "\n".join(out + [sizes, "", ""]) + "\n".join(blocks) + "\nend of trees\n"


def make_all(build, work):
    for name, (trees, depth, seed) in FORESTS.items():
        print("forest", name + ":", run(f"{build}/bench_model", "make", str(trees), str(depth),
                                        str(seed), f"{work}/{name}.json", f"{work}/{name}.c"), end="")
        run(os.environ.get("CC", "cc"), "-O2", "-shared", "-fPIC", "-ffp-contract=off", "-o",
            f"{work}/{name}.so", f"{work}/{name}.c")
        print(run(f"{build}/weir", "model", "compile", f"{work}/{name}.json", "-o",
                  f"{work}/{name}.wasm"), end="")
        model = json.loads((work / f"{name}.json").read_text())
        (work / f"{name}.txt").write_text(lightgbm_text(model))
        (work / f"{name}.onnx").write_bytes(
            onnx_trees.trees(model["learner"]["gradient_booster"]["model"]["trees"]))
    (work / "empty.onnx").write_bytes(onnx_trees.empty())


DEBIAN = Path("/usr/lib/x86_64-linux-gnu/libxgboost.so.0")


def in_python(peers, package, pattern):
    """A package's shared library beside the interpreter and its version, or None."""
    if peers is None:
        return None, ""
    told = run(peers, "-c", f"import importlib.util as u, importlib.metadata as m; s = u.find_spec('{package}'); "
               f"print(s.submodule_search_locations[0] + ' ' + m.version('{package}') if s else '')").split()
    library = Path(told[0]) / pattern if told else None
    return (str(library), told[1]) if library is not None and library.exists() else (None, "")


def peer_libraries(peers):
    """The shared libraries of XGBoost and LightGBM: Debian's or the interpreter's, or - for none."""
    xgboost = in_python(peers, "xgboost", "lib/libxgboost.so")[0] or (str(DEBIAN) if DEBIAN.exists() else "-")
    return {"xgboost": xgboost, "lightgbm": in_python(peers, "lightgbm", "lib/lib_lightgbm.so")[0] or "-"}


def all_xgboosts(peers):
    """Every XGBoost at hand by label: Debian's, which the bars are about, and the interpreter's."""
    found = {"xgboost": str(DEBIAN)} if DEBIAN.exists() else {}
    library, version = in_python(peers, "xgboost", "lib/libxgboost.so")
    if library is not None:
        found["xgboost-" + version] = library
    return found


def time_node(folder, work, name):
    """npm's onnxruntime-node, where NODE_PEERS names the folder it was installed in."""
    if folder is None:
        return ""
    return run("node", str(Path(__file__).parent / "model_peers.mjs"), folder, f"{work}/{name}.onnx",
               f"{work}/empty.onnx")


def one_round(build, work, name, peers, xgboosts, lightgbm):
    """What each engine says; Weir and the if-else code are timed beside every XGBoost."""
    out = ""
    for label, library in (xgboosts or {"xgboost": "-"}).items():
        told = run(f"{build}/bench_model", "time", f"{work}/{name}.wasm", f"{work}/{name}.so", library,
                   f"{work}/{name}.json", lightgbm, f"{work}/{name}.txt")
        out += told.replace("xgboost ", label + " ")
    if peers is not None:
        out += run(peers, str(Path(__file__).parent / "model_peers.py"), f"{work}/{name}.json",
                   f"{work}/{name}-tl2cgen.so" if name == "100x6" else "-")
    return out + time_node(os.environ.get("NODE_PEERS"), work, name)


def main():
    build = sys.argv[1]
    peers = os.environ.get("PEERS")
    figures = {}
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        make_all(build, work)
        lightgbm = peer_libraries(peers)["lightgbm"]
        for round_number in range(ROUNDS):
            for name in FORESTS:
                out = one_round(build, work, name, peers, all_xgboosts(peers), lightgbm)
                for line in out.splitlines():
                    engine, kind, ns = (line.split() + ["", "", ""])[:3]
                    if kind in ("one", "batch"): # not what libraries print of their own
                        figures.setdefault((name, kind, engine), []).append(float(ns))
            print(f"round {round_number + 1} of {ROUNDS} done", file=sys.stderr)
    report(figures)


def report(figures):
    print("\nns of processor time a row: median of the rounds (least .. most), times Weir's")
    for i, name in enumerate(FORESTS):
        for kind in ("one", "batch"):
            ours = statistics.median(figures[name, kind, "weir"])
            for (forest, k, engine), values in figures.items():
                if (forest, k) != (name, kind):
                    continue
                middle = statistics.median(values)
                bar = BARS.get((engine.removesuffix("-node"), kind))
                verdict = ""
                if bar is not None:
                    verdict = f"  bar {bar[i]}: {'met' if middle >= bar[i] * ours else 'MISSED'}"
                print(f"{name} {'one row' if kind == 'one' else 'batch of 256':12} {engine:12} "
                      f"{middle:9.1f} ({min(values):.1f} .. {max(values):.1f}) "
                      f"{middle / ours:6.1f}x{verdict}")


if __name__ == "__main__":
    main()
