# SPDX-License-Identifier: Apache-2.0
"""Compiles two files of the release again and asks the compiler whether it found their profile: without one it
says nothing by itself, and a decision costs a tenth more instructions. Exit 77 when there is no release build."""
import json
import shlex
import subprocess
import sys
from pathlib import Path

FILES = ("src/base/hash.c", "src/shell/loop.c")


def main():
    commands = Path(sys.argv[1], "compile_commands.json")
    if not commands.exists():
        print(f"profile: {commands.parent} is not built; skipped")
        return 77
    units = [unit for unit in json.loads(commands.read_text()) if unit["file"].endswith(FILES)]
    failed = 0
    if len({unit["file"] for unit in units}) != len(FILES):
        print(f"profile: not so: {commands.parent} compiles {' and '.join(FILES)}")
        failed += 1
    for unit in units:
        words = shlex.split(unit["command"])
        at = words.index("-o")
        name, words[at + 1] = words[at + 1], "/dev/null"  # the profile is named by what would be written
        told = subprocess.run([*words, "-Wmissing-profile", "-dumpdir", "", "-dumpbase", name, "-dumpbase-ext", ".o"], cwd=unit["directory"], stderr=subprocess.PIPE, text=True)
        if told.returncode != 0 or "profile" in told.stderr or not any(word.startswith("-fprofile-use=") for word in words):
            print(f"profile: not so: {unit['file']} is compiled by a profile (./dev train makes one)\n{told.stderr}")
            failed += 1
    return failed != 0


sys.exit(main())
