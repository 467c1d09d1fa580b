#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every source compiles with clang's warnings as well as with gcc's: the sanitizer, fuzz and wasm builds
use clang, and are made more rarely than the tests run.

    clang.py BUILD      BUILD holds compile_commands.json of a gcc build; exit 77 without clang
"""
import json
import os
import shlex
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

GCC_ONLY = ("-fno-lto", "-flto", "-fhardened", "-fanalyzer", "-fcf-protection", "-fno-fat-lto-objects")


def check(entry):
    words = shlex.split(entry["command"])
    words = words[next(i for i, w in enumerate(words) if w.startswith("-")):]  # behind the compiler
    out = words.index("-o")
    del words[out:out + 2]
    words = [w for w in words if not w.startswith(GCC_ONLY)]
    if "/test/" in entry["file"]:
        words.append("-Wno-double-promotion")  # as test/tests.cmake has it
    command = ["clang", "-fsyntax-only", *words, "-Wno-unknown-warning-option"]
    done = subprocess.run(command, cwd=entry["directory"], stderr=subprocess.PIPE, text=True)
    return done.stderr if done.returncode != 0 else ""


def main():
    if shutil.which("clang") is None:
        print("clang is not here; skipped")
        return 77
    entries = json.loads(Path(sys.argv[1], "compile_commands.json").read_text())
    entries = list({e["file"]: e for e in entries if e["file"].endswith(".c")}.values())
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        complaints = [text for text in pool.map(check, entries) if text]
    for text in complaints:
        print(text)
    print(f"clang: {len(entries)} files, {len(complaints)} with complaints")
    return 1 if complaints or len(entries) < 100 else 0


sys.exit(main())
