#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Records what a real OPA 0.60.0 prints on its command line, for the test beside this file.

    record_cli.py OPA        writes cli.json here; not needed to run the test
"""
import json
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent

FILES = {
    "p/risk.rego": "package risk\n\ndefault allow = false\n\nallow { input.x > data.limit }\n\n"
                   "reasons[r] { input.x > 10; r := sprintf(\"over %d\", [input.x]) }\n\n"
                   "big = x { x := data.limits[_]; x > 2 }\n\nf(x) = y { y := x * 2 }\n\nobj[k] = v { v := data.limits[k] }\n",
    "p/data.json": '{"limit": 3, "limits": {"a": 1, "b": 2, "c": 3}, "n": [1.50, 1e3, 10000000000000000000000]}',
    "p/sub/data.yaml": "k: [1, two, {three: null}]\n",
    "p/risk_test.rego": "package risk\n\ntest_allow { allow with input.x as 4 }\n\ntest_deny { not allow with input.x as 1 }\n",
    "b/.manifest": '{"revision": "1", "roots": ["b"]}',
    "b/b.rego": "package b\n\np := data.b.k\n",
    "b/b/data.json": '{"k": 7}',
    "b/other.json": '{"z": 1}',
    "clash/x.rego": "package c\n\np = 1 { true }\n\np = 2 { true }\n",
    "bad/parse.rego": "package bad\n\np { 1 +\n",
    "bad/unsafe.rego": "package bad\n\np { x }\n\nq { y > 1 }\n",
    "bad/rec.rego": "package bad\n\np { q }\n\nq { p }\n",
    "bad/type.rego": "package bad\n\np { 1 }\n\nq { undefined_function(1) }\n",
    "bad/json.json": '{"a": tru}',
    "bad/roots/.manifest": '{"roots": ["a"]}',
    "bad/roots/x.rego": "package b\n",
    "bad/data/.manifest": '{"roots": ["a"]}',
    "bad/data/data.json": '{"a": 1, "b": 2}',
    "bad/overlap/.manifest": '{"roots": ["a", "a/b"]}',
    "in.json": '{"x": 12, "list": [3, 1, 2], "s": "text", "o": {"k": {"deep": [1]}}}',
    "in.yaml": "x: 2\nlist: [a, no, 0x1f]\n",
    "tests/a_test.rego": "package t\n\ntest_ok { true }\n\ntest_bad { 1 == 2 }\n\ntodo_test_later { false }\n\n"
                         "test_conflict { data.c.x == 1 }\n\ntest_num = 3 { true }\n\ntest_again { false }\n\n"
                         "test_again { true }\n\ntest_print { print(\"hi\", {1}) }\n\ntest_print_bad { print(\"a\\nb\"); false }\n",
    "tests/c.rego": "package c\n\nx = 1 { true }\n\nx = 2 { true }\n",
    "ok/a_test.rego": "package ok\n\ntest_one { true }\n",
    "todo/a_test.rego": "package todo\n\ntodo_test_one { true }\n",
    "fmt/ugly.rego": "package   ugly\nimport data.x\np{ 1==1;x }\nq   = { \"a\":1,\"b\" : [1,2 ] }\n",
    "fmt/nice.rego": "package nice\n\np = 1\n",
}

QUERIES = """1
1.50
1e3
0 - 0
"a<b>&c"
null
true
false
[]
{}
set()
{1, 2, 3}
{"b": 1, "a": {2: [true, null]}}
{[1, 2], {"a": 1}, null}
{{1}: {2}}
x = 1
x := 1
x := 1; y := 2
x = [1, 2, 3][_]
x = [1, 2, 3][i]
[1, 2, 3][_]
[1, 2, 3][_] = x; x > 1
[1, 2, 3][_] > 1
x = {"a": 1, "b": [2]}[k]
{"a", "b"}[x]
1 == 1
1 == 2
1 == 2; true
true; 1 == 1
true; false
1 < 2; 3 > 1
not false
not true
x = 1; x = 2
count([1, 2])
1 + 2 * 3
7 / 2
10 % 4
1 / 0
to_number("x")
to_number("12")
startswith("abc", "a")
concat(",", ["a", "b"])
sprintf("%v %d %s", [{1, 2}, 3, "x"])
split("a.b.c", ".")[i]
numbers.range(1, 4)
[x | x = numbers.range(1, 4)[_]; x > 2]
{x: y | x = ["a", "b"][y]}
{x | x = [1, 1, 2][_]}
data
data.risk
data.risk.allow
data.risk.reasons
data.risk.nosuch
data.risk.f(3)
data.risk.obj
data.risk.obj.c
data.risk.obj[k]
data.limits
data.limits[k]
data.limits[k] = v
data.n
data.n[0] + 0
data.sub.k
data.nosuch
input
input.x
input.list[_]
input.list[i]
input.nosuch
input.o.k.deep
sort(input.list)
json.marshal(input)
walk(input.o, [p, v])
y
y > 1
x := y
foo(1)
x := 1; x := 2
input.x.y.z
"abc"[0]
x = {1, 2}; x[y]
1 +
[1, 2
"abc
{"a": 1
}
x = 
some
data.c.p
is_number("a")
object.get(input, "x", 0)
array.concat([1], [2])
trim("  a ", " ")
regex.match("a+", "aaa")
time.parse_rfc3339_ns("2020-01-01T00:00:00Z")
base64.encode("hello")
crypto.sha256("a")
glob.match("*.b", ["."], "a.b")
net.cidr_contains("10.0.0.0/8", "10.1.1.1")
semver.compare("1.2.3", "1.2.4")
json.unmarshal("{\\"a\\": 1.0}")
yaml.marshal({"a": [1]})
units.parse("1K")
bits.and(6, 3)
"\\u00e9\\n\\t"
`raw \\n`
x := "a long text of many words that does not fit into thirty columns of a cell"; y := {"k": "v"}
# just a comment
1 # with a comment
1; 2; 3
input.list[_] = x; y := x * 2; z := {"v": y}
_ = 1
[_, x] = [1, 2]
{"a": x, "b": y} = {"a": 1, "b": [2]}
x = input.list; count(x) > 2
data.risk.reasons[x]
[a, b] = [[1, 2], 3]
trace("note")
print("shown", {1})
opa.runtime().env.NOSUCH
http.send({"method": "get"})
rego.parse_module("a", "package a")
{null: 1, true: 2, 10: 3, 9: {{1}: 4, [1]: 5}, "a": 6}""".split("\n")


def cases():
    for query in QUERIES:
        yield ["eval", "-d", "p", "-i", "in.json", query], None
    for fmt in ("pretty", "values", "bindings", "raw"):
        for query in QUERIES[:64] + QUERIES[78:110] + QUERIES[128:140]:
            yield ["eval", "-d", "p", "-i", "in.json", "-f", fmt, query], None
    for query in ("1 / 0", "x := 1 / 0", "1/0 + 2", "to_number(\"x\")", "data.clash",
                   "true; x := 3; y := x / 0"):
        yield ["eval", "--strict-builtin-errors", query], None
        yield ["eval", "--strict-builtin-errors", "-f", "pretty", query], None
    for query in ("true", "false", "1 == 2", "x = 1; x = 2", "data.nosuch", "1 / 0", "y"):
        yield ["eval", "--fail", query], None
        yield ["eval", "--fail-defined", query], None
        yield ["eval", "--fail", "-f", "pretty", query], None
    for args in (["-d", "nosuch", "1"], ["-d", "nosuch", "-d", "neither", "1"], ["-d", "nosuch", "-f", "pretty", "1"],
                 ["-d", "bad/parse.rego", "1"], ["-d", "bad/unsafe.rego", "1"], ["-d", "bad/rec.rego", "1"],
                 ["-d", "bad/parse.rego", "-f", "raw", "1"], ["-d", "bad/unsafe.rego", "-f", "pretty", "1"],
                 ["-d", "bad/type.rego", "-f", "pretty", "1"], ["-d", "bad/json.json", "1"],
                 ["-b", "nosuch", "1"], ["-b", "b", "data"], ["-b", "b", "data.b.p", "-f", "raw"],
                 ["-b", "bad/roots", "1"], ["-b", "bad/data", "1"], ["-b", "bad/overlap", "1"],
                 ["-b", "b", "-b", "p", "-f", "raw", "data.limit"], ["-d", "p", "--ignore", "*_test.rego", "data.risk"],
                 ["-d", "p", "--ignore", "sub", "data.sub"], ["-d", "pre.fix:p/data.json", "data"],
                 ["-d", "p/data.json", "data.limit"], ["-d", "p/sub/data.yaml", "data"], ["-d", "clash", "data.c.p"],
                 ["-d", "clash", "-f", "pretty", "data.c"], ["-i", "nosuch", "1"], ["-i", "in.yaml", "input"],
                 ["-I", "input.x"], ["--stdin"], ["--package", "risk", "-d", "p", "allow"],
                 ["--package", "risk", "-d", "p", "-i", "in.json", "reasons"],
                 ["--import", "data.limits as l", "-d", "p", "l.a"], ["--import", "future.keywords", "some x in [1, 2]"],
                 ["-f", "discard", "1"], ["-f", "discard", "1 == 2; true"], ["-fraw", "1"], ["-f=raw", "1"],
                 ["--format=raw", "1"], ["--metrics", "1"], ["--metrics", "-f", "pretty", "x = 1"],
                 ["-d", "p", "--metrics", "data.risk.allow"], ["-b", "p", "--metrics", "-f", "pretty", "1"],
                 ["--metrics", "-f", "raw", "1"], ["-S", "x := 1"], ["--strict", "-d", "p", "data.risk.allow"],
                 ["--v1-compatible", "x := 1"], ["-f", "pretty", "--pretty-limit", "0", "x := numbers.range(1, 50)"], ["--timeout", "5s", "1"],
                 ["-d", "p", "-d", "p/sub/data.yaml", "-f", "raw", "data.k"], ["-t", "rego", "1"],
                 ["--disable-indexing", "--disable-early-exit", "1"]):
        yield ["eval", *args], '{"x": 5}' if "-I" in args else "1 + 1\n" if "--stdin" in args else None
    for args in (["tests"], ["-v", "ok"], ["-f", "json", "tests"], ["ok"], ["todo"], ["-z", "todo"], ["-vz", "todo"],
                 ["nosuch"], ["-r", "ok$", "-v", "tests"], ["-r", "x", "ok"], ["-b", "ok"], ["-v", "p"],
                 ["bad/unsafe.rego"], ["bad/parse.rego"], ["-f", "json", "ok"], ["--run=one", "--verbose", "ok"],
                 ["--count", "2", "ok"], ["--count", "2", "tests"]):
        yield ["test", *args], None
    for args in (["p"], ["bad/unsafe.rego"], ["bad/parse.rego"], ["bad/rec.rego"], ["nosuch"],
                 ["-f", "json", "bad/unsafe.rego"], ["-f", "json", "bad/parse.rego"], ["-f", "json", "nosuch"],
                 ["-b", "b"], ["-b", "bad/roots"], ["-S", "p"], ["bad/type.rego"], ["-b", "nosuch"]):
        yield ["check", *args], None
    for args in (["fmt/ugly.rego"], ["fmt/nice.rego"], ["-l", "fmt"], ["--list", "--fail", "fmt"], ["--fail", "fmt/nice.rego"],
                 ["nosuch"], ["bad/parse.rego"], ["fmt"]):
        yield ["fmt", *args], None
    yield ["fmt"], "package   x\np{1}\n"
    for args in (["p/risk.rego"], ["-f", "json", "p/risk.rego"], ["-f", "json", "fmt/ugly.rego"], ["bad/parse.rego"], ["nosuch"],
                 ["-f", "json", "bad/parse.rego"], ["-f", "json", "--json-include=-comments", "fmt/nice.rego"]):
        yield ["parse", *args], None
    for args in (["b"], ["-f", "json", "b"], ["nosuch"], ["bad/roots"]):
        yield ["inspect", *args], None


def main():
    folder = Path(tempfile.mkdtemp())
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    out = []
    for args, stdin in cases():
        done = subprocess.run([sys.argv[1], *args], cwd=folder, input=stdin or "", capture_output=True, text=True)
        out.append({"args": args, "stdin": stdin, "code": done.returncode, "stdout": done.stdout, "stderr": done.stderr})
    (HERE / "cli.json").write_text(json.dumps({"recorded_from": "OPA 0.60.0", "files": FILES, "runs": out}, indent=0,
                                              ensure_ascii=False))
    print(len(out), "runs")


if __name__ == "__main__":
    main()
