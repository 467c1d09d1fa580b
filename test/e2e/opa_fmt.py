#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`weir fmt` against `opa fmt` 0.60.0, by hashes of its recorded output; and twice is once.

    opa_fmt.py WEIR SHARED

All packs and bench policies must be equal. Of the conformance cases' modules, which need SHARED as
bench policies do, at most 4 differ: where OPA's text would mean something else (parentheses of `in`,
the last of two equal keys), or changes when it is formatted again.
"""
import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.path.insert(0, str(HERE.parent / "golden" / "opa"))
from record_fmt import modules, sha  # noqa: E402
from served import Checks  # noqa: E402

DIFFERENT_MAX = 4


def fmt_all(weir, texts):
    """Formats many modules in one folder at once, and again; those that do not parse stay."""
    with tempfile.TemporaryDirectory() as folder:
        for i, text in enumerate(texts):
            Path(folder, f"{i:05}.rego").write_text(text)
        subprocess.run([weir, "fmt", "-w", folder], capture_output=True)
        once = [Path(folder, f"{i:05}.rego").read_text() for i in range(len(texts))]
        subprocess.run([weir, "fmt", "-w", folder], capture_output=True)
        twice = [Path(folder, f"{i:05}.rego").read_text() for i in range(len(texts))]
    return once, twice


def main():
    check = Checks("opa_fmt")
    weir, shared = str(Path(sys.argv[1]).resolve()), Path(sys.argv[2])
    recorded = json.loads((HERE.parent / "golden" / "opa" / "fmt.json").read_text())
    unique = {}
    for group, text in modules(shared):
        unique.setdefault(sha(text), (group, text))
    known = [(group, text) for key, (group, text) in unique.items() if key in recorded.get(group, {})]
    once, twice = fmt_all(weir, [text for _, text in known])
    different = counted = 0
    for (group, text), out, again in zip(known, once, twice):
        want = recorded[group][sha(text)]
        counted += group == "packs"
        check.that(out == again, f"formatting twice is formatting once ({group})", text[:200])
        if want is None:
            continue
        if group == "cases":
            different += sha(out) != want
        else:
            check.that(sha(out) == want, f"as opa fmt lays it out ({group})", out[:200])
    check.that(counted >= 4, "the packs' modules are recorded: run record_fmt.py after a change", counted)
    check.that(different <= DIFFERENT_MAX, "all but a few modules of the cases", different)
    print(f"opa_fmt: {len(known)} modules, {different} laid out differently on purpose")
    return check.end()


if __name__ == "__main__":
    sys.exit(main())
