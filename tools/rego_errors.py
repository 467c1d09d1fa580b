#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Asks a real OPA 0.60 what it says about erroneous modules and writes the golden files of errors.

usage: rego_errors.py PATH-TO-OPA > test/golden/rego-errors/parse.json
       rego_errors.py PATH-TO-OPA compile.txt > compile.json      (in test/golden/rego-errors)

Each case of the first is a module that does not parse; `errors` is what `opa check --format json`
lists. Each case of the second is a set of modules that parse; `texts` is what `opa check` prints,
split into errors, and `places` where. Some are accepted: then there are none.
"""
import json
import os
import re
import subprocess
import sys
import tempfile

V0 = r"""
module without a package|p := 1
empty|
only white space|\n\n
only a comment|# nothing
package twice|package a\npackage b
package without path|package
package with number|package 1
package with keyword|package if
package with operand that is no string|package a[1]
package with var operand|package a[x]
package with call|package a(x)
package of array|package [1].b
package and dot|package a.
import without path|package a\nimport
import of number|package a\nimport 1
import of other root|package a\nimport foo.bar
import with var operand|package a\nimport data[x]
import with number operand|package a\nimport data[1]
import with call|package a\nimport data.f(1)
import alias keyword|package a\nimport data.x as not
import alias ref|package a\nimport data.x as y.z
import alias missing|package a\nimport data.x as
import future|package a\nimport future
import future other|package a\nimport future.foo
import future unknown keyword|package a\nimport future.keywords.foo
import future alias|package a\nimport future.keywords.in as x
import rego|package a\nimport rego
import rego other|package a\nimport rego.v2
import rego alias|package a\nimport rego.v1 as v
import rego and future|package a\nimport rego.v1\nimport future.keywords.in
import future and rego|package a\nimport future.keywords\nimport rego.v1
error after good import|package a\nimport data.x\nimport foo\np { true
name alone|package a\np
input alone|package a\ninput
number alone|package a\n1
string alone|package a\n"x"
array alone|package a\n[1]
set alone|package a\n{1}
object alone|package a\n{"a": 1}
comprehension alone|package a\n[x | x = 1]
set comprehension alone|package a\n{x | x = 1}
object comprehension alone|package a\n{x: 1 | x = 1}
null alone|package a\nnull
boolean alone|package a\ntrue
negated head|package a\nnot p
head using with|package a\np = 1 with input as 2
head using some|package a\nsome x
two statements in a head|package a\np; q
comparison as head|package a\na == b
sum as head|package a\na + b
builtin as head|package a\ncount(1)
dotted builtin as head|package a\nio.jwt.decode(1)
call without arguments as head|package a\nf()
number as name|package a\n1 = 2
string as name|package a\n"a" = 2
array as name|package a\n[a] = 2
set as name|package a\n{a} := 2
call as head of a ref|package a\nf(x).y = 1
call as head of a long ref|package a\nf(x).y.z
string as head of a ref|package a\n"a".b
number as head of a ref|package a\np { 1.a }
ref in parentheses as head|package a\np { (a.b).c }
missing brace|package a\np {
missing brace after statement|package a\np { true
missing brace after newline|package a\np {\n  true\n
empty body|package a\np { }
empty chained body|package a\np { true } { }
stray closing brace|package a\np { true } }
stray closing bracket|package a\np { a] }
semicolon at the end|package a\np { a; }
semicolon first|package a\np { ; a }
two statements on a line|package a\np { a b }
two statements on a line, comparison|package a\np { a == 1 b == 2 }
missing operand of plus|package a\np { 1 + }
missing operand of times|package a\np { x := 2 * }
missing operand of equals|package a\np { x == }
missing operand of assign|package a\np { x := }
missing operand of unify|package a\np { x = }
two operators|package a\np { 1 + * 2 }
comparison twice|package a\np { 1 == == 2 }
value missing with unify|package a\np = { true }\nq =
value missing with assign|package a\np :=
value missing in function|package a\nf(x) :=
value missing in default|package a\ndefault p :=
value missing in default with unify|package a\ndefault p =
default without name|package a\ndefault
default with body|package a\ndefault p = 1 { true }
default of set|package a\ndefault p[x]
default with var|package a\ndefault p = x
default with ref|package a\ndefault p = input.x
default with ref inside|package a\ndefault p = [1, {"a": input.x}]
default with call|package a\ndefault p = count([])
default with sum|package a\ndefault p = 1 + 2
default function with literal argument|package a\ndefault f(1) = 2
default function with repeated argument|package a\ndefault f(x, x) = 2
default function with array argument|package a\ndefault f([x]) = 2
else on a set|package a\np[x] { x = 1 } else = 2 { true }
else on an object|package a\np[x] = 1 { x = 1 } else = 2 { true }
else with variables in head|package a\np.q[x] = 1 { x = 1 } else = 2 { true }
else without anything|package a\np { true } else
else with keyword|package a\np { true } else not
else then chained body|package a\np { true } else = 1 { true } { true }
else empty body|package a\np { true } else { }
else without value|package a\np { true } else = { true }
bad with|package a\np { true with }
with number|package a\np { true with 1 as 2 }
with call|package a\np { true with f(x) as 2 }
with without as|package a\np { true with input }
with without value|package a\np { true with input as }
with as keyword|package a\np { true with input as not }
some without var|package a\np { some }
some with number|package a\np { some 1 }
some with trailing comma|package a\np { some x, }
some in without import|package a\np { some x in [1] }
some key value without import|package a\np { some k, v in [1] }
some with call|package a\np { some f(x) }
not some|package a\np { not some x }
every without import|package a\np { every x in [1] { x } }
in without import|package a\np { 1 in [1] }
not twice|package a\np { not not a }
unterminated string|package a\np = "abc\nq = 1
unterminated raw string|package a\np = `abc\nq = 1
unterminated string at end|package a\np = "abc
bad escape|package a\np = "\q"
bad unicode escape|package a\np = "\u12zz"
short unicode escape|package a\np = "\u12"
tab in string|package a\np = "a\tb"
lone exclamation mark|package a\np { ! x }
unknown character|package a\np { @ }
dollar|package a\np { $x }
single quotes|package a\np = 'x'
hexadecimal number|package a\np = 0x10
number with letters|package a\np = 12ab
number without fraction|package a\np = 1.
number without exponent|package a\np = 1e
number with sign only|package a\np = 1e+
two zeros|package a\np = 00
two zeros and fraction|package a\np = 00.5
minus alone|package a\np = -
minus before a name|package a\np = -x
number too big|package a\np = 1e40000
number too small|package a\np = 1e-40000
dot alone|package a\np = .
ref with keyword|package a\np { input.not }
ref with number|package a\np { input.1 }
ref with space|package a\np { input. x }
ref with open bracket|package a\np { input[ }
ref with empty bracket|package a\np { input[] }
ref with two operands|package a\np { input[1, 2] }
call not closed|package a\np { f(1 }
call with two commas|package a\np { f(1,, 2) }
call without comma|package a\np { f(1 2) }
array not closed|package a\np = [1, 2
array without comma|package a\np = [1 2]
array with two commas|package a\np = [1,, 2]
array with colon|package a\np = [1: 2]
set without comma|package a\np = {1 2}
set not closed|package a\np = {1, 2
object without colon|package a\np = {"a": 1, "b" 2}
object without value|package a\np = {"a": }
object without comma|package a\np = {"a": 1 "b": 2}
object not closed|package a\np = {"a": 1
object mixed with set|package a\np = {"a": 1, 2}
set mixed with object|package a\np = {1, "a": 2}
comprehension without body|package a\np = [x | ]
set comprehension without body|package a\np = {x | }
object comprehension without body|package a\np = {x: 1 | }
comprehension not closed|package a\np = [x | x = 1
comprehension of two elements|package a\np = [x, y | x = 1; y = 2]
parentheses not closed|package a\np { (1 + 2 }
parentheses empty|package a\np { () }
parentheses with two terms|package a\np { (1, 2) }
head with open bracket|package a\np[ { true }
head with open parenthesis|package a\nf( { true }
head with string|package a\n"p" { true }
head value on next line without operator|package a\np\n1
if without import|package a\np if { true }
contains without import|package a\np contains 1
assignment in assignment|package a\np { x := y := 1 }
unify in unify|package a\np { x = y = 1 }
keyword as value|package a\np = package
keyword as name|package a\nelse = 1
as as name|package a\nas = 1
block for object|package a\np = { a: 1; b: 2 }
metadata without content|package a\n# METADATA\np = 1
metadata above import|package a\n# METADATA\n# title: t\nimport data.x
metadata above nothing|package a\np = 1\n# METADATA\n# title: t
metadata with unknown scope|package a\n# METADATA\n# scope: foo\np = 1
metadata package scope on rule|package a\n# METADATA\n# scope: package\np = 1
metadata rule scope on package|# METADATA\n# scope: rule\npackage a
metadata entrypoint on document|package a\n# METADATA\n# scope: document\n# entrypoint: true\np = 1
metadata title is list|package a\n# METADATA\n# title:\n# - x\np = 1
metadata author without name|package a\n# METADATA\n# authors:\n# - foo: x\np = 1
metadata bad schema|package a\n# METADATA\n# schemas:\n# - input: foo.bar\np = 1
metadata bad schema path|package a\n# METADATA\n# schemas:\n# - "1 + 2": schema.bar\np = 1
metadata bad schema type|package a\n# METADATA\n# schemas:\n# - input: [1]\np = 1
metadata organizations is text|package a\n# METADATA\n# organizations: x\np = 1
metadata custom is list|package a\n# METADATA\n# custom:\n# - a\np = 1
"""

KEYWORDS = r"""
if without body|package a\nimport future.keywords\np if
if with empty body|package a\nimport future.keywords\np if { }
if with half a statement|package a\nimport future.keywords\np if x ==
if twice|package a\nimport future.keywords\np if if true
contains without key|package a\nimport future.keywords\np contains
contains on a function|package a\nimport future.keywords\nf(x) contains 1 if true
contains and value|package a\nimport future.keywords\np contains 1 = 2
contains and else|package a\nimport future.keywords\np contains 1 if true else = 2
some in without domain|package a\nimport future.keywords\np if { some x in }
some of other call|package a\nimport future.keywords\np if { some x == 1 }
every without body|package a\nimport future.keywords\np if { every x in [1] }
every without domain|package a\nimport future.keywords\np if { every x { true } }
every with number as value|package a\nimport future.keywords\np if { every 1 in [1] { true } }
every with number as key|package a\nimport future.keywords\np if { every 1, x in [1] { true } }
every with empty body|package a\nimport future.keywords\np if { every x in [1] { } }
not every|package a\nimport future.keywords\np if { not every x in [1] { true } }
in without right side|package a\nimport future.keywords\np if { 1 in }
pair without in|package a\nimport future.keywords\np if { 1, 2 }
else if without body|package a\nimport future.keywords\np if false\nelse := 1 if
every as name|package a\nimport future.keywords\nevery = 1
in as name|package a\nimport future.keywords\nin = 1
keyword in ref|package a\nimport future.keywords\np if input.if
"""

V1 = r"""
v1: body without if|package a\np { true }
v1: function body without if|package a\nf(x) { true }
v1: set without contains|package a\np[x] { x := 1 }
v1: set without body and contains|package a\np.q
v1: rule without value and body|package a\na.b.c
v1: two of them|package a\np { true }\nq { true }
v1: else without if|package a\np if { false } else { true }
v1: chained body|package a\nf(x) { true } { false }
"""


def cases(block, v1):
    for line in block.strip("\n").split("\n"):
        name, text = line.split("|", 1)
        yield name, v1, text.replace("\\n", "\n").replace("\\t", "\t") + ("\n" if text else "")


def ask(opa, path, v1):
    command = [opa, "check", "--format", "json"] + (["--v1-compatible"] if v1 else []) + [path]
    out = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return json.loads(out.stdout)["errors"] if out.returncode else None


def compile_cases(path):
    with open(path, encoding="utf-8") as file:
        for line in file:
            if "|" in line and line[0] != "#":
                name, text = line.rstrip("\n").split("|", 1)
                text = text.replace("\\n", "\n").replace("\\t", "\t")
                yield name, [part + "\n" for part in text.split("\n---\n")]


def check(opa, files, strict):
    """The errors that OPA prints, in an order of their own: its own order varies."""
    folder = tempfile.mkdtemp(dir=".")
    for i, text in enumerate(files):
        with open(f"{folder}/{'mno'[i]}.rego", "w", encoding="utf-8", newline="") as file:
            file.write(text)
    command = [opa, "check"] + (["--strict"] if strict else [])
    out = subprocess.run(command + sorted(os.listdir(folder)), cwd=folder, check=False,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    json_out = subprocess.run(command + ["--format", "json"] + sorted(os.listdir(folder)),
                              cwd=folder, check=False, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
    if out.returncode == 0:
        return [[], []]
    places = [e.get("location", {}) for e in json.loads(json_out.stdout)["errors"]]
    places = sorted((p.get("file", ""), p.get("row", 0), p.get("col", 0)) for p in places)
    text = re.sub(r"^\d+ errors? occurred( during loading)?:[ \n]", "", out.stdout.decode())
    texts = re.split(r"\n(?!\t|$)", text.rstrip("\n"))
    return [places, sorted(texts)]


def compiled(opa, path):
    result = []
    for name, files in compile_cases(path):
        answers = [check(opa, files, name.startswith("strict:")) for _ in range(4)]
        if any(a != answers[0] for a in answers):
            print("not the same each time:", name, file=sys.stderr)
            continue
        result.append({"note": name, "files": files, "strict": name.startswith("strict:"),
                       "places": answers[0][0], "texts": answers[0][1]})
    return result


def main():
    opa = os.path.abspath(os.path.join(START, sys.argv[1]))
    if len(sys.argv) > 2:
        path = os.path.abspath(os.path.join(START, sys.argv[2]))
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            json.dump({"cases": compiled(opa, path)}, sys.stdout, indent=1, ensure_ascii=False)
            print()
        return
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        result = []
        every = list(cases(V0, False)) + list(cases(KEYWORDS, False)) + list(cases(V1, True))
        for name, v1, text in every:
            with open("m.rego", "w", encoding="utf-8", newline="") as file:
                file.write(text)
            errors = ask(opa, "m.rego", v1)
            if errors is None or any(e["code"] != "rego_parse_error" for e in errors):
                print("not a parse error:", name, errors, file=sys.stderr)
                continue
            result.append({"note": name, "v1": v1, "module": text, "errors": errors})
        json.dump({"cases": result}, sys.stdout, indent=1, ensure_ascii=False)
        print()


if __name__ == "__main__":
    START = os.getcwd()
    main()
