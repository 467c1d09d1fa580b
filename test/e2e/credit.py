#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""packs/credit, held against a second telling of its policy in Python, against golden decisions, and
against stock OPA where there is one.

    credit.py WEIR [SHARED] [--write]     OPA=/path/to/opa or opa on PATH; --write makes the golden file

  1. a truth table around every cut-off: `weir eval`, OPA and Python agree on every rule told
  2. the held-out applications: `weir decide` gives test/golden/credit/decisions.csv, its outcome and
     outputs follow in Python (and in OPA) from the features and score that it tells, its reasons
     from `weir model explain`; never more than four; no better answer makes anything worse
  3. the figures: who is approved, who of them defaulted, AUC; with SHARED the whole public set too
"""
import bisect
import collections
import csv
import io
import json
import math
import os
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PACK = ROOT / "packs" / "credit"
GOLDEN = ROOT / "test" / "golden" / "credit" / "decisions.csv"
DATA = ["-d", PACK / "data.yaml", "-d", f"scorecard:{PACK / 'scorecard' / 'data.yaml'}"]
TOLD = ["outcome", "amount_granted", "points", "band", "grade", "segment", "room", "reasons"]
failures = 0


def run(*command, **more):
    return subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, check=True, **more).stdout


def check(holds, what):
    global failures
    if not holds:
        failures += 1
        if failures < 20:
            print(f"credit: not so: {what}", file=sys.stderr)


# ── the policy once more ─────────────────────────────────────────────────────────────────────────
LEVELS = ["checking", "history", "savings", "employment", "property", "housing", "purpose",
          "other_plans", "guarantor"]
CODES = {"checking": "CHECKING_ACCOUNT", "history": "CREDIT_HISTORY", "savings": "SAVINGS",
         "employment": "EMPLOYMENT", "property": "PROPERTY", "housing": "HOUSING",
         "purpose": "PURPOSE", "other_plans": "OTHER_PLANS", "guarantor": "GUARANTOR",
         "months": "TERM", "amount": "AMOUNT", "instalment_share": "INSTALMENT_SHARE"}


class Policy:
    def __init__(self, weir):
        out = run(weir, "eval", "-f", "json", *DATA, "data")
        self.data = json.loads(out)["result"][0]["expressions"][0]["value"]
        self.card = self.data["scorecard"]

    def points_of(self, f):
        """Points by characteristic, or None where an answer is missing."""
        classes = {name: f.get(f"{name}_level") for name in LEVELS}
        for name, edges in self.card["bins"].items():
            value = f.get(name)
            classes[name] = None if value is None else bisect.bisect_left(edges, value)
        if None in classes.values():
            return None
        return {name: self.card["points"][name][place] for name, place in classes.items()}

    def room(self, f, applicant, place, share):
        limits = self.data["limits"]
        owed, owing = applicant.get("exposure", 0), applicant.get("obligations", 0)
        asked, months = f["amount"], f["months"]
        if min(asked, months) <= 0 or min(owed, owing) < 0:
            return None
        if "income" in applicant:
            income = (applicant["income"] * limits["burden"][place] / 100 - owing) * months
        elif f["instalment_share"] in (1, 2, 3, 4):
            income = asked * limits["burden"][place] / limits["stated_share"][f["instalment_share"] - 1]
        else:
            return None
        return {"band": limits["caps"][place] * share / 100,
                "exposure": max(0, limits["exposure"][place] - owed),
                "income": max(0, math.floor(income + 1e-9))}

    def decide(self, document):
        """Outcome and whatever the decision tells, from a document as the policy sees it."""
        f, applicant = document["features"], document.get("applicant", {})
        data, limits, parts = self.data, self.data["limits"], self.points_of(f)
        purpose = document["application"].get("purpose")
        terms = next(s for s in data["segments"] if purpose in s["purposes"] or not s["purposes"])
        told = {"segment": terms["name"], "reasons": []}
        pd = document["scores"].get("pd")
        row = None if pd is None else [pd < g["below"] for g in data["grades"]].index(True)
        if row is not None:
            told["grade"] = data["grades"][row]["name"]
        room = None
        if parts is not None:
            told["points"] = self.card["base"] + sum(parts.values())
            place = [told["points"] >= b["from"] for b in data["bands"]].index(True)
            place = min(len(data["bands"]) - 1, place + terms["notches"])
            told["band"] = data["bands"][place]["name"]
            room = self.room(f, applicant, place, terms["share"])
        if room is None or row is None:
            told["room"] = room
            return self.tell(told, "review", "DATA_MISSING" if room is None else "SCORE_MISSING")
        told["room"] = room
        return self.weigh(told, f, parts, data["matrix"][place][row], row, terms, limits)

    def weigh(self, told, f, parts, verdict, row, terms, limits):
        room, asked = told["room"], f["amount"]
        least = min(room.values())
        granted = asked if asked <= least else least // limits["step"] * limits["step"]
        tightest = next(code for name, code in (("exposure", "AMOUNT_OVER_EXPOSURE"),
                        ("income", "AMOUNT_OVER_INCOME"), ("band", "AMOUNT_OVER_BAND"))
                        if room[name] == least)
        for name, code in (("exposure", "EXPOSURE_OVER_LIMIT"), ("income", "INCOME_INSUFFICIENT")):
            if room[name] == 0:
                return self.tell(told, "decline", code)
        referred = None
        if verdict != "decline":
            referred = ("APPLICATIONS_MANY" if f.get("applications_30d", 0) > limits["applications_30d"]
                        else "TERM_LONG" if f["months"] > terms["months"]
                        else tightest if granted < asked * limits["least_share"] else None)
        reason = referred
        lacks = {name: max(self.card["points"][name]) - p for name, p in parts.items()}
        weakest = CODES[min(n for n, l in lacks.items() if l == max(lacks.values()))]
        if reason is None and verdict != "approve" and self.data["matrix"][0][row] == "approve":
            reason = weakest
        if verdict == "approve" and referred is None:
            told["amount_granted"] = granted
            cut = granted < asked
            lacking = (cut and tightest == "AMOUNT_OVER_BAND"
                       and told["points"] < self.data["bands"][0]["from"])
            return self.tell(told, "approve", tightest if cut else None, weakest if lacking else None)
        return self.tell(told, "decline" if verdict == "decline" else "review", reason)

    @staticmethod
    def tell(told, outcome, *reasons):
        return told | {"outcome": outcome, "reasons": sorted({r for r in reasons if r})}


# ── the policy under weir eval and OPA ───────────────────────────────────────────────────────────
def evaluate(program, documents):
    """What the rules of data.credit say about each document, in the terms of Policy.decide."""
    with tempfile.TemporaryDirectory() as folder:
        rows = Path(folder, "rows.json")
        rows.write_text(json.dumps({"rows": documents}))
        out = run(program, "eval", "-f", "json", *DATA, "-d", PACK / "risk.rego", "-d", rows,
                  "[c | d := data.rows[_]; c := data.credit with input as d]")
    told = []
    for c in json.loads(out)["result"][0]["expressions"][0]["value"]:
        outcome = next((o for rule, o in (("decline", "decline"), ("refer", "review"),
                                          ("approve", "approve")) if c.get(rule)), "review")
        told.append({k: c.get(k) for k in TOLD} |
                    {"outcome": outcome, "reasons": sorted(r["code"] for r in c["reasons"])})
    return told


def same(a, b):
    return all(a.get(k) == b.get(k) for k in TOLD)


def truth_table(policy):
    """Documents around every cut-off of bands, grades, segments and limits; the rest at random."""
    rng = random.Random(20261128)
    top = {name: len(p) - 1 for name, p in policy.card["points"].items() if name in LEVELS}
    pds = [None] + [p for g in policy.data["grades"][:4] for p in (g["below"] - 1e-9, g["below"])]
    incomes = [{}, {"income": 0}, {"income": 900}, {"income": 900.5, "obligations": 120},
               {"income": 4000, "exposure": 2999}, {"income": 4000, "exposure": 30000}]
    documents = []
    for i in range(3000):
        lean = rng.random()
        f = {f"{n}_level": min(t, int((t + 1) * (rng.random() * 0.6 + lean * 0.5))) for n, t in top.items()}
        f |= {"months": rng.choice([6, 11, 12, 17, 18, 24, 25, 36, 37, 48, 49, 60, 61]),
              "amount": rng.choice([250, 1500, 1500.5, 3000, 3001, 4000, 4000.01, 7500, 15000, 20000]),
              "instalment_share": rng.choice([1, 2, 3, 4]), "applications_30d": rng.choice([1, 1, 3, 4])}
        if rng.random() < 0.05:
            f.pop(rng.choice(sorted(f)))
        pd = rng.choice(pds)
        documents.append({"application": {"purpose": rng.choice(["A40", "A41", "A46", "A49", "A410"])},
                          "applicant": rng.choice(incomes), "features": f,
                          "scores": {} if pd is None else {"pd": pd}})
    return documents


# ── decisions ────────────────────────────────────────────────────────────────────────────────────
def decided(weir, table):
    out = run(weir, "decide", "--pack", PACK, "--input", "csv", "--features", input=table)
    return [json.loads(line) for line in out.splitlines()]


def document_of(row, decision):
    """The input that the policy saw, as the journal's record would give it."""
    return {"application": {"purpose": row["purpose"]}, "applicant": {},
            "features": decision["features"], "scores": decision["scores"]}


