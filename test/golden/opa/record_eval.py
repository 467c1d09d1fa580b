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
    "huge.json": '{"v": 1e400, "w": [-1.5e999, 12345678901234567890123], "x": {"k": 2e308}}',
    "huge.yaml": "v: 1e400\nw: -1.0e+999\nx: {1e309: 2}\n",
    "conflict.rego": """package conflict
o1[k] = v { k := [1, 2][_]; v := input.l[_] }
o2[k] = v { k := {"a": 1}; v := input.l[_] }
o3[k] = v { k := "x"; v := input.l[_] }
o4[k] = v { k := [[1], {2}][_]; v := input.l[_] }
o5[k] = v { k := true; v := input.l[_] }
o6 = {k: v | k := [1, null][_]; v := input.l[_]}
o7 = {k: v | k := "x"; v := input.l[_]}
f(x) = y { y := input.l[_]; x > 0 }
p = x { x := input.l[_] }
o8.a[k] = v { k := 1.5; v := input.l[_] }
""",
    "trace_test.rego": """package tt
import future.keywords
f(x) := x + 1
test_ok if { 1 == 1 }
test_bad if { x := f(1); x == 3 }
test_note if { trace("note here"); y := [1, 2][_]; f(y) == 4 }
test_with if { not f(1) == 2 with input as {"a": 1} }
test_other if { helper }
helper if { input.nothing }
todo_test_x { false }
""",
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
    "bits.rsh(3, 1e400)", "bits.lsh(3, 1e400)", "bits.rsh(-3, 18446744073709551617)", "bits.lsh(3, 18446744073709551616)",
    "bits.rsh(3, 18446744073709551615)", "bits.rsh(3, -18446744073709551616)", "7 % 1e400", "1e400 % 1e399", "7 % 1e20",
    "3 % 18446744073709551616", "3 % 36893488147419103233", "1e400 % 7", "7 % 9223372036854775808", "7 % 4294967296",
    "ceil(1e30)", "floor(1e30)", "round(1e30)", "ceil(36893488147419103233.5)", "round(-36893488147419103233.5)",
    "floor(36893488147419103233.5)", "ceil(1e400)", "floor(-1e25)", "ceil(12345678901234567890.5)", "round(1.5e19)",
    "round(2e19)", "floor(18446744073709551615.5)", "ceil(18446744073709551616)", "ceil(36893488147419103233)",
    'yaml.unmarshal("a: b\\n\\u000bc")',
    "json.unmarshal(\"[1e400]\")", "json.is_valid(\"1e999\")", "yaml.unmarshal(\"a: 1e400\")",
    "yaml.unmarshal(\"[-1e400, 1.0e+400, 1e308, 1.5e-400]\")",
    'yaml.marshal({"b": 1, "a": 2, "B": 3, "10": 4, "9": 5, "a1": 6, "a10": 7, "a2": 8, "_": 9, "é": 10, "a.b": 11})',
    'yaml.marshal({"01": 1, "1": 2, "001": 3, "x01": 4, "x1": 5, "X": 6, "x": 7, "xy": 8, "": 9, "-": 10, "~": 11})',
    'yaml.marshal({"a-1": 1, "a_1": 2, "a1": 3, "aB": 4, "ab": 5, "a b": 6, "a9z": 7, "a09": 8, "z": {"d": 1, "c": 2}})',
    'yaml.marshal({"v1.10": 1, "v1.9": 2, "v1.09": 3, "v1": 4, "v": 5, "V1": 6, "9a": 7, "10a": 8, "１": 9, "é1": 10})',
    'yaml.marshal({1: "a", true: "b", null: "c", "x": "d", 10: "e", 9: "f"})',
)
TIMES = (
    'time.parse_rfc3339_ns("2001-01-01T10:00:00+24:60")',
    'time.parse_ns("2006-01-02 15:04","2001-01-01  10:00")',
    'time.parse_ns("2006-01-02 15:04","2001-01-01x10:00")',
    'time.parse_ns("2006--01-02 15:04","2001-x01-01 10:00")',
    'time.parse_ns("2006-01-02   15:04","2001-01-01 10:00")',
    'time.parse_ns("2006-01-02 15:04","2001-01-01")',
    'time.parse_ns("2006-01-02 -15:04","2001-01-01   +10:00")',
    'time.parse_ns("2006-01-02 ","2001-01-01")',
    'time.parse_ns("2006-01-02 abc","2001-01-01 abd")',
    'time.parse_ns("2006-01-02 abc","2001-01-01  ab")',
    'time.parse_rfc3339_ns("2001-01-01T10:00:00+25:00")',
    'time.parse_rfc3339_ns("2001-01-01T10:00:00-24:61")',
    'time.parse_ns("2006-01-02T15:04:05Z07:00:00","2001-01-01T10:00:00+24:60:60")',
    'time.parse_ns("2006-01-02T15:04:05Z07:00:00","2001-01-01T10:00:00+24:60:61")',
    'time.parse_ns("2006-01-02 -07","2001-01-01 +25")',
    'time.parse_ns("2006-01-02", "2001-01-01  ")',
    'time.parse_ns("Jan _2 2006", "Jan    2 2006")',
    'time.parse_ns("Mon Jan _2 15:04:05 2006", "Tue  Nov 10 23:00:00  2009")',
    'time.parse_ns("2006-01-02 MST", "2001-01-01 GMT+3")',
    'time.parse_ns("15:04 2006", "10:00  2001")',
    'time.parse_ns("2006-01-02 MST", "2001-01-01 GMT-3")',
    'time.parse_ns("2006-01-02 MST", "2001-01-01 GMT+24")',
    'time.parse_ns("2006-01-02 MST", "2001-01-01 CEST")',
    'time.parse_ns("2006-01-02 MST", "2001-01-01 ChST")',
    'time.parse_ns("2006-01-02 MST", "2001-01-01 +03")',
    'time.parse_ns("2006-01-02 MST", "2001-01-01 +3")',
    'time.parse_ns("2006-01-02 MST", "2001-01-01 +99999999999999999999999999")',
    'time.parse_ns("2006-01-02 MST", "2001-01-01 +00000000000000000000000003")',
    'time.parse_ns("2006-01-02 MST -0700", "2001-01-01 GMT+3 +0100")',
    'time.parse_ns("RFC1123", "Mon, 02 Jan 2006 15:04:05 GMT+3")',
    'time.parse_ns("2006-01-02 MST", "2001-01-01 GMT+3x")',
    'time.parse_ns("2006-01-02 MST", "2001-01-01 WITA")',
    'time.parse_ns("2006-01-02 MST", "2001-01-01 WITB")',
    'time.parse_ns("2006-01-02 MST", "2001-01-01 ABCDE")',
    'time.parse_ns("2006-01-02 MST", "2001-01-01 ABCDT")',
    'time.parse_ns("2006-01-02 MST", "2001-01-01 ABCDET")',
    'time.parse_ns("2006-01-02 MST", "2001-01-01 AB")',
    'time.parse_ns("2006-01-02 MST", "2001-01-01 GMTX")',
    'time.parse_ns("2006-01-02 MST", "2001-01-01 UTC")',
)
YAML_READ = (
    "a: 0o7", "a: 0o17", "a: -0o7", "a: 0o8", "a: 0O7", "a: +0o7", "a: 1.", "a: 1.e5", "a: .5e3", "a: 0_1",
    "a: 1_0.5", "a: 9223372036854775808", "a: 18446744073709551615", "a: 18446744073709551616",
    "a: -9223372036854775808", "a: -9223372036854775809", "a: .inf", "1: a", "true: a", "1.5: a", "1e5: 7",
    "null: a", "2001-01-01: a", "a: 2001-01-01", "a: 007", "a: 08.5", "a: -.5", "a: +.5e-3", "a: 00x1", "a: 0x",
    "a: 0xfF", "a: -0xfF", "a: 0b12", "a: ._5", "a: 1__2", "a: 1_", "a: -_1", "a: 0.1e", "a: 1e+", "a: -0",
    "a: -0.0", "a: 100000000000000000000.5", "a: 1e22", "a: 00", "a: 0_0",
)
YAML_MARKED = (
    "b: 2\n<<: {b: 1}", "<<: {b: 1}\nb: 2", "<<: [{a: 1, b: 2}, {a: 3, c: 4}]\n", "<<: 1\n", "<<: [1]",
    "!!str 1", "!!int \"1\"", "!!float 1", "!!int x", "!foo 1", "! 12", "!!bool yes", "!!null ''", "&a [*a]",
    "*b", "a\nb", "a: x\n y", "- a\n b", "a\n---\nb", "--- a\n...\nb", "<<: [[{a: 1}]]", "\"<<\": {a: 1}",
    "{<<: {a: 1}, b: 2}", "a: &x {k: v}\nb:\n  <<: *x\n  z: 1", "&a k: v\nz: *a", "&a\nk: v",
    "k: &a\n- 1\n- 2\nz: *a", "!!map {a: 1}", "!!seq [1]", "!!set {a, b}", "[&a 1, *a]", "{&a a: 1, b: *a}",
    "? a", "? a\n? b\n", "? a\n: b\n? c\n", "? [a]\n: 1", "a: !!str\nb: 1", "a: !!str\n  5\n",
    "<<: {a: {b: 1}}\na: 3", "*a : 1", "- |\n a\n- b", "- - |2-\n    a\n", ">2\n  a\n   b\n", "1e-7", "1e-6",
    "[1e-9, 123456789012345678901.5, 1e20, 1e21]", "!<tag:yaml.org,2002:str> 1", "&a: 1", "a: &b", "!!int 0x10",
    "<<: null", "<<:\nb: 1", "? |\n  a\n: - 1\n", "? a\n:\n- 1\n", "? a\n: b: 1\n  c: 2\n",
    "'a' : 1\n? b\n: 2\nc: 3\n", "k: *\n", "k: !!str &a 1\nb: *a", "k: &a !!str 1\nb: *a",
    "\"a\\\n  b\"", "\"a\\t\n  b \\N\\_\\L\\P\"", "1e-7", "? \"a\\nb\"\n: c: 1\n  d: 2\n",
    "- |2-\n\n  -a\n- []\n",
)
YAML_BREAKS = tuple(text.replace("~", end) for end in ("\r", "\r\n", "\u0085") for text in (
    "a: 1~b: 2", "a: x~y", "a: x~ y", "a: x~~ y", "- a~- b", "'a ~ b'", '"a~~b"', '"a\\~b"', '"a\\\n~ b"', "|~ a~ b~",
    "|\n a~ b\n", ">~ a~ b~~ c", "~a: 1", "a:~  1", "a: 1 #x~b: 2", "[a,~b]", "{a: 1,~b: 2}", "a~", "---~a", "a~...~",
    "? a~: b", "x: ~", "|\n  a\n~  b", "&x~a", "!!str~a", "a: |~  x~b: 1", "|+\n a~~\n", "~", "# c~a: 1", "a\n~b",
    "a: b~#c", ">\n a\n~\n b\n", "- |~  a~- b", "a: b ~ c")) + (
    "\ufeffa: 1", "\ufeff\ufeffa", "\ufeff---\na", "a\ufeffb", "\ufeff", "a: \u000b", "# \u000c", "a: 1\n---\n\u0007",
    "\u007f", "\u0080", "\u009f", "\u00a0", "\ufffe", "\uffff", "\ufffd", "a: |\n  x\n  y", "|+\n  a", "|-\n  a", "- |\n  a\n ",
)
YAML_WRITTEN = (
    "0o7", "-0o7", "0o8", "2001-01-01", ".inf", "-.inf", "+.inf", "+.nan", ".NaN", ".Inf", "-.Inf", ".INF", "<<",
    "=", "2001-1-1", "2001-01-01 10:00:00", "y", "Y", "n", "N", "on", "off", "0b1", "-0b1", "1_000", "1__0", "_1",
    "1_0.5", "1.", "1.e5", ".5", "-.5", "+.5", "1e", "1E5", "0x", "0xG", "0x_1", "~", "Null", "NULL", "null", "+",
    "-", "+1", "+-1", "1e5_0", "0777", "08", "1:60", "-1:20.5", "190:20:30", "0b12", "+0x1f", "1e+5", "0.", "0_",
    ".", "..", ".e5", "0b", "-0b", "2001-01-01T10:00:00Z", "2001-01-01t10:00:00.1+01:00", "2001-1-1 1:0:0",
    "2001-01-01 10:00:00 +1", "2001-02-29", "2004-02-29", "2001-13-01", "2001-1-1T1:0:0", "2001-1-1 10:00:00,5",
    "2001-1-1 10:00:60", "2001-01-01T10:00:00+1:00",
)
YAML = (
    r'''yaml.marshal({"a": "word word word word word word word word word word word word word word word word word word word word word word word", "b": "wordwordwordwordwordwordwordwordwordwordwordwordwordwordwordwordwordwordwordwordwordwordwordword: x","c": "a\nword word word word word word word word word word word word word word word word word word word word word word word", "d": "\t word word word word word word word word word word word word word word word word word word word word word word word word word word", "e":" word word word word word word word word word word word word word word word word word word word word word word word", "g":"a\u2028b", "h":"\ufeffx", "i": "é\u0001", "j": "😀"})''',
    r'''yaml.marshal([1.0, 1e6, 123456789012345678901234567890, 0.1, 1e21, -0.0, 1e400, 100000000000000000000, 18446744073709551615, 1e-7, 123456789.5, 1e20, -1e400, 9223372036854775808, 0.000001, 1.5e300])''',
)
HUGE = ("input", "input.v > 5", "input.v + 1 > input.v", "input.w[0] < 0", 'sprintf("%v %d", [input.v, input.w[1]])',
        "input.v == 1e400", "json.marshal(input)", "{input.v: 1}", "max([1, input.v])", "input.x.k * 2 > 3e308")
