#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`weir model compile` and `weir model score` over the golden models, through the command line.

    models.py WEIR SHARED      exit 77 where SHARED has no models

All 500 rows of each model within the tolerance of its README: 1e-5 absolute or 1e-4 relative, labels
equal except where the score lies within 1e-5 of the cut.
"""
import csv
import subprocess
import sys
import tempfile
from pathlib import Path

MODELS = ("fraud-lr-scaler fraud-lr-scaler-zipmap fraud-rf-100 fraud-xgb-100x6 fraud-xgb-nan "
          "fraud-xgb-te5 fraud-oblivious-gt fraud-mlp-sklearn fraud-mlp-gemm credit30k-xgb").split()


def read(path):
    with open(path, newline="") as lines:
        return list(csv.DictReader(lines))


def close(got, want):
    return abs(got - want) <= max(1e-5, 1e-4 * abs(want)) or (got != got and want != want)


def compare(golden, scores):
    """Every golden column but native_float64 has a column of scores, by name or by place."""
    bad = 0
    columns = [c for c in golden[0] if c != "native_float64"]
    for want, got in zip(golden, scores):
        values = list(got.values())
        for i, column in enumerate(columns):
            g, w = float(got.get(column, values[min(i, len(values) - 1)])), float(want[column])
            if "label" in column:
                near = any(abs(float(want[c]) - 0.5) <= 1e-5 for c in columns if c != column)
                bad += g != w and not near
            else:
                bad += not close(g, w)
    return bad


def main():
    weir, shared = sys.argv[1], Path(sys.argv[2]) / "models"
    if not shared.is_dir():
        print("models: the shared models are not here; skipped")
        return 77
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for name in MODELS:
            sources = [shared / name / "model.onnx"]
            if (shared / name / "model.json").is_file():
                sources.append(shared / name / "model.json")
            for source in sources:
                module = Path(folder) / f"{name}{source.suffix}.wasm"
                subprocess.run([weir, "model", "compile", str(source), "-o", str(module)],
                               check=True, stdout=subprocess.DEVNULL)
                out = Path(folder) / "scores.csv"
                with open(out, "w") as stream:
                    subprocess.run([weir, "model", "score", str(module), "--csv",
                                    str(shared / name / "rows.csv")], check=True, stdout=stream)
                golden, scores = read(shared / name / "golden.csv"), read(out)
                if source.suffix == ".json":  # the native format has no label and one probability
                    golden = [{"p": list(row.values())[-1]} for row in golden]
                    scores = [{"p": list(row.values())[-1]} for row in scores]
                bad = compare(golden, scores) if len(golden) == len(scores) == 500 else 500
                print(f"models: {name} from {source.name}: {len(scores)} rows, {bad} outside")
                failed += bad != 0
    return 1 if failed else 0


sys.exit(main())
