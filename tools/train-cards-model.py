#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Trains packs/cards/models/fraud.wasm on simulated data. A fixture maker: needs XGBoost (PyPI).

    tools/train-cards-model.py WEIR        WEIR is a built weir binary

What it does, all from one seed:
  1. weir simulate: 84 days of the published population with another seed than the demonstrations
  2. weir decide: the 15 features of every transaction, as the engine computes them (the pack without
     its model), labels after 7 days as in production
  3. XGBoost on days 37 to 63 (features are warm, labels known), exact splits, p = 0.5 to begin with
  4. scores days 70 to 83, prints AUC and average precision, saves fraud.json beside this script's
     output and compiles it with weir model compile, explanations included
"""
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import xgboost as xgb

ROOT = Path(__file__).resolve().parent.parent
PACK = ROOT / "packs" / "cards"
SEED = "20181001"
DAYS = 84
TRAIN, TEST = (37, 64), (70, 84)


def feature_names():
    names, inside = [], False
    for line in (PACK / "weir.yaml").read_text().splitlines():
        if line.strip() == "inputs:":
            inside = True
        elif inside and line.strip().startswith("- "):
            names.append(line.strip()[2:])
        elif inside:
            break
    return names


def pack_without_model(folder):
    """The same pack, but with no models part: what the model is to be trained on."""
    text, skip = [], False
    for line in (PACK / "weir.yaml").read_text().splitlines(keepends=True):
        if not line.startswith((" ", "#")):
            skip = line.startswith("models:")
        if not skip and not line.startswith("  score: fraud"):
            text.append(line)
    (folder / "weir.yaml").write_text("".join(text))
    for name in ("risk.rego", "derive.rego", "data.yaml", ".manifest"):
        (folder / name).write_bytes((PACK / name).read_bytes())


def load(weir, names):
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        pack_without_model(folder)
        table = subprocess.run([weir, "simulate", "--days", str(DAYS), "--seed", SEED],
                               stdout=subprocess.PIPE, check=True).stdout
        rows = [line.split(",") for line in table.decode().splitlines()[1:]]
        process = subprocess.run([weir, "decide", "--pack", str(folder), "--input", "csv",
                                  "--features"], input=table, stdout=subprocess.PIPE, check=True)
    x = np.empty((len(rows), len(names)), dtype=np.float32)
    for i, line in enumerate(process.stdout.splitlines()):
        features = json.loads(line)["features"]
        x[i] = [features.get(name, np.nan) for name in names]
    day = np.array([int(row[1]) // 86400 for row in rows])
    fraud = np.array([int(row[5]) for row in rows])
    return x, day, fraud


def average_precision(fraud, score):
    order = np.argsort(-score, kind="stable")
    hits = np.cumsum(fraud[order])
    precision = hits / np.arange(1, len(order) + 1)
    return float((precision * fraud[order]).sum() / fraud.sum())


def auc(fraud, score):
    order = np.argsort(score, kind="stable")
    rank = np.empty(len(score))
    rank[order] = np.arange(1, len(score) + 1)
    n = fraud.sum()
    return float((rank[fraud == 1].sum() - n * (n + 1) / 2) / (n * (len(fraud) - n)))


def main():
    weir = sys.argv[1]
    names = feature_names()
    assert len(names) == 15, names
    x, day, fraud = load(weir, names)
    train = (day >= TRAIN[0]) & (day < TRAIN[1])
    test = (day >= TEST[0]) & (day < TEST[1])
    settings = {"objective": "binary:logistic", "tree_method": "exact", "max_depth": 5, "eta": 0.1,
                "base_score": 0.5, "nthread": 2, "seed": 1}
    model = xgb.train(settings, xgb.DMatrix(x[train], fraud[train], feature_names=names), 100)
    score = model.predict(xgb.DMatrix(x[test], feature_names=names))
    print(f"train {train.sum()} rows, {fraud[train].sum()} frauds; test {test.sum()}, "
          f"{fraud[test].sum()}: AUC {auc(fraud[test], score):.3f}, "
          f"AP {average_precision(fraud[test], score):.3f}")
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "fraud.json"
        model.save_model(source)
        (PACK / "models").mkdir(exist_ok=True)
        subprocess.run([weir, "model", "compile", str(source), "--name", "fraud", "-o",
                        str(PACK / "models" / "fraud.wasm"), "--inputs", ",".join(names)],
                       check=True)


main()