CONFLICTS = ("o1", "o2", "o3", "o4", "o5", "o6", "o7", "f(1)", "p", "o8.a")


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
    for query in HUGE:
        yield ["eval", "-f", "raw", "-i", "huge.json", query]
        yield ["eval", "-f", "raw", "-d", "huge.json", query.replace("input", "data")]
    yield ["eval", "-f", "raw", "-i", "huge.yaml", "input"]
    yield ["eval", "-f", "raw", "-d", "huge.yaml", "data"]
    for name in CONFLICTS:
        yield ["eval", "-d", "conflict.rego", "-i", "t.json", "data.conflict." + name]
    for query in YAML:
        yield ["eval", "-f", "raw", query]
    yield ["eval", "{s: x | s := %s[_]; x := yaml.unmarshal(s)}" % json.dumps(YAML_READ)]
    yield ["eval", "{s: x | s := %s[_]; x := yaml.unmarshal(s)}" % json.dumps(YAML_MARKED)]
    yield ["eval", "{s: x | s := %s[_]; x := yaml.unmarshal(s)}" % json.dumps(YAML_BREAKS)]
    yield ["eval", "{s: x | s := %s[_]; x := yaml.marshal(s)}" % json.dumps(YAML_WRITTEN)]
    for mode in ([], ["-v"], ["--explain", "notes"], ["--explain=fails"], ["-v", "--explain", "full", "-r", "note"]):
        yield ["test", *mode, "trace_test.rego"]
    for query in ANSWERS + TIMES:
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
