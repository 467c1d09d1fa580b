#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Trains the models of packs/rivals on simulated data. Needs nothing but Python and a weir binary.

    tools/train-rivals-models.py WEIR

One seed, and the same models each time:
  1. weir simulate: 70 days of the published population
  2. weir decide: the features of every transaction, by the pack without its models; labels after 7 days
  3. logistic regressions by Newton's method on days 35 to 55, all frauds and a tenth of the others
  4. AUC on days 60 to 69; ONNX (LinearRegressor, Sigmoid); weir model compile with the training rows
     as background, whose quantiles stand in the modules
"""
import csv
import json
import math
import random
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACK = ROOT / "packs" / "rivals"
SEED, DAYS, TRAIN, TEST = "20181101", 70, range(35, 56), range(60, 70)
THIN = 10  # of the transactions that are no fraud, one in so many is trained on
MODELS = {
    "new": ["amount", "terminal_risk_7d"],
    "known": ["amount", "amount_ratio", "customer_count_1d", "terminal_risk_7d"],
    "next": ["amount", "amount_ratio", "customer_count_1d", "terminal_risk_1d", "terminal_risk_7d",
             "terminal_risk_30d"],
}


# ── data ─────────────────────────────────────────────────────────────────────────────────────────
def pack_without_models(folder):
    text, skip = [], False
    for line in (PACK / "weir.yaml").read_text().splitlines(keepends=True):
        if not line.startswith((" ", "#")):
            skip = line.startswith("models:")
        if not skip and not line.startswith("  score: "):
            text.append(line)
    (folder / "weir.yaml").write_text("".join(text))
    for name in ("risk.rego", "derive.rego", "data.yaml", ".manifest"):
        (folder / name).write_bytes((PACK / name).read_bytes())


def load(weir):
    """Yields (day, fraud, features) of every transaction."""
    with tempfile.TemporaryDirectory() as temporary:
        pack_without_models(Path(temporary))
        table = subprocess.run([weir, "simulate", "--days", str(DAYS), "--seed", SEED],
                               stdout=subprocess.PIPE, check=True).stdout
        decided = subprocess.run([weir, "decide", "--pack", temporary, "--input", "csv",
                                  "--features"], input=table, stdout=subprocess.PIPE, check=True)
    rows = csv.DictReader(table.decode().splitlines())
    for row, line in zip(rows, decided.stdout.splitlines()):
        features = json.loads(line)["features"]
        features["amount"] = float(row["TX_AMOUNT"])
        yield int(row["TX_TIME_SECONDS"]) // 86400, int(row["TX_FRAUD"]), features


# ── training ─────────────────────────────────────────────────────────────────────────────────────
def solve(a, b):
    """Gauss-Jordan with pivots."""
    n = len(b)
    rows = [list(map(float, a[i])) + [float(b[i])] for i in range(n)]
    for k in range(n):
        pivot = max(range(k, n), key=lambda i: abs(rows[i][k]))
        rows[k], rows[pivot] = rows[pivot], rows[k]
        for i in range(n):
            if i != k and rows[i][k] != 0:
                f = rows[i][k] / rows[k][k]
                rows[i] = [x - f * y for x, y in zip(rows[i], rows[k])]
    return [rows[i][n] / rows[i][i] for i in range(n)]


def fit(rows, labels, weights, rounds=12, ridge=1e-3):
    """Weights and intercept of a logistic regression; inputs are scaled to spread 1 on the way."""
    width, total = len(rows[0]), len(rows)
    mean = [sum(r[i] for r in rows) / total for i in range(width)]
    spread = [math.sqrt(sum((r[i] - mean[i]) ** 2 for r in rows) / total) or 1 for i in range(width)]
    scaled = [[(x - m) / s for x, m, s in zip(r, mean, spread)] + [1.0] for r in rows]
    beta = [0.0] * (width + 1)
    for _ in range(rounds):
        gradient = [-ridge * b for b in beta]
        hessian = [[ridge * (i == k) for k in range(width + 1)] for i in range(width + 1)]
        for r, y, w in zip(scaled, labels, weights):
            p = 1 / (1 + math.exp(-max(-30, min(30, sum(b * x for b, x in zip(beta, r))))))
            g, h = w * (y - p), w * p * (1 - p)
            for i, x in enumerate(r):
                gradient[i] += g * x
                row, hx = hessian[i], h * x
                for k in range(i + 1):
                    row[k] += hx * r[k]
        for i in range(width + 1):
            for k in range(i):
                hessian[k][i] = hessian[i][k]
        beta = [b + d for b, d in zip(beta, solve(hessian, gradient))]
    coefficients = [b / s for b, s in zip(beta, spread)]
    return coefficients, beta[-1] - sum(c * m for c, m in zip(coefficients, mean))


def auc(pairs):
    pairs = sorted(pairs)
    n = sum(fraud for _, fraud in pairs)
    ranks = sum(i + 1 for i, (_, fraud) in enumerate(pairs) if fraud)
    return (ranks - n * (n + 1) / 2) / (n * (len(pairs) - n))


# ── ONNX ─────────────────────────────────────────────────────────────────────────────────────────
def varint(n):
    out = b""
    while n > 127:
        out, n = out + bytes([n & 127 | 128]), n >> 7
    return out + bytes([n])


def field(number, value):
    """A field of protobuf: a whole number, or bytes with their length."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def floats(name, values):
    packed = b"".join(struct.pack("<f", v) for v in values)
    return field(1, name) + field(7, packed) + field(20, 6)


