#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Explanations through the program: weir model compile, info and explain, and reasons of weir decide.

    explain.py WEIR

The reasons are held against XGBoost's own contributions (test/unit/model/data/explain).
"""
import csv
import json
import subprocess
import sys
import tempfile
from pathlib import Path

WEIR = sys.argv[1]
DATA = Path(__file__).resolve().parent.parent / "unit/model/data"
LOGIT = DATA / "explain/xgb-logit"
NAMES = [f"x.f{i}" for i in range(8)]
failures = 0


def weir(*arguments, ok=0, stdin=None):
    done = subprocess.run([WEIR, *map(str, arguments)], capture_output=True, text=True, input=stdin)
    check(done.returncode == ok, f"{arguments} ends with {done.returncode}: {done.stderr}")
    return done.stdout, done.stderr


def check(holds, what):
    global failures
    if not holds:
        failures += 1
        print(f"explain: not so: {what}", file=sys.stderr)


def numbers(path):
    with open(path, newline="") as lines:
        return [[float(v) for v in row] for row in csv.reader(lines)]


def command_line(work):
    """What compile, info and explain print, and what they refuse."""
    module = work / "logit.wasm"
    weir("model", "compile", LOGIT / "model.ubj", "-o", module, "--inputs", ",".join(NAMES))
    info = json.loads(weir("model", "info", module)[0])
    check(info["explain"] == {"method": "trees", "unit": "log-odds"}, info["explain"])
    check(info["operators"]["trees"] == 1 and info["cost"]["explain_steps"] > 100, info["cost"])
    out = weir("model", "explain", module, "--csv", LOGIT / "rows.csv")[0].splitlines()
    check(out[0] == "row,base,margin," + ",".join(NAMES), out[0])
    for line, want in zip(out[1:], numbers(LOGIT / "contribs-0.csv")):
        row, base, margin, *ours = map(float, line.split(","))
        check(abs(base - want[-1]) < 1e-5, f"row {row}: base {base}, not {want[-1]}")
        check(all(abs(a - b) < 1e-5 for a, b in zip(ours, want)), f"row {row} differs")
        check(abs(base + sum(ours) - margin) < 1e-9 * max(1, abs(margin)), f"row {row} does not add up")
    top = list(csv.DictReader(weir("model", "explain", module, "--csv", LOGIT / "rows.csv", "--top",
                                   "2")[0].splitlines()))
    for row, want in enumerate(numbers(LOGIT / "contribs-0.csv"), 1):
        order = sorted(range(8), key=lambda i: -abs(want[i]))
        told = [r["input"] for r in top if r["row"] == str(row)]
        check(told == [NAMES[i] for i in order[:2]], f"row {row}: {told}")
    check(len(out) == 41 and len(top) <= 80, "the number of lines")
    bare = work / "bare.wasm"
    weir("model", "compile", LOGIT / "model.ubj", "-o", bare, "--no-explain")
    check(bare.stat().st_size < module.stat().st_size, "--no-explain makes no smaller module")
    _, said = weir("model", "explain", bare, "--csv", LOGIT / "rows.csv", ok=1)
    check("--no-explain" in said, said)
    _, said = weir("model", "explain", module, "--csv", LOGIT / "rows.csv", "--output", "none", ok=1)
    check("no output none" in said, said)


def background(work):
    """ONNX trees need rows; with them come covers, and quantiles in the metadata."""
    source, module = DATA / "tiny-trees/model.onnx", work / "tiny.wasm"
    weir("model", "compile", source, "-o", module)
    _, said = weir("model", "explain", module, "--csv", DATA / "tiny-trees/rows.csv", ok=1)
    check("no node covers: compile with --background" in said, said)
    meta = work / "meta.json"
    meta.write_text('{"calibration": {"method": "isotonic"}, "thresholds": {"review": 0.4}}')
    weir("model", "compile", source, "-o", module, "--background", DATA / "tiny-trees/rows.csv",
         "--metadata", meta)
    quality = json.loads(weir("model", "info", module)[0])["quality"]
    check(quality["thresholds"] == {"review": 0.4}, quality)
    reference = quality["reference"]
    check(reference["rows"] == 60 and len(reference["inputs"][0]["quantiles"]) == 11, reference)
    with open(DATA / "tiny-trees/rows.csv", newline="") as lines:
        column = [float(next(iter(r.values()))) for r in csv.DictReader(lines)]
    there = sorted(v for v in column if v == v)
    check(reference["inputs"][0]["quantiles"][0] == there[0], "the least value")
    check(reference["inputs"][0]["quantiles"][-1] == there[-1], "the greatest value")
    check(abs(reference["inputs"][0]["missing"] - (1 - len(there) / 60)) < 1e-12, "the missing share")
    for line in weir("model", "explain", module, "--csv", DATA / "tiny-trees/rows.csv")[0].splitlines()[1:]:
        _, base, margin, *ours = map(float, line.split(","))
        check(abs(base + sum(ours) - margin) < 1e-9 * max(1, abs(margin)), "does not add up")
    meta.write_text("[1]")
    _, said = weir("model", "compile", source, "-o", module, "--metadata", meta, ok=1)
    check("wanted a JSON object" in said, said)
    empty = work / "empty.csv"
    empty.write_text((DATA / "tiny-trees/rows.csv").read_text().splitlines()[0] + "\n")
    _, said = weir("model", "compile", source, "-o", module, "--background", empty, ok=1)
    check("there are no rows" in said, said)


def quoting(work):
    """Cells with commas and quotes come out as they went in."""
    module, rows = work / "quoted.wasm", work / "quoted.csv"
    with open(DATA / "tiny-text/rows.csv", newline="") as lines:
        table = list(csv.DictReader(lines))
    weir("model", "compile", DATA / "tiny-text/model.onnx", "-o", module, "--background",
         DATA / "tiny-text/rows.csv")
    odd = 'x, "y"'
    kinds = json.loads(weir("model", "info", module)[0])["inputs"]
    text = next(k["name"] for k in kinds if k["kind"] == "category")
    with open(rows, "w", newline="") as out:
        writer = csv.DictWriter(out, table[0].keys())
        writer.writeheader()
        for row in table[:5]:
            writer.writerow({**row, text: odd})
    told = list(csv.DictReader(weir("model", "explain", module, "--csv", rows, "--top", "9")[0].splitlines()))
    check(all(r["value"] == odd for r in told if r["input"] == text), told)
    check(any(r["input"] == text for r in told), "the text is never told")


def golden(work):
    """--check writes a module only when every number agrees."""
    source, rows = DATA / "tiny-trees/model.onnx", DATA / "tiny-trees/rows.csv"
    right, module = DATA / "tiny-trees/golden.csv", work / "checked.wasm"
    out, _ = weir("model", "compile", source, "-o", module, "--check", rows, right)
    check("check: 60 rows" in out and module.exists(), out)
    module.unlink()
    lines = right.read_text().splitlines()
    cells = lines[7].split(",")
    cells[-1] = repr(float(cells[-1]) + 0.01)
    wrong = work / "wrong.csv"
    wrong.write_text("\n".join(lines[:7] + [",".join(cells)] + lines[8:]) + "\n")
    _, said = weir("model", "compile", source, "-o", module, "--check", rows, wrong, ok=1)
    check("line 8" in said and "in the golden file" in said and not module.exists(), said)
    wrong.write_text("\n".join(lines[:20]) + "\n")
    _, said = weir("model", "compile", source, "-o", module, "--check", rows, wrong, ok=1)
    check("has more rows than" in said and not module.exists(), said)
    wrong.write_text("nothing\n" + "1\n" * 60)
    _, said = weir("model", "compile", source, "-o", module, "--check", rows, wrong, ok=1)
    check("no column with the name of an output" in said, said)
    weir("model", "compile", source, "-o", module, "--check", rows, ok=2)


POLICY = """package risk

