#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""House rules as a check: the order of floors, forbidden includes, licence lines, lengths.

Floors (a file includes only floors below its own, and its own):
    base < value < {rego, feature, model} < pack < engine < {wire, port} < shell < app
Exit 0 when all hold; 1 with one line per breach. `tidy.py --self-test` plants one breach of each
kind in memory and checks that it is found.
"""
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BELOW = {
    "base": set(),
    "value": {"base"},
    "rego": {"base", "value"},
    "feature": {"base", "value"},
    "model": {"base", "value"},
    "pack": {"base", "value", "rego", "feature", "model"},
    "engine": {"base", "value", "rego", "feature", "model", "pack"},
    "wire": {"base", "value"},
    "port": {"base"},
    "shell": {"base", "value", "rego", "feature", "model", "pack", "engine", "wire", "port"},
    "app": {"base", "value", "rego", "feature", "model", "pack", "engine", "wire", "port", "shell"},
}
CORE = {"base", "value", "rego", "feature", "model", "pack", "engine", "wire"}
CORE_SYSTEM = {
    "stdalign.h", "stdarg.h", "stdbool.h", "stddef.h", "stdint.h", "string.h", "float.h",
    "limits.h", "math.h", "immintrin.h", "emmintrin.h", "cpuid.h", "nmmintrin.h", "wasm_simd128.h",
}
VERBATIM = {"packs/starter/risk.rego"}  # the original requirement's policy, word for word
LINES_MAX = 1000
COLUMNS_MAX = 100
FUNCTION_LINES_MAX = 70
LONG_BY_NATURE = {("src/rego/vm.c", "wr_vm_run")}  # the dispatch: one case an opcode
INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]', re.M)


def long_functions(path, text):
    """Yields each function whose body has too many lines; the formatter puts its braces in column 0."""
    head, start = "", None
    for i, line in enumerate(text.splitlines(), 1):
        if line == "{":
            start = i
        elif line == "}" and start is not None:
            name = re.search(r"(\w+)\(", head)
            name = name.group(1) if name else "?"
            if i - start - 1 > FUNCTION_LINES_MAX and (path, name) not in LONG_BY_NATURE:
                yield f"line {start - 1}: {name} has {i - start - 1} lines, over {FUNCTION_LINES_MAX}"
            start = None
        elif line and not line[0].isspace() and "(" in line:
            head = line


def breaches(path, text):
    """Yields one message per broken rule of this file."""
    licence = "SPDX-License-Identifier: Apache-2.0" in "\n".join(text.splitlines()[:3])
    if not licence and path not in VERBATIM:
        yield "the first lines lack 'SPDX-License-Identifier: Apache-2.0'"
    if not path.endswith((".c", ".h")):
        return
    for i, line in enumerate(text.splitlines(), 1):
        if len(line) > COLUMNS_MAX and not path.endswith("_table.c"):
            yield f"line {i} has more than {COLUMNS_MAX} columns"
        if re.search(r"\b(TODO|FIXME|XXX)\b", line):
            yield f"line {i} names unfinished work"
    yield from long_functions(path, text)
    parts = path.split("/")
    if text.count("\n") > LINES_MAX and not path.endswith("_table.c") and parts[0] == "src":
        yield f"more than {LINES_MAX} lines"
    if parts[0] != "src":
        return
    floor = parts[1]
    for kind, name in INCLUDE.findall(text):
        top = name.split("/")[0]
        if kind == '"' and top in BELOW and top != floor and top not in BELOW[floor]:
            yield f"floor {floor} must not include {name}"
        if kind == '"' and top not in BELOW and not name.startswith("weir/"):
            yield f"include {name} by its floor"
        if kind == "<" and floor in CORE and name not in CORE_SYSTEM:
            yield f"the core must not include <{name}>"


def tracked():
    out = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, text=True,
                         capture_output=True, check=True).stdout
    for name in out.split("\n"):
        if name.endswith((".c", ".h", ".py", ".cmake", ".sh", ".mjs", ".rego", ".yaml")) and \
                name.startswith(("src/", "include/", "sim/", "test/", "fuzz/", "tools/", "cmake/",
                                 "packs/")):
            if (ROOT / name).is_file():
                yield name


def self_test():
    head = "/* SPDX-License-Identifier: Apache-2.0 */\n"
    planted = {
        "src/value/x.c": head + '#include "rego/vm.h"\n',
        "src/rego/x.c": head + '#include "model/model.h"\n',
        "src/base/x.c": head + "#include <stdio.h>\n",
        "src/base/y.c": "int x;\n",
        "src/base/z.c": head + "x" * 101 + "\n",
        "src/base/w.c": head + "\n" * 1001,
        "src/base/u.c": head + "int f(void)\n{\n" + "    g();\n" * 71 + "}\n",
        "src/base/v.c": head + '#include "arena.h"\n',
        "src/port/x.h": head + '#include "value/value.h"\n',
    }
    missed = [p for p, text in planted.items() if not list(breaches(p, text))]
    clean = list(breaches("src/rego/vm.c", head + '#include "value/value.h"\n#include <string.h>\n'
                          "int f(void)\n{\n" + "    g();\n" * 70 + "}\n"))
    if missed or clean:
        print("tidy: self test failed:", missed, clean)
        return 1
    print(f"tidy: {len(planted)} planted breaches found")
    return 0


def main():
    if "--self-test" in sys.argv:
        return self_test()
    found = 0
    files = list(tracked())
    for name in files:
        text = (ROOT / name).read_text(encoding="utf-8", errors="replace")
        for message in breaches(name, text):
            print(f"{name}: {message}")
            found += 1
    print(f"tidy: {len(files)} files, {found} breaches")
    return 1 if found or not files else 0


sys.exit(main())