def tensor(name, width):
    shape = field(1, field(2, "n")) + field(1, field(1, width))
    return field(1, name) + field(2, field(1, field(1, 1) + field(2, shape)))


def onnx(coefficients, intercept):
    linear = (field(1, "x") + field(2, "margin") + field(4, "LinearRegressor") +
              field(5, floats("coefficients", coefficients)) +
              field(5, floats("intercepts", [intercept])) + field(7, "ai.onnx.ml"))
    sigmoid = field(1, "margin") + field(2, "score") + field(4, "Sigmoid")
    graph = (field(1, linear) + field(1, sigmoid) + field(2, "logistic") +
             field(11, tensor("x", len(coefficients))) + field(12, tensor("score", 1)))
    opsets = field(8, field(1, "") + field(2, 17)) + field(8, field(1, "ai.onnx.ml") + field(2, 3))
    return field(1, 8) + field(2, "train-rivals-models") + opsets + field(7, graph)


# ── all ──────────────────────────────────────────────────────────────────────────────────────────
def rows_of(data, days, inputs, history):
    for day, fraud, features in data:
        if day in days and (history is None or bool(features.get("has_history")) == history):
            row = [features.get(name) for name in inputs]
            if None not in row:
                yield fraud, row


def main():
    weir = sys.argv[1]
    rng = random.Random(1)
    data = [(day, fraud, features) for day, fraud, features in load(weir)
            if day in TEST or (day in TRAIN and (fraud or rng.random() < 1 / THIN))]
    (PACK / "models").mkdir(exist_ok=True)
    for name, inputs in MODELS.items():
        history = None if name == "new" else True
        training = list(rows_of(data, TRAIN, inputs, history))
        labels, rows = [f for f, _ in training], [r for _, r in training]
        coefficients, intercept = fit(rows, labels, [1 if f else THIN for f in labels])
        tested = [(sum(c * x for c, x in zip(coefficients, row)), fraud)
                  for fraud, row in rows_of(data, TEST, inputs, history)]
        print(f"{name}: {len(rows)} rows, {sum(labels)} frauds; test {len(tested)}, "
              f"{sum(f for _, f in tested)}: AUC {auc(tested):.3f}")
        with tempfile.TemporaryDirectory() as folder:
            source, background = Path(folder) / "model.onnx", Path(folder) / "rows.csv"
            source.write_bytes(onnx(coefficients, intercept))
            with open(background, "w", newline="") as out:
                csv.writer(out).writerows([inputs] + rows[::20])
            subprocess.run([weir, "model", "compile", source, "--name", name, "--inputs",
                            ",".join(inputs), "--background", background, "-o",
                            PACK / "models" / f"{name}.wasm"], check=True)


main()
