#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Bundles that a real OPA 0.60.0 signed, for the test beside this file; not needed to run it.

    record_bundle.py OPA         writes bundle.json here (needs openssl; private keys are thrown away)
"""
import base64
import json
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main():
    folder = Path(tempfile.mkdtemp())
    source = folder / "src"
    (source / "a").mkdir(parents=True)
    (source / "p.rego").write_text("package a.p\n\nallow { data.a.limit > 1 }\n")
    (source / "a" / "data.json").write_text('{"limit": 1.50, "names": ["é", "<b>"], "z": {"b": 1e3, "a": null}}')
    (source / ".manifest").write_text('{"revision": "s1", "roots": ["a"]}')
    out = []
    for alg in ("RS256", "PS384", "ES256", "ES512", "HS512"):
        key, public = "the-secret", "the-secret"
        if alg[0] != "H":
            make = ["genrsa", "2048"] if alg[0] in "RP" else ["ecparam", "-genkey", "-noout", "-name",
                                                             "P-256" if alg == "ES256" else "secp521r1"]
            pem = subprocess.run(["openssl", *make], capture_output=True, check=True).stdout
            (folder / "key.pem").write_bytes(pem)
            key = str(folder / "key.pem")
            kind = "rsa" if alg[0] in "RP" else "ec"
            public = subprocess.run(["openssl", kind, "-in", key, "-pubout"], capture_output=True, check=True).stdout.decode()
        subprocess.run([sys.argv[1], "build", "-b", "src", "--signing-alg", alg, "--signing-key", key, "-o", "out.tar.gz"],
                       cwd=folder, check=True)
        out.append({"algorithm": alg, "key": public,
                    "bundle": base64.b64encode((folder / "out.tar.gz").read_bytes()).decode()})
    (HERE / "bundle.json").write_text(json.dumps({"recorded_from": "OPA 0.60.0", "signed": out}, indent=0))


if __name__ == "__main__":
    main()
