#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Lets a real OPA 0.60 format the modules of test/golden/rego-fmt: NAME.rego becomes NAME.want.

usage: rego_fmt.py PATH-TO-OPA FOLDER      (names ending in _v1 are formatted as v1)
"""
import pathlib
import subprocess
import sys

for path in sorted(pathlib.Path(sys.argv[2]).glob("*.rego")):
    flags = ["--v1-compatible"] if path.stem.endswith("_v1") else []
    out = subprocess.run([sys.argv[1], "fmt", *flags, str(path)], stdout=subprocess.PIPE, check=True)
    path.with_suffix(".want").write_bytes(out.stdout)
