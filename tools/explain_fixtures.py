#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the explanations that test_explain.c holds ours against: contributions by XGBoost and LightGBM.

Needs the packages xgboost (3.0), lightgbm and numpy; the results are committed.
    python3 tools/explain_fixtures.py [SHARED]     SHARED: folder of the golden models
Each folder of test/unit/model/data/explain holds a model, rows.csv and contribs-K.csv for output K: one
line a row, a number a column, then the bias. `shared-NAME` folders hold contribs only, for the first rows
of SHARED/models/NAME.
"""
import pathlib
import sys

import lightgbm
import numpy as np
import xgboost as xgb

ROOT = pathlib.Path(__file__).resolve().parent.parent / "test/unit/model/data/explain"
RNG = np.random.default_rng(20261128)
ROWS, SHARED_ROWS = 40, 60


def table(path, rows, names=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w") as out:
        if names:
            out.write(",".join(names) + "\n")
        for row in rows:
            out.write(",".join("nan" if v != v else f"{v:.9g}" for v in row) + "\n")


def data(n, columns, missing):
    """Numbers of several kinds, some missing, and a target that mixes them."""
    x = RNG.normal(size=(n, columns)).astype(np.float32)
    x[:, 1] = np.round(x[:, 1] * 2)
    x[:, 2] = np.exp(x[:, 2])
    y = x[:, 0] * (x[:, 1] > 0) + np.sin(x[:, 2]) + (x[:, 3] > x[:, 4]) - 0.5 * x[:, 5] * x[:, 0]
    y += 0.3 * RNG.normal(size=n)
    x[RNG.random(x.shape) < missing] = np.nan
    return x, y


def xgboost_model(name, params, rounds, target, missing, classes=1):
    x, y = data(1200, 8, missing)
    label = target(y)
    booster = xgb.train({"seed": 7, "nthread": 1, "base_score": 0.3, **params},
                        xgb.DMatrix(x, label=label), rounds)
    (ROOT / name).mkdir(parents=True, exist_ok=True)
    booster.save_model(ROOT / name / "model.ubj")
    rows = x[:ROWS]
    table(ROOT / name / "rows.csv", rows, [f"f{i}" for i in range(x.shape[1])])
    contribs = booster.predict(xgb.DMatrix(rows), pred_contribs=True).reshape(ROWS, classes, -1)
    for k in range(classes):
        table(ROOT / name / f"contribs-{k}.csv", contribs[:, k, :])


def lightgbm_model(name, params, rounds, target, missing):
    x, y = data(1200, 8, missing)
    booster = lightgbm.train({"seed": 7, "num_threads": 1, "verbose": -1, **params},
                             lightgbm.Dataset(x, label=target(y)), rounds)
    (ROOT / name).mkdir(parents=True, exist_ok=True)
    booster.save_model(ROOT / name / "model.txt")
    rows = x[:ROWS]
    table(ROOT / name / "rows.csv", rows, [f"f{i}" for i in range(x.shape[1])])
    table(ROOT / name / "contribs-0.csv", booster.predict(rows, pred_contrib=True))


def shared_model(folder):
    booster = xgb.Booster(model_file=folder / "model.json")
    rows = np.genfromtxt(folder / "rows.csv", delimiter=",", skip_header=1, max_rows=SHARED_ROWS,
                         dtype=np.float32)
    contribs = booster.predict(xgb.DMatrix(rows), pred_contribs=True)
    table(ROOT / f"shared-{folder.name}" / "contribs-0.csv", contribs)


def main():
    above = lambda y: (y > 0.5).astype(int)
    thirds = lambda y: np.digitize(y, [0, 1])
    plain = lambda y: y
    xgboost_model("xgb-logit", {"objective": "binary:logistic", "max_depth": 5}, 12, above, 0.1)
    xgboost_model("xgb-square", {"objective": "reg:squarederror", "max_depth": 7,
                                 "min_child_weight": 4}, 4, plain, 0)
    xgboost_model("xgb-softmax", {"objective": "multi:softprob", "num_class": 3, "max_depth": 3}, 5,
                  thirds, 0.1, 3)
    xgboost_model("xgb-dart", {"objective": "binary:logistic", "booster": "dart", "max_depth": 3,
                               "rate_drop": 0.3}, 12, above, 0.1)
    lightgbm_model("lgbm-logit", {"objective": "binary", "num_leaves": 15}, 8, above, 0.1)
    if len(sys.argv) > 1:
        for model in sorted(pathlib.Path(sys.argv[1]).glob("models/*/model.json")):
            shared_model(model.parent)


main()