def golden_row(decision):
    outputs = decision["outputs"]
    return [decision["outcome"], repr(decision["score"]), outputs["points"], outputs["band"],
            outputs["grade"], outputs.get("amount_granted", ""),
            " ".join(f"{r['code']}/{r['rule']}" for r in decision["reasons"])]


def check_golden(decisions, write):
    rows = [list(map(str, golden_row(d))) for d in decisions]
    if write:
        GOLDEN.parent.mkdir(parents=True, exist_ok=True)
        with open(GOLDEN, "w", newline="") as out:
            csv.writer(out, lineterminator="\n").writerows(
                [["outcome", "pd", "points", "band", "grade", "amount_granted", "reasons"]] + rows)
    with open(GOLDEN, newline="") as lines:
        want = list(csv.reader(lines))[1:]
    check(len(rows) == len(want), f"{len(rows)} decisions, {len(want)} golden ones")
    for i, (got, row) in enumerate(zip(rows, want), 2):
        check(got == row, f"decision of line {i}: {got}, not {row}")


def check_against_python(policy, rows, decisions):
    for i, (row, decision) in enumerate(zip(rows, decisions), 2):
        want = policy.decide(document_of(row, decision))
        got = decision["outputs"] | {
            "outcome": decision["outcome"],
            "reasons": [r["code"] for r in decision["reasons"] if r["rule"] == "policy"]}
        check(same(got, want), f"line {i}: {got}, not {want}")
        check(not decision["degraded"], f"line {i}: {decision['degraded']}")
        check(len(decision["reasons"]) <= 4, f"line {i}: {len(decision['reasons'])} reasons")