decline { input.scores.fraud > 0.7 }

allow { input.scores.fraud < 0.3 }
"""


def make_pack(folder, language, decision=""):
    (folder / "models").mkdir(parents=True)
    weir("model", "compile", LOGIT / "model.ubj", "-o", folder / "models/fraud.wasm", "--inputs",
         ",".join(NAMES))
    (folder / ".manifest").write_text('{"revision": "1", "roots": ["risk"]}')
    (folder / "risk.rego").write_text(POLICY)
    reasons = "".join(f"        {name}: CODE_{i}\n" for i, name in enumerate(NAMES))
    texts = "".join(f'  CODE_{i}: {{en: "Input {i} is unusual.", zh: "输入 {i} 异常。"}}\n' for i in range(8))
    (folder / "weir.yaml").write_text(
        "event:\n  id: id\n  time: {path: time, unit: s}\n"
        "models:\n  fraud:\n    file: models/fraud.wasm\n    explain:\n      reasons:\n" + reasons +
        "      top: 3\ndecision:\n  package: risk\n  outcomes: {decline: decline, allow: approve}\n"
        f"  language: {language}\n{decision}reasons:\n{texts}")
    return folder


def decisions(work):
    """Reasons of decisions are the codes of XGBoost's three greatest contributions above zero."""
    want = numbers(LOGIT / "contribs-0.csv")
    with open(LOGIT / "rows.csv", newline="") as lines:
        rows = list(csv.DictReader(lines))
    events = "".join(json.dumps({"id": str(i), "time": 1700000000 + i, "x": {
        k: float(v) for k, v in row.items() if v != "nan"}}) + "\n" for i, row in enumerate(rows))
    packs = {language: make_pack(work / f"pack-{language}", language) for language in ("en", "zh")}
    out = {k: weir("decide", "--pack", p, stdin=events)[0] for k, p in packs.items()}
    check(out["en"] == weir("decide", "--pack", packs["en"], stdin=events)[0], "two runs differ")
    explained = 0
    for i, (line, chinese) in enumerate(zip(out["en"].splitlines(), out["zh"].splitlines())):
        decision, other = json.loads(line), json.loads(chinese)
        codes = [r["code"] for r in decision["reasons"]]
        if decision["outcome"] == "approve":
            check(codes == [], f"row {i}: an approval has reasons")
            continue
        above = sorted((k for k in range(8) if want[i][k] > 0), key=lambda k: -want[i][k])
        check(codes == sorted(f"CODE_{k}" for k in above[:3]), f"row {i}: {codes}, not {above[:3]}")
        check(all(r["text"] == f"Input {r['code'][-1]} is unusual." and r["rule"] == "fraud"
                  for r in decision["reasons"]), decision["reasons"])
        check([r["text"] for r in other["reasons"]] == [f"输入 {c[-1]} 异常。" for c in codes], other)
        explained += len(codes) > 0
    check(explained >= 10, f"only {explained} decisions were explained")
    poor = make_pack(work / "pack-poor", "en", "  explain_steps: 10\n")
    for line in weir("decide", "--pack", poor, stdin=events)[0].splitlines():
        decision = json.loads(line)
        skipped = [] if decision["outcome"] == "approve" else [{"what": "explain.fraud", "why": "steps"}]
        check(decision["degraded"] == skipped and decision["reasons"] == [], decision)
    said = weir("pack", "check", poor)
    check("it will always be left out" in said[0] + said[1], said)
    check("model fraud: 8 inputs; can be explained by its trees, and is: 8 codes, " in said[0], said)


with tempfile.TemporaryDirectory() as folder:
    for part in (command_line, background, quoting, golden, decisions):
        (Path(folder) / part.__name__).mkdir()
        part(Path(folder) / part.__name__)
print(f"explain: {failures} failures")
sys.exit(1 if failures else 0)
