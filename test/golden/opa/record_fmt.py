#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Records how a real OPA 0.60.0 formats modules, as hashes; not needed to run the test.

    record_fmt.py OPA SHARED       writes fmt.json here

Modules: those of packs/ and test/golden/, of SHARED/bench-policies and of the conformance cases in
SHARED/opa-cases/v0, every third of these. For each, the SHA-256 of its text (its first 16 digits) leads
to that of what `opa fmt` makes of it, or to null when OPA refuses it.
"""
import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent.parent


def sha(text):
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def modules(shared):
    """(group, text), in a fixed order; also what the test reads."""
    for group, folder in (("packs", ROOT / "packs"), ("golden", ROOT / "test" / "golden" / "rego"),
                          ("bench", shared / "bench-policies")):
        for path in sorted(folder.rglob("*.rego")):
            yield group, path.read_text()
    n = 0
    for path in sorted((shared / "opa-cases" / "v0").glob("*.json")):
        document = json.loads(path.read_text())
        for case in document if isinstance(document, list) else document["cases"]:
            for text in case.get("modules") or []:
                n += 1
                if n % 3 == 0:
                    yield "cases", text


def main():
    opa, shared = sys.argv[1], Path(sys.argv[2])
    out, seen = {}, set()
    with tempfile.NamedTemporaryFile("w+", suffix=".rego") as file:
        for group, text in modules(shared):
            if sha(text) in seen:
                continue
            seen.add(sha(text))
            Path(file.name).write_text(text)
            done = subprocess.run([opa, "fmt", file.name], capture_output=True, text=True)
            out.setdefault(group, {})[sha(text)] = sha(done.stdout) if done.returncode == 0 else None
    (HERE / "fmt.json").write_text(json.dumps({"recorded_from": "OPA 0.60.0", **out}, indent=0))
    print({k: len(v) for k, v in out.items()})


if __name__ == "__main__":
    main()