def check_reasons(weir, decisions):
    """Of what is not approved: the three greatest contributions above zero, and their texts."""
    names = [f"{n}_level" for n in sorted(LEVELS)] + ["amount", "instalment_share", "months"]
    text = io.StringIO()
    table = csv.writer(text)
    table.writerows([names] + [[d["features"][n] for n in names] for d in decisions])
    out = run(weir, "model", "explain", PACK / "models" / "pd.wasm", "--csv", "-",
              input=text.getvalue().encode()).decode()
    for i, (decision, row) in enumerate(zip(decisions, csv.DictReader(io.StringIO(out))), 2):
        order = sorted(((float(row[n]), CODES[n.removesuffix("_level")]) for n in names), reverse=True)
        want = [] if decision["outcome"] == "approve" else [code for v, code in order[:3] if v > 0]
        got = [r["code"] for r in decision["reasons"] if r["rule"] == "pd"]
        check(got == sorted(want), f"line {i}: {got}, not {sorted(want)}")
        check(all(r["text"] for r in decision["reasons"]), f"line {i}: a reason without text")
        check((decision["outcome"] == "approve") != bool(got), f"line {i}: {got}")


def check_monotone(weir, policy, decisions):
    """A better answer never costs points and never raises the probability of default."""
    for name, points in policy.card["points"].items():
        check(points == sorted(points, reverse=name not in LEVELS), f"points of {name}: {points}")
    names = [f"{n}_level" for n in sorted(LEVELS)] + ["amount", "instalment_share", "months"]
    base = [[d["features"][n] for n in names] for d in decisions]
    better = [row[:k] + [row[k] + 1 if k < len(LEVELS) else row[k] * 0.7] + row[k + 1:]
              for row in base for k in range(len(names))]
    text = io.StringIO()
    csv.writer(text).writerows([names] + base + better)
    out = run(weir, "model", "score", PACK / "models" / "pd.wasm", "--csv", "-",
              input=text.getvalue().encode()).decode()
    pd = [float(row["probabilities[1]"]) for row in csv.DictReader(io.StringIO(out))]
    check(len(pd) == len(base) + len(better), f"{len(pd)} scores")
    for i, p in enumerate(pd[len(base):]):
        check(p <= pd[i // len(names)], f"row {i // len(names)}: better {names[i % len(names)]}, worse score")


def check_chinese(weir, table):
    """The same decisions in Chinese: other texts and another digest, nothing else."""
    with tempfile.TemporaryDirectory() as folder:
        pack = Path(folder, "pack")
        shutil.copytree(PACK, pack)
        yaml = pack / "weir.yaml"
        yaml.write_text(yaml.read_text().replace("  package: credit\n", "  package: credit\n  language: zh\n"))
        out = run(weir, "decide", "--pack", pack, "--input", "csv", input=table).decode()
    texts = [r["text"] for line in out.splitlines() for r in json.loads(line)["reasons"]]
    check(texts and all(any(c > "\u2e80" for c in t) for t in texts), "reasons in Chinese")


def auc(y, score):
    order = sorted(range(len(y)), key=lambda i: score[i])
    rank, i = [0.0] * len(y), 0
    while i < len(order):
        j = i
        while j < len(order) and score[order[j]] == score[order[i]]:
            j += 1
        for k in order[i:j]:
            rank[k] = (i + j + 1) / 2
        i = j
    n = sum(y)
    return (sum(r for r, v in zip(rank, y) if v) - n * (n + 1) / 2) / (n * (len(y) - n))


def figures(name, rows, decisions):
    y = [int(row["default"]) for row in rows]
    by = collections.defaultdict(list)
    for v, d in zip(y, decisions):
        by[d["outcome"]].append(v)
    told = ", ".join(f"{o} {100 * len(by[o]) / len(y):.1f} % (defaults {100 * sum(by[o]) / len(by[o]):.1f} %)"
                     for o in ("approve", "review", "decline"))
    rank = auc(y, [d["score"] for d in decisions])
    print(f"credit: {name}: {len(y)} applications, base rate {100 * sum(y) / len(y):.1f} %, {told}; "
          f"AUC {rank:.3f}")
    check(sum(by["approve"]) / len(by["approve"]) < sum(y) / len(y) / 2,
          f"{name}: those approved default half as often as all")
    check(rank > 0.75, f"{name}: AUC {rank}")


def main():
    weir, arguments = sys.argv[1], [a for a in sys.argv[2:] if a != "--write"]
    opa = os.environ.get("OPA") or shutil.which("opa")
    policy = Policy(weir)
    table = truth_table(policy)
    want, got = [policy.decide(d) for d in table], evaluate(weir, table)
    outcomes = collections.Counter(w["outcome"] for w in want)
    check(min(outcomes[o] for o in ("approve", "review", "decline")) > 100, outcomes)
    check(len(got) == len(table), f"{len(got)} of {len(table)} rows")
    for d, g, w in zip(table, got, want):
        check(same(g, w), f"{d}: {g}, not {w}")
    text = (PACK / "tests" / "applications.csv").read_bytes()
    rows = list(csv.DictReader(io.StringIO(text.decode())))
    decisions = decided(weir, text)
    check_golden(decisions, "--write" in sys.argv)
    check_against_python(policy, rows, decisions)
    check_reasons(weir, decisions)
    check_chinese(weir, text)
    check_monotone(weir, policy, decisions)
    figures("held out", rows, decisions)
    if opa is not None:
        documents = table + [document_of(r, d) for r, d in zip(rows, decisions)]
        for d, g, w in zip(documents, evaluate(opa, documents), evaluate(weir, documents)):
            check(same(g, w), f"OPA says {g} of {d}, not {w}")
        print(f"credit: {len(documents)} documents asked of {opa}")
    whole = Path(arguments[0], "data", "german-credit.csv") if arguments else None
    if whole is not None and whole.exists():
        text = whole.read_bytes()
        rows = list(csv.DictReader(io.StringIO(text.decode())))
        decisions = decided(weir, text)
        check_against_python(policy, rows, decisions)
        figures("the whole set (700 of them trained on)", rows, decisions)
    print(f"credit: {len(table)} rows of the truth table ({dict(outcomes)}), {failures} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
