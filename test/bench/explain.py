#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Explanations side by side: Weir's trees beside XGBoost's pred_contribs, in one run.

    test/bench/explain.py BUILD      BUILD holds weir, bench_model and bench_explain; PEERS as model.py has it

The forests are those of model.py, with covers added. One thread, processor time, five rounds over both; the
medians are compared.
"""
import json
import os
import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from model import FORESTS, peer_libraries, run  # noqa: E402

ROUNDS, BAR = 5, 5


def add_covers(path):
    """Every leaf some rows, every inner node the sum of its children."""
    model = json.loads(path.read_text())
    for t, tree in enumerate(model["learner"]["gradient_booster"]["model"]["trees"]):
        left, right = tree["left_children"], tree["right_children"]
        covers = [0.0] * len(left)
        for i in reversed(range(len(left))):
            leaf = left[i] < 0
            own = float(1 + (i * 7919 + t * 104729) % 97)
            covers[i] = own if leaf else covers[left[i]] + covers[right[i]]
        tree["sum_hessian"] = covers
    path.write_text(json.dumps(model))


def main():
    build, figures = sys.argv[1], {}
    library = peer_libraries(os.environ.get("PEERS"))["xgboost"]
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        for name, (trees, depth, seed) in FORESTS.items():
            path = work / f"{name}.json"
            run(f"{build}/bench_model", "make", str(trees), str(depth), str(seed), str(path), os.devnull)
            add_covers(path)
            print(run(f"{build}/weir", "model", "compile", str(path), "-o", f"{work}/{name}.wasm"), end="")
        for _ in range(ROUNDS):
            for name in FORESTS:
                out = run(f"{build}/bench_explain", f"{work}/{name}.wasm", f"{work}/{name}.json", library)
                for line in out.splitlines():
                    words = line.split()
                    if len(words) == 5 and words[1] in ("one", "batch"):
                        figures.setdefault((name, words[0], words[1]), []).append(
                            (float(words[2]), float(words[4])))
    print("us of processor time a row: median of the rounds (least .. most), times Weir's")
    for (name, engine, kind), values in figures.items():
        times = [v[0] / 1000 for v in values]
        middle, ours = statistics.median(times), statistics.median(v[0] / 1000 for v in figures[name, "weir", "one"])
        verdict = ""
        if engine == "xgboost":
            verdict = f"  bar {BAR}: {'met' if middle >= BAR * ours else 'MISSED'}; at most {values[0][1]:.2g} apart"
        print(f"{name} {engine:8} {kind:5} {middle:8.2f} ({min(times):.2f} .. {max(times):.2f}) "
              f"{middle / ours:6.1f}x{verdict}")
    if library == "-":
        print("no XGBoost beside: PEERS names no Python that has it, and libxgboost is not installed")


if __name__ == "__main__":
    main()
