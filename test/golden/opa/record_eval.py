#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Records eval.json: OPA's profiles, and what builtins answer at their edges.

    record_eval.py OPA

The test leaves the times of profiles out, and their order where it is by time.
"""
import json
import subprocess
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import record_explain  # noqa: E402

FILES = {
    **record_explain.FILES,
    "t.rego": """package t
import future.keywords.every
a { y := input.a + input.b + input.c; y > 1 }
b { y := [input.b, input.c + 1 + 2]; y }
c {
	x := sum([z | z := input.l[_]]); x > 1
	f(
	  input.a
	)
}
f(x) { x > 0; x < 1000 }
m := input.a + 1
n := {"a": input.a, "b": f(2)}
p[x] { input.l[x] > 1 }
q = {x | p[x]}
e { every x in input.l { x > 0; f(x) } }
r { f(f(1)) }
s {
	y := 2
	x := sum([z | z := input.l[_]]); x > y
}
not_r { not r; not input.missing }
w { a with input.a as 5; b with input as {"b": 1, "c": 2} }
deny[msg] { input.l[i] > 2; msg := sprintf("%d", [i]) }
deny[msg] { x := input.l[_]; x > 1; msg := "large" }
or_else = 1 { input.a > 5 } else = 2 { input.b > 5 } else = 3
default d = "no"
d = "yes" { input.c == 4 }
""",
    "t.json": '{"a": 1, "b": 2, "c": 3, "l": [1, 2, 3]}',
    "folder/of/policies/deep.rego": "package deep\n\np { x := input.l[_]\n  x > 2\n}\n",
}
RULES = ("a", "b", "c", "m", "n", "p", "q", "e", "r", "s", "not_r", "w", "deny", "or_else", "d", "f(1)", "nope")
QUERIES = ("data.t", "data.t.a; data.t.b", "input.a + 1; data.t.a", "x := input.l[i]; x > 1", "1 + 1; true", "x = 1",
           "data.t.deny[m]", "[x | x := input.l[_]]", "not data.t.r", "data.t.d with input.c as 4")
N = ("d", "g", "every_ok", "oc", "e", "arr", "part", "str", "nd", "ok2", "u", "w")
ANSWERS = (
    'units.parse("3x")', 'units.parse("")', 'units.parse("1 k")', 'units.parse("1.1.1")', 'units.parse_bytes("3x")',
    'units.parse_bytes("")', 'units.parse_bytes("1 k")', 'units.parse_bytes("0.0.0")', 'json.verify_schema("64")',
    'json.verify_schema("\\"a\\"")', 'json.verify_schema("null")', 'json.verify_schema("[1]")',
    'json.verify_schema("true")', "bits.rsh(64, 3.0)", "bits.lsh(64, 3.0)", "bits.rsh(64, 3.00)", "bits.rsh(64, 1e0)",
    "bits.rsh(64, 1.5)", "bits.lsh(1, -1)", "bits.lsh(1, -1.0)", "bits.rsh(64, 1e30)", "bits.rsh(-64, 1e30)",
    "ceil(1e30)", "floor(1e30)", "round(1e30)", "ceil(36893488147419103233.5)", "round(-36893488147419103233.5)",
    "floor(36893488147419103233.5)", "ceil(1e400)", "floor(-1e25)", "ceil(12345678901234567890.5)", "round(1.5e19)",
    "round(2e19)", "floor(18446744073709551615.5)", "ceil(18446744073709551616)", "ceil(36893488147419103233)",
)


def cases():
    t = ["eval", "--profile", "-d", "t.rego", "-i", "t.json"]
    for rule in RULES:
        yield [*t, "--profile-limit", "0", "data.t." + rule]
    for query in QUERIES:
        yield [*t, "--profile-limit=0", query]
    for rule in N:
        yield ["eval", "--profile-limit", "0", "-d", "n.rego", "-i", "n.json", "data.n." + rule]
    yield ["eval", "--profile", "-d", "risk.rego", "-i", "i.json", "data.risk"]
    yield [*t, "-f", "pretty", "data.t.a"]
    yield [*t, "-f", "pretty", "data.t.e"]
    yield [*t, "-f", "pretty", "data.t.nope"]
    yield [*t, "-f", "pretty", "x := input.a + 1; data.t.c"]
    yield [*t, "-f", "pretty", "--profile-sort", "num_eval,line", "data.t.e; data.t.a"]
    yield [*t, "-f", "pretty", "--profile-sort", "file", "--profile-sort", "line", "data.t.deny"]
    yield [*t, "--profile-sort=line", "--profile-limit", "2", "data.t.c"]
    yield [*t, "--profile-sort", "num_redo", "--profile-sort", "line", "--profile-limit", "-1", "data.t.e"]
    yield [*t, "-f", "discard", "data.t.a"]
    yield [*t, "-f", "raw", "data.t.a"]
    yield [*t, "-f", "values", "data.t.a"]
    yield [*t, "--explain", "notes", "-f", "pretty", "data.t.a"]
    yield [*t, "--count", "3", "data.t.a"]
    yield [*t, "--fail", "data.t.nope"]
    yield ["eval", "--profile", "-f", "pretty", "-d", "folder", "-i", "t.json", "data.deep.p"]
    yield ["eval", "--profile", "x"]
    yield ["eval", "--profile", "1 +"]
    for query in ANSWERS:
        yield ["eval", "--strict-builtin-errors", "-f", "raw", query]


def main():
    folder = Path(tempfile.mkdtemp())
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    out = []
    for args in cases():
        done = subprocess.run([sys.argv[1], *args], cwd=folder, capture_output=True, text=True)
        out.append({"args": args, "stdin": None, "code": done.returncode, "stdout": done.stdout, "stderr": done.stderr})
    (HERE / "eval.json").write_text(json.dumps({"recorded_from": "OPA 0.60.0", "files": FILES, "runs": out},
                                               indent=0, ensure_ascii=False))
    print(len(out), "runs")


if __name__ == "__main__":
    main()
