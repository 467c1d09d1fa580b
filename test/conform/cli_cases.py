#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The conformance lists of Rego and of models through weir-cli.wasm itself, as it is shipped.

    cli_cases.py node|wasmedge SHARED [TEXT]       TEXT: only cases whose names hold it, told in full

What the list of the wasm build (opa.passing) counts as passing has to pass by `eval`; what needs
public-key cryptography, or names http.send, has to be refused by name. Cases that need functions
which only conform-rego has (a sleep, a counter, a fixed name server) are left out, and counted.
ONNX's operator cases, as many as test/unit/model/onnx_cases.txt lists, run by `model conform`, which
has to find the fault in one that was broken. Each of the shared models is compiled by `model compile`,
which checks it against its golden scores, and scores its 500 rows again from the module that was made.
A process runs many cases in turn, each in an instance of its own: test/conform/cli_node.mjs under
Node, test/conform/cli_wasmedge.c under the real WasmEdge. There all of them run when the module is
compiled ahead, as build/wasm/weir-cli.so, which WEIR_TEST_ALL=1 does first (a minute); else it is
interpreted, and every 10th Rego case runs and no model but the operator cases.
Exit code 77, and loudly, where the module, the engine or the cases are missing.
"""
import decimal
import gzip
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
HERE = ROOT / "test" / "conform"
PREFIX = ROOT / "build" / "wasmedge"
SYSTEM = PREFIX / "root"
MODULE = ROOT / "build" / "wasm" / "weir-cli.wasm"
AHEAD = MODULE.with_suffix(".so")
HOST_FUNCTIONS = ("net.lookup_ip_addr", "test.sleep", "custom_builtin_test")
REFUSALS = {"public-key": "this build has no public-key cryptography",
            "network": "http.send is not allowed here"}
LEFT_OUT_MAX = 6
INTERPRETED_STEP = 10
N_MODELS, MODEL_ROWS = 13, 500
OPERATOR_FOLDERS = ("official", "generated")
# V8's fast calls into Node's WASI have ended Node 20 with SIGSEGV, after the module was done.
NODE = ["node", "--no-warnings", "--no-turbo-fast-api-calls"]


def read_json(path):
    data = path.read_bytes()
    text = gzip.decompress(data) if path.suffix == ".gz" else data
    return json.loads(text, parse_float=decimal.Decimal, parse_int=decimal.Decimal)


def plain(value):
    """Numbers as their shortest exact text, so that what is equal compares equal."""
    if isinstance(value, decimal.Decimal):
        return "number " + format(value.normalize(), "e")
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return value


class Encoder(json.JSONEncoder):
    """Decimals keep their digits."""

    def iterencode(self, value, _one_shot=False):
        return iter([self.text(value)])

    def text(self, value):
        if isinstance(value, decimal.Decimal):
            return str(value)
        if isinstance(value, list):
            return "[" + ",".join(map(self.text, value)) + "]"
        if isinstance(value, dict):
            return "{" + ",".join(json.dumps(k) + ":" + self.text(v)
                                  for k, v in value.items()) + "}"
        return json.dumps(value)


def listed():
    """Names of the list with their notes."""
    lines = (HERE / "opa.passing").read_text().splitlines()
    return dict(((line + " ").split(" ", 1)) for line in lines if line and line[0] != "#")


def cases_of(shared):
    notes = listed()
    for path in sorted((shared / "opa-cases").rglob("*.json*")):
        if path.suffix not in (".json", ".gz"):
            continue
        for i, case in enumerate(read_json(path)["cases"]):
            name = f"{path.parent.name}/{path.name.split('.')[0]}/{i}"
            note = notes.get(name, "not listed").strip()
            texts = [case["query"]] + (case.get("modules") or [])
            if note == "" and any("http.send" in text for text in texts):
                note = "network"
            if note == "" or note in REFUSALS:
                yield name, case, note


def write_case(folder, case, note, in_v1):
    """The case as files, and the words of the command that runs it there."""
    folder.mkdir(parents=True)
    words = ["eval", "--format", "json"]
    for i, module in enumerate(case.get("modules") or []):
        (folder / f"test-{i}.rego").write_text(module)
        words += ["-d", f"test-{i}.rego"]
    if case.get("data"):
        (folder / "data.json").write_text(json.dumps(case["data"], cls=Encoder))
        words += ["-d", "data.json"]
    query = case["query"]
    if "input_term" in case:
        query += " with input as " + case["input_term"]
    elif "input" in case:
        (folder / "input.json").write_text(json.dumps(case["input"], cls=Encoder))
        words += ["-i", "input.json"]
    if in_v1 or "opa190" in case:
        words.append("--v1-compatible")
    if case.get("strict_error") or note == "public-key":
        words.append("--strict-builtin-errors")
    return words + [query]


def as_set(results, sort):
    rows = [{key: sorted(value, key=json.dumps) if sort and isinstance(value, list) else value
             for key, value in row.items()} for row in map(plain, results)]
    return sorted(json.dumps(row, sort_keys=True) for row in rows)


def error_text(errors):
    lines = []
    for error in errors:
        place = error.get("location") or {}
        where = f"{place['file']}:{place['row']}: " if place.get("file") else ""
        lines.append(f"{where}{error.get('code', '')}: {error.get('message', '')}")
    return "\n".join(lines)


def judge(case, note, text):
    """As the README of the cases says; returns what is wrong, or None."""
    try:
        answer = json.loads(text, parse_float=decimal.Decimal, parse_int=decimal.Decimal)
    except ValueError:
        return "no answer: " + text[:300]
    errors = answer.get("errors")
    told = error_text(errors or [])
    if note in REFUSALS:
        return None if REFUSALS[note] in told else "not refused by name: " + text[:300]
    code, wanted = case.get("want_error_code"), case.get("want_error")
    if code or wanted:
        if not errors or (code and code != errors[0]["code"]):
            return f"wanted {code}: {text[:300]}"
        if wanted and ": var assignment conflict" in wanted:  # the planner's words
            wanted = f":{wanted.split(':')[1]}: eval_conflict_error"
        return None if not wanted or wanted in told else f"wanted {wanted}: {told}"
    if errors:
        return told
    results = [row.get("bindings", {}) for row in answer.get("result", [])
               if all(expression["value"] is not False for expression in row["expressions"])]
    if "want_defined" in case:
        return None if case["want_defined"] == bool(results) else f"defined: {results}"
    sort = bool(case.get("sort_bindings"))
    good = as_set(results, sort) == as_set(case.get("want_result") or [], sort)
    return None if good else f"wanted {case.get('want_result')}, got {text[:600]}"


def build_runner(folder):
    program = folder / "runner"
    subprocess.run(["cc", "-O2", "-I", SYSTEM / "usr" / "include", HERE / "cli_wasmedge.c", "-o",
                    program, f"-L{SYSTEM}/usr/lib/x86_64-linux-gnu", "-lwasmedge",
                    "-Wl,--unresolved-symbols=ignore-all"], check=True)
    return [SYSTEM / "lib64" / "ld-linux-x86-64.so.2", "--library-path",
            f"{SYSTEM}/usr/lib/x86_64-linux-gnu:{SYSTEM}/lib/x86_64-linux-gnu", program]


def command_of(engine, folder):
    """The command that runs a plan, and whether it is quick."""
    if engine == "node":
        return NODE + [HERE / "cli_node.mjs", MODULE], True
    fresh = AHEAD.is_file() and AHEAD.stat().st_mtime >= MODULE.stat().st_mtime
    if not fresh and os.environ.get("WEIR_TEST_ALL"):
        subprocess.run(["sh", ROOT / "tools" / "aot.sh", MODULE, AHEAD, PREFIX], check=True)
        fresh = True
    return build_runner(folder) + [AHEAD if fresh else MODULE], fresh


def run_all(command, folder, plan):
    """Runs the plan: a line for each case, its folder and words, tabs between; \\n, \\t, \\\\."""
    def escaped(word):
        return word.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t")
    (folder / "plan").write_text("".join(
        "\t".join([str(place)] + [escaped(word) for word in words]) + "\n" for place, words in plan))
    code = subprocess.run(command + [folder / "plan"]).returncode
    if code != 0:
        at = next((place for place, _ in plan if not (place / "code").exists()), "its end")
        sys.exit(f"cli_cases: the engine ended with {code}, at {at}")


def rego(command, folder, shared, only, step):
    plan, cases, left_out = [], [], 0
    for at, (name, case, note) in enumerate(cases_of(shared)):
        texts = [case["query"]] + (case.get("modules") or [])
        if any(word in text for word in HOST_FUNCTIONS for text in texts):
            left_out += 1
            continue
        if only not in name or at % step != 0:
            continue
        place = folder / "rego" / str(at)
        words = write_case(place, case, note, name.startswith("v1/"))
        plan.append((place, words))
        cases.append((name, case, note, place))
    run_all(command, folder, plan)
    passed, refused, failures = 0, dict.fromkeys(REFUSALS, 0), []
    for name, case, note, place in cases:
        wrong = judge(case, note, (place / "stdout").read_text())
        if wrong is not None:
            failures.append(f"{name}: {wrong} {(place / 'stderr').read_text()[:300]}")
        elif note in REFUSALS:
            refused[note] += 1
        else:
            passed += 1
    for failure in failures if only else failures[:40]:
        print("FAILED", failure)
    print(f"cli_cases: rego: {passed} passed, {len(failures)} failed; refused by name: "
          f"{refused['public-key']} that need public-key cryptography, {refused['network']} that name "
          f"http.send; {left_out} need functions of the test's own")
    return len(failures) == 0 and left_out <= LEFT_OUT_MAX and passed > 0


def models(command, folder, shared):
    """Compiled and checked, then scored; in two rounds, since one needs what the other made."""
    places = []
    for source in sorted((shared / "models").iterdir()):
        if (source / "golden.csv").is_file():
            place = folder / "models" / source.name
            shutil.copytree(source, place)
            places.append(place)
    run_all(command, folder, [(place, ["model", "compile", "model.onnx", "-o", "made.wasm", "--check",
                                       "rows.csv", "golden.csv"]) for place in places])
    bad = [place.name for place in places if (place / "code").read_text() != "0"]
    for place in places:
        (place / "code").unlink()
    run_all(command, folder, [(place, ["model", "score", "made.wasm", "--csv", "rows.csv"])
                              for place in places])
    bad += [place.name for place in places
            if len((place / "stdout").read_text().splitlines()) != MODEL_ROWS + 1]
    print(f"cli_cases: models: {len(places)} compiled, checked and scored; wrong: {bad}")
    return len(places) == N_MODELS and not bad


def operators(command, folder, shared):
    """All of the list pass; a case whose expected output was changed does not."""
    source, wanted = shared / "onnx-ml-cases", ROOT / "test" / "unit" / "model" / "onnx_cases.txt"
    good, broken = folder / "operators", folder / "broken"
    for part in OPERATOR_FOLDERS:
        shutil.copytree(source / part, good / part)
    shutil.copytree(source / "generated" / "normalizer_l1", broken / "case")
    output = broken / "case" / "test_data_set_0" / "output_0.pb"
    data = bytearray(output.read_bytes())
    data[-1] ^= 0x40  # of the last float: 0 becomes 2
    output.write_bytes(data)
    run_all(command, folder, [(place, ["model", "conform", "."]) for place in (good, broken)])
    told = [(place / "stdout").read_text().strip() for place in (good, broken)]
    codes = [(place / "code").read_text() for place in (good, broken)]
    print(f"cli_cases: operators: {told[0]}; one that was broken: {told[1]} "
          f"{(good / 'stderr').read_text()[:600]}")
    n = len(wanted.read_text().split())
    return told == [f"{n} passed, 0 failed", "0 passed, 1 failed"] and codes == ["0", "1"]


def main():
    engine, shared = sys.argv[1], Path(sys.argv[2])
    only = sys.argv[3] if len(sys.argv) > 3 else ""
    header = SYSTEM / "usr" / "include" / "wasmedge" / "wasmedge.h"
    there = shutil.which("node") if engine == "node" else header.is_file()
    if not there or not MODULE.is_file() or not (shared / "opa-cases").is_dir():
        print(f"cli_cases: SKIPPED: wants {engine}, ./dev edge and {shared}/opa-cases")
        return 77
    folder = Path(tempfile.mkdtemp(prefix="weir-cli-"))
    try:
        command, every = command_of(engine, folder)
        step = 1 if every or only else INTERPRETED_STEP
        good = rego(command, folder, shared, only, step)
        if only == "" and (shared / "onnx-ml-cases").is_dir():
            good = operators(command, folder, shared) and good
        elif only == "":
            print(f"cli_cases: operators: SKIPPED: wants {shared}/onnx-ml-cases")
        if every and only == "":
            good = models(command, folder, shared) and good
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
