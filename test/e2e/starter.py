#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The original policy: over the full truth table around its thresholds, `weir eval` says what OPA
says, and `weir decide` gives the outcome that packs/starter documents.

    starter.py WEIR [OPA]      with OPA, a real opa binary, every row is asked there too
"""
import itertools
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
POLICY = ROOT / "packs" / "starter" / "risk.rego"
AMOUNTS = [None, 0, 9999.99, 10000, 10000.01, 50000, 100000, 100000.01, 250000]
SCORES = [None, 300, 499, 500, 501, 599, 600, 601, 850]
LEVELS = [None, "low", "medium", "high", "LOW"]


def document(i, amount, score, level):
    out = {"transaction": {"id": f"t{i}"}, "user": {"id": "u1"}, "location": {}}
    if amount is not None:
        out["transaction"]["amount"] = amount
    if score is not None:
        out["user"]["credit_score"] = score
    if level is not None:
        out["location"]["risk_level"] = level
    return out


def allowed(amount, score, level):
    return (amount is not None and amount <= 10000 and score is not None and score >= 600
            and level == "low")


def denied(amount, score):
    return amount is not None and amount > 100000 and score is not None and score < 500


def evaluate(program, inputs, folder):
    """One evaluation for all rows: the policy is asked with each row as its input."""
    Path(folder, "rows.json").write_text(json.dumps({"rows": inputs}))
    query = ("r := [{\"allow\": a, \"deny\": n} | some i; d := data.rows[i]; "
             "a := data.risk.allow with input as d; "
             "n := {v | v := data.risk.deny with input as d}]")
    result = subprocess.run([program, "eval", "-f", "json", "-d", str(POLICY), "-d",
                             str(Path(folder, "rows.json")), query],
                            stdout=subprocess.PIPE, check=True).stdout
    return json.loads(result)["result"][0]["bindings"]["r"]


def main():
    weir = sys.argv[1]
    table = list(itertools.product(AMOUNTS, SCORES, LEVELS))
    documents = [document(i, *row) for i, row in enumerate(table)]
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        got = evaluate(weir, documents, folder)
        peers = [("the requirement", [{"allow": allowed(*row), "deny": [True] if denied(*row[:2]) else []}
                                      for row in table])]
        if len(sys.argv) > 2:
            peers.append(("opa", evaluate(sys.argv[2], documents, folder)))
        for name, want in peers:
            wrong = [(row, g, w) for row, g, w in zip(table, got, want) if g != w]
            for item in wrong[:5]:
                print(f"{name} differs: {item}")
            failures += len(wrong) + abs(len(got) - len(want))
    with_amount = [(row, d) for row, d in zip(table, documents)]
    lines = "".join(json.dumps(d) + "\n" for _, d in with_amount)
    empty = dict.fromkeys(("WEIR_PACK", "MODEL_PATH"), "")  # as if they were not set
    out = subprocess.run([weir, "decide", "--input", "jsonl"], input=lines.encode(),
                         env={**os.environ, **empty}, stdout=subprocess.PIPE, check=False).stdout.decode().splitlines()
    for (row, _), line in zip(with_amount, out):
        want = "decline" if denied(*row[:2]) else "approve" if allowed(*row) else "review"
        answer = json.loads(line)
        if row[0] is None and "error" in answer:
            continue  # the pack may demand an amount
        if answer.get("outcome") != want:
            failures += 1
            print(f"{row}: {answer.get('outcome')}, not {want}: {line[:200]}")
    failures += abs(len(out) - len(with_amount))
    print(f"starter: {len(table)} rows, {failures} differences")
    return 1 if failures else 0


sys.exit(main())
