#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Bundles: built, signed, verified; and what a verifier must not let pass.

    opa_bundle.py WEIR RECORDED

RECORDED holds bundles that OPA 0.60.0 signed.
"""
import base64
import gzip
import hashlib
import hmac
import io
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
from served import Checks  # noqa: E402

PACKS = Path(__file__).resolve().parent.parent.parent / "packs"
SECRET = "a-secret-of-ours"


def run(weir, *args, cwd=None):
    done = subprocess.run([weir, *map(str, args)], cwd=cwd, capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def unpack(path):
    with tarfile.open(path) as tar:
        return {m.name.lstrip("/"): tar.extractfile(m).read() for m in tar.getmembers()}


def pack(path, files):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo("/" + name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    Path(path).write_bytes(gzip.compress(buffer.getvalue(), mtime=0))


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def token(header, payload, secret=SECRET, digest="sha256"):
    text = b64(json.dumps(header).encode()) + "." + b64(json.dumps(payload).encode())
    return text + "." + b64(hmac.new(secret.encode(), text.encode(), digest).digest())


def recorded(weir, check, folder, path):
    for entry in json.loads(Path(path).read_text())["signed"]:
        alg, bundle = entry["algorithm"], folder / "opa.tar.gz"
        bundle.write_bytes(base64.b64decode(entry["bundle"]))
        key = entry["key"]
        if alg[0] != "H":
            (folder / "public.pem").write_text(key)
            key = folder / "public.pem"
        verify = ["build", "-b", bundle, "-o", folder / "x.tar.gz", "--signing-alg", alg, "--verification-key"]
        code, _, told = run(weir, *verify, key)
        check.that(code == 0, f"what OPA signed with {alg} verifies", told)
        code, _, told = run(weir, "build", "-b", bundle, "-o", folder / "x.tar.gz")
        check.that(code == 1 and "verification key not provided" in told, f"without a key it does not ({alg})", told)
        files = unpack(bundle)
        files["data.json"] = files["data.json"].replace(b"1.50", b"9.50")
        pack(bundle, files)
        code, _, told = run(weir, *verify, key)
        check.that(code == 1 and "digest mismatch" in told, f"changed data do not verify ({alg})", told)
        files["data.json"] = files["data.json"].replace(b"9.50", b"1.50") + b"  \n"
        pack(bundle, files)
        code, _, told = run(weir, *verify, key)
        check.that(code == 0, f"white space in data means nothing ({alg})", told)


def attacks(weir, check, folder):
    source = folder / "src"
    (source / "a").mkdir(parents=True)
    (source / "p.rego").write_text("package a.p\n\nallow := true\n")
    (source / "a" / "data.json").write_text('{"k": 1}')
    (source / ".manifest").write_text('{"revision": "1", "roots": ["a"]}')
    good, bad = folder / "good.tar.gz", folder / "bad.tar.gz"
    hs = ["--signing-alg", "HS256"]
    code, _, told = run(weir, "build", "-b", "src", *hs, "--signing-key", SECRET, "-o", good, cwd=folder)
    check.that(code == 0, "a bundle is signed", told)
    files = unpack(good)
    jwt = json.loads(files[".signatures.json"])["signatures"][0]
    payload = json.loads(base64.urlsafe_b64decode(jwt.split(".")[1] + "=="))

    def tried(what, changed, told_wanted, *more, key=SECRET, alg="HS256"):
        pack(bad, changed)
        code, _, told = run(weir, "build", "-b", bad, "--signing-alg", alg, "--verification-key", key, *more,
                            "-o", folder / "x.tar.gz")
        check.that(code == 1 and told_wanted in told, what + " is refused", told)

    def signed(tokens):
        return {**files, ".signatures.json": json.dumps({"signatures": tokens}).encode()}

    code, _, told = run(weir, "build", "-b", good, *hs, "--verification-key", SECRET, "-o", folder / "x.tar.gz")
    check.that(code == 0, "it verifies", told)
    stripped = {k: v for k, v in files.items() if k != ".signatures.json"}
    tried("a bundle stripped of its signatures", stripped, "bundle missing .signatures.json file")
    tried("an empty list of signatures", signed([]), "bundle missing .signatures.json file")
    tried("a signatures file without a list", {**files, ".signatures.json": b"{}"}, "bundle missing .signatures.json file")
    tried("a signatures file of another name", {**stripped, "signatures.json": files[".signatures.json"]},
          "bundle missing .signatures.json file")
    tried("a broken signatures file", {**files, ".signatures.json": b"{"}, "signatures decode")
    tried("two tokens", signed([jwt, jwt]), "multiple JWTs not supported")
    tried("a token that is no text", {**files, ".signatures.json": b'{"signatures": [1]}'}, "signatures decode")
    tried("an empty token", signed([""]), "failed to split")
    tried("another secret", files, "failed to verify", key="wrong")
    none = b64(b'{"alg":"none"}') + "." + jwt.split(".")[1] + "."
    tried("a token of algorithm none", signed([none]), "failed to verify")
    tried("a token of algorithm none with no mark", signed([none[:-1]]), "failed to split")
    tried("another algorithm than wanted", signed([token({"alg": "HS512"}, payload, digest="sha512")]), "failed to verify")
    tried("a key id of the bundle's own", signed([token({"alg": "HS256", "kid": "mine"}, payload, "mine")]), "failed to verify")
    changed = dict(payload, files=[f for f in payload["files"] if f["name"] != "data.json"])
    tried("a file that is not signed", signed([token({"alg": "HS256"}, changed)]), "not included in bundle signature")
    extra = dict(payload, files=payload["files"] + [{"name": "gone.rego", "hash": "00", "algorithm": "SHA-256"}])
    tried("a signed file that is missing", signed([token({"alg": "HS256"}, extra)]), "not found in the target bundle")
    tried("a file added later", {**files, "a/q.rego": b"package a.q\n"}, "not included in bundle signature")
    tried("a module changed later", {**files, "src/p.rego": b"package a.p\n\nallow := false\n"}, "digest mismatch")
    twice = dict(payload, files=[dict(payload["files"][0], hash="00")] + payload["files"])
    tried("a file signed twice, first with another digest,", signed([token({"alg": "HS256"}, twice)]), "digest mismatch")
    slashed = dict(payload, files=[dict(f, name="/" + f["name"]) for f in payload["files"]])
    pack(bad, signed([token({"alg": "HS256"}, slashed)]))
    code, _, told = run(weir, "build", "-b", bad, *hs, "--verification-key", SECRET, "-o", folder / "x.tar.gz")
    check.that(code == 0, "names with a leading slash are the same names", told)
    weak = json.loads(json.dumps(payload))
    weak["files"][0]["algorithm"] = "CRC32"
    tried("an unknown hash", signed([token({"alg": "HS256"}, weak)]), "unsupported hashing algorithm")
    weak["files"][0].pop("algorithm")
    tried("no hash named", signed([token({"alg": "HS256"}, weak)]), "no hashing algorithm")
    tried("a scope that is not there", files, "scope mismatch", "--scope", "write")
    tried("a scope that is not wanted", signed([token({"alg": "HS256"}, dict(payload, scope="write"))]), "scope mismatch")
    tried("a secret taken for a public key", files, "", key="not a key", alg="RS256")
    for name, hashed in (("SHA-512-256", "sha512_256"), ("SHA-224", "sha224"), ("SHA-512-224", "sha512_224"), ("MD5", "md5"),
                         ("SHA-1", "sha1"), ("SHA-384", "sha384"), ("SHA-512", "sha512")):
        other = json.loads(json.dumps(payload))
        for file in other["files"]:
            data = files[file["name"]]
            if file["name"] in ("data.json", ".manifest"):
                data = json.dumps(json.loads(data), separators=(",", ":"), sort_keys=True).encode()
            file.update(algorithm=name, hash=hashlib.new(hashed, data).hexdigest().upper())
        pack(bad, signed([token({"alg": "HS256"}, other)]))
        code, _, told = run(weir, "build", "-b", bad, *hs, "--verification-key", SECRET, "-o", folder / "x.tar.gz")
        check.that(code == 0, f"hashes by {name} verify", told)
    pack(bad, {**files, "notes.txt": b"x"})
    code, _, told = run(weir, "build", "-b", bad, *hs, "--verification-key", SECRET, "--exclude-files-verify", "notes.txt",
                        "-o", folder / "x.tar.gz")
    check.that(code == 0, "an excluded file need not be signed", told)
    code, _, told = run(weir, "build", "src", *hs, "--signing-key", SECRET, cwd=folder)
    check.that(code == 1 and "enable bundle mode" in told, "signing wants --bundle", told)
    code, _, told = run(weir, "build", "-b", "src", "-O", "1", cwd=folder)
    check.that(code == 2 and "--optimize is not offered" in told, "optimizing is refused by name", told)


def keys(weir, check, folder):
    """Signed with private keys in each form of PEM, verified with the public one, refused by another."""
    def openssl(*args):
        return subprocess.run(["openssl", *args], cwd=folder, capture_output=True, check=True)
    openssl("genrsa", "-traditional", "-out", "rsa1.pem", "2048")
    openssl("pkcs8", "-topk8", "-nocrypt", "-in", "rsa1.pem", "-out", "rsa8.pem")
    openssl("rsa", "-in", "rsa1.pem", "-pubout", "-out", "rsa.pub")
    openssl("ecparam", "-genkey", "-name", "P-384", "-out", "ec1.pem")  # with its EC PARAMETERS block
    openssl("ec", "-in", "ec1.pem", "-pubout", "-out", "ec.pub")
    out = folder / "keyed.tar.gz"
    for private, public, other, alg in (("rsa1.pem", "rsa.pub", "ec.pub", "RS512"), ("rsa8.pem", "rsa.pub", "ec.pub", "PS256"),
                                        ("ec1.pem", "ec.pub", "rsa.pub", "ES384")):
        code, _, told = run(weir, "build", "-b", "src", "--signing-alg", alg, "--signing-key", private, "-o", out, cwd=folder)
        check.that(code == 0, f"{alg} signs with {private}", told)
        verify = ["build", "-b", out, "-o", "x.tar.gz", "--signing-alg", alg, "--verification-key"]
        code, _, told = run(weir, *verify, public, cwd=folder)
        check.that(code == 0, f"{alg} verifies", told)
        code, _, told = run(weir, *verify, other, cwd=folder)
        check.that(code == 1, f"{alg} does not verify with another key", told)
    code, _, told = run(weir, "build", "-b", "src", "--signing-key", "rsa.pub", "-o", out, cwd=folder)
    check.that(code == 1 and "no private key" in told, "a public key cannot sign", told)


def building(weir, check, folder):
    for name in ("cards", "starter"):
        out = folder / f"{name}.tar.gz"
        code, _, told = run(weir, "build", "-b", PACKS / name, "-o", out)
        files = unpack(out) if code == 0 else {}
        check.that(code == 0 and "weir.json" in files and "weir.yaml" not in files,
                   f"the bundle of {name} holds the normalised weir.json", (told, sorted(files)))
        json.loads(files.get("weir.json", b"{}"))
        digests = [[line for line in run(weir, "pack", "check", p)[1].splitlines() if "digest" in line]
                   for p in (PACKS / name, out)]
        check.that(digests[0] == digests[1] and digests[0], f"its digest is the folder's ({name})", digests)
        again = folder / "again.tar.gz"
        run(weir, "build", "-b", PACKS / name, "-o", again)
        check.that(out.read_bytes() == again.read_bytes(), "the same files give the same bytes")
        code, text, _ = run(weir, "eval", "-b", out, "-f", "raw", "data.risk")
        want = run(weir, "eval", "-b", PACKS / name, "-f", "raw", "data.risk")[1]
        check.that(code == 0 and text == want, "the archive is evaluated as the folder", text)
    code, _, told = run(weir, "build", PACKS / "starter", "-o", "opa.tar.gz", cwd=folder)
    check.that(code == 0 and "--bundle keeps all" in told, "built as OPA does, a pack is less than a pack", told)
    code, _, told = run(weir, "pack", "check", "opa.tar.gz", cwd=folder)
    check.that(code == 1 and "no weir.json" in told and "weir build --bundle" in told, "and the check names the remedy", told)
    (folder / "p.rego").write_text("package p\nallow{input.x}\n")
    (folder / "d.yaml").write_text("k: [1, 2]\n")
    code, _, told = run(weir, "build", "p.rego", "d.yaml", "-r", "r1", "-e", "p/allow", "-o", "plain.tar.gz", cwd=folder)
    files = unpack(folder / "plain.tar.gz")
    check.that(code == 0 and files.get("data.json") == b'{"k":[1,2]}\n' and
               files.get(".manifest") == b'{"revision":"r1","roots":[""]}\n' and
               files.get("p.rego") == b"package p\n\nallow {\n\tinput.x\n}\n",
               "data are merged, modules formatted, the manifest written", (told, files))
    code, _, told = run(weir, "build", "p.rego", "-e", "p/nosuch", "-o", "x.tar.gz", cwd=folder)
    check.that(code == 1 and "p/nosuch" in told, "an entry point must be there", told)
    (folder / "bad.rego").write_text("package p\n\np { x }\n")
    code, _, told = run(weir, "build", "bad.rego", "-o", "x.tar.gz", cwd=folder)
    check.that(code == 1 and "var x is unsafe" in told, "what does not compile is no bundle", told)


def main():
    check = Checks("opa_bundle")
    weir = str(Path(sys.argv[1]).resolve())
    folder = Path(tempfile.mkdtemp(prefix="weir-bundle-"))
    recorded(weir, check, folder, sys.argv[2])
    attacks(weir, check, folder)
    keys(weir, check, folder)
    building(weir, check, folder)
    shutil.rmtree(folder)
    return check.end()


if __name__ == "__main__":
    sys.exit(main())
