# SPDX-License-Identifier: Apache-2.0
"""Authorities and certificates of a test's own, by the openssl program."""
import socket
import subprocess
from pathlib import Path


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def sh(*args):
    subprocess.run(args, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def authority(folder, name):
    sh("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
       "-keyout", f"{folder}/{name}.key", "-out", f"{folder}/{name}.crt", "-days", "2",
       "-subj", f"/CN={name}")


def certificate(folder, ca, name, alternative):
    sh("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
       "-keyout", f"{folder}/{name}.key", "-out", f"{folder}/{name}.csr", "-subj", f"/CN={name}")
    extensions = Path(folder, f"{name}.ext")
    extensions.write_text(f"subjectAltName={alternative}\n")
    sh("openssl", "x509", "-req", "-in", f"{folder}/{name}.csr", "-CA", f"{folder}/{ca}.crt",
       "-CAkey", f"{folder}/{ca}.key", "-CAcreateserial", "-days", "2",
       "-extfile", str(extensions), "-out", f"{folder}/{name}.crt")
