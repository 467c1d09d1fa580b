#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Records explain.json: what OPA's `eval --explain` tells.

    record_explain.py OPA

Each run is recorded five times. What is not the same each time is left out: the order in which OPA's
index comes to rules is random where several statements are equally frequent.
"""
import json
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
FILES = {
    "n.rego": """package n
import future.keywords
default d := false
d if { trace("top"); some x in input.items; trace(sprintf("x %v", [x])); x > 3; not bad(x) }
bad(x) if { x == 5; trace("bad") }
bad(x) if { x > 100 } else if { x > 50 }
g.a[k] := v if { some k, v in input.m }
every_ok if { every v in input.items { v > 0; v != 2 } }
oc := {k: v | some k, v in input.m; v > 1}
sc := {v | v := input.items[_]}
w if { d with input.items as [1, 4] }
e := 1 if { input.z } else := 2 if { input.items[0] == 1 } else := 3
u if { walk(input, [p, 3]); p[0] == "items" }
arr if { [a, b, _] = input.items; a < b }
obj if { {"a": q, "b": 2} = input.m; q == 1 }
part contains [x, y] if { some x in [1, 2]; some y in [3]; x != y }
str if { startswith(input.name, "x") ; p := object.get(input, "q", 7); p == 7 }
nd if { data.base.k == 1 }
err if { 1 / input.zero == 1 }
ok2 if { u; arr }
ok2 if { obj }
""",
    "risk.rego": """package risk

import future.keywords.in

default allow = false

allow {
	input.amount < 100
	x := input.country
	x in {"SE", "NO"}
}

allow {
	input.vip
}

f(x) = y {
	y := x + 1
}

deny[msg] {
	some i
	input.items[i] > 2
	msg := sprintf("item %d", [f(i)])
}
total := sum([x | x := input.items[_]])
""",
    "n.json": '''{"items":[1,3,5,4],"m":{"a":1,"b":2},"name":"xy","zero":0}''',
    "i.json": '''{"amount": 50, "country": "SE", "items": [1, 3, 5]}''',
}
RULES = ("d", "bad(5)", "bad(60)", "g", "g.a", "g.a.b", "every_ok", "oc", "sc", "w", "e", "u", "arr", "obj", "part",
         "part[[1,3]]", "str", "nd", "err", "ok2", "nope")
QUERIES = ("data.n", "data", "input.items[_] > 3", "x := input.items[i]; x > 3", "[x | x := input.items[_]]",
           "data.n.d; data.n.u", "count(data.n.part) > 1", "walk(input, x)", "data.n.g.a[k] = v", "{1,3} - {1}",
           "not data.n.nope", "data.n.d with input.items as [4]", "x = {y | y = input.items[_]}", "true", "1 == 1",
           "false", "data.n.e == 2", "input", "x = input.items[_]; y = input.m[z]", "1 +", "x")
RISK = ("data.risk.allow", "data.risk", "data.risk.f(3)", "x = data.risk.deny[_]", "x := data.risk.f(2); x > 2")


def cases():
    asked = [("n", "data.n." + rule) for rule in RULES] + [("n", q) for q in QUERIES] + [("risk", q) for q in RISK]
    for name, query in asked:
        for mode in ("full", "notes", "fails"):
            rest = ["--explain", mode, "-f", "pretty", query]
            yield ["eval", "-d", name + ".rego", "-i", "n.json" if name == "n" else "i.json", *rest]
    yield ["eval", "--explain=notes", "-f", "values", "-d", "n.rego", "data.n.nope"]
    yield ["eval", "--explain=full", "-f", "raw", "1 + 1"]


def main():
    folder = Path(tempfile.mkdtemp())
    for name, text in FILES.items():
        (folder / name).write_text(text)
    out, random = [], 0
    for args in cases():
        tries = [subprocess.run([sys.argv[1], *args], cwd=folder, capture_output=True, text=True) for _ in range(5)]
        if len({t.stdout for t in tries}) > 1:
            random += 1
            continue
        done = tries[0]
        out.append({"args": args, "stdin": None, "code": done.returncode, "stdout": done.stdout, "stderr": done.stderr})
    (HERE / "explain.json").write_text(json.dumps({"recorded_from": "OPA 0.60.0", "files": FILES, "runs": out},
                                                  indent=0, ensure_ascii=False))
    print(len(out), "runs;", random, "random")


if __name__ == "__main__":
    main()
