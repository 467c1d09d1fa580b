#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Explanations and profiles of policies that are made to be deep, long or endless: each ends with the
name of a limit, on the stack that a process has by default.

    opa_limits.py WEIR
"""
import json
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
from served import Checks  # noqa: E402

STACK = 8 << 20
HEAD = "package p\nimport future.keywords\n"
N = 1100


def packages():
    """Each package asks for the whole of the next, 44 levels above its rule."""
    tail = "".join(f".b{k}" for k in range(44))
    return "\n".join(f"package a{i}{tail}\np[x] {{ x := [1 | data.a{i + 1}] }}\n" for i in range(N)).split("\n\n")


def long_refs():
    """Rules below a long path, that call each other by it."""
    path = ".".join(f"b{k}" for k in range(40))
    rules = "".join(f"p{i} {{ data.{path}.p{i + 1} }}\n" for i in range(N))
    return f"package {path}\n{rules}p{N} := 1\n", f"data.{path}.p0"


def closures():
    step = "every w in [1] {{ count([q | q := 1; every z in [w] {{ f{0}(z); not q > 3 }}]) == 1 }}"
    rules = "".join(f"f{i}(x) if {{ x; {step.format(i + 1)} }}\n" for i in range(N))
    return HEAD + rules + f"f{N}(x) if {{ x > 0 }}\n"


def loops():
    deep = "[" * 30 + "1" + "]" * 30
    steps = "".join(f"v{i} := d{'[_]' * 30}; " for i in range(60))
    return HEAD + f"p if {{ d := {deep}; {steps} true }}\n"


def statements():
    return HEAD + "p if { x0 := 1; " + "".join(f"x{i} := x{i - 1} + 0; " for i in range(1, 1500)) + "true }\n"


def unions():
    """One unification of two arrays with unknowns on both sides."""
    left, right = (", ".join(f"{side}{i}" for i in range(3000)) for side in "xy")
    known = "; ".join(f"y{i} = 1" for i in range(3000))
    return HEAD + f"p if {{ [{left}, 1] = [{right}, z]; {known} }}\n"


def members():
    return HEAD + "s contains [x, y, z] if { some x in numbers.range(1, 60); some y in numbers.range(1, 60); " \
                  "some z in numbers.range(1, 60) }\n"


def endless():
    return HEAD + "p if { some x in numbers.range(1, 3000); some y in numbers.range(1, 3000); x + y < 0 }\n"


DEPTH, EVENTS = "WR_LIMIT_TRACE_DEPTH", "WR_LIMIT_TRACE_EVENTS"


def main():
    check, weir = Checks("opa_limits"), str(Path(sys.argv[1]).resolve())
    folder = Path(tempfile.mkdtemp(prefix="weir-opa-limits-"))
    path_rules, path_query = long_refs()
    (folder / "deep").mkdir()
    for i, module in enumerate(packages()):
        (folder / "deep" / f"m{i}.rego").write_text(module)
    for name, text in (("path", path_rules), ("closures", closures()), ("loops", loops()), ("unions", unions()),
                       ("statements", statements()), ("members", members()), ("endless", endless())):
        (folder / (name + ".rego")).write_text(text)
    for name, query, limit in (
            ("deep", "data.a0", DEPTH), ("path.rego", path_query, DEPTH), ("closures.rego", "data.p.f0(1)", DEPTH),
            ("loops.rego", "data.p.p", DEPTH), ("statements.rego", "data.p.p", DEPTH),
            ("unions.rego", "data.p.p", DEPTH), ("members.rego", "count(data.p.s)", EVENTS),
            ("endless.rego", "data.p.p", EVENTS)):
        for how in (["--explain", "notes"], ["--profile"]):
            done = subprocess.run([weir, "eval", *how, "-d", name, query], cwd=folder, capture_output=True, text=True,
                                  timeout=300, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_STACK, (STACK, STACK)))
            what = f"{name} {how[0]}"
            check.that(done.returncode in (0, 2), what + ": exit code", (done.returncode, done.stderr[-400:]))
            check.that(limit in done.stderr, what + ": names the limit", (done.stdout[-100:], done.stderr[-400:]))
            check.that(how[0] in ("--explain",) or "profile" in json.loads(done.stdout or "{}"), what + ": told so far",
                       done.stdout[:200])
    shutil.rmtree(folder)
    return check.end()


if __name__ == "__main__":
    sys.exit(main())
