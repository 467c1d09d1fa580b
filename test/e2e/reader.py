#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The batch reader and the loaders from outside: labels at their moment, bad input said and not
swallowed, packs as Kubernetes mounts them.

    reader.py WEIR
"""
import gzip
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
from served import Checks  # noqa: E402

PACKS = Path(__file__).resolve().parent.parent.parent / "packs"
HEADER = "TRANSACTION_ID,TX_TIME_SECONDS,CUSTOMER_ID,TERMINAL_ID,TX_AMOUNT,TX_FRAUD\n"
WEEK = 7 * 86400


def run(weir, *arguments, text=None, stdin=None, stdout=subprocess.PIPE):
    data = text.encode() if isinstance(text, str) else text
    pipe = {"stdin": stdin} if data is None else {"input": data}
    done = subprocess.run([weir, *arguments], stdout=stdout, stderr=subprocess.PIPE, check=False,
                          **pipe)
    lines = (done.stdout or b"").decode().splitlines()
    return done.returncode, lines, done.stderr.decode()


def decide(weir, text, *arguments):
    code, lines, told = run(weir, "decide", "--pack", str(PACKS / "cards"), *arguments, text=text)
    return code, [json.loads(line) for line in lines], told


def labels(weir, check):
    """All rows lie in one batch: a label due within it acts before the events of that moment."""
    rows = [(1, 0, 1), (2, WEEK - 1, 0), (3, WEEK, 0), (4, WEEK + 1, 0), (5, WEEK + 2, 1)]
    text = HEADER + "".join(f"{i},{t},1,1,10.00,{fraud}\n" for i, t, fraud in rows)
    code, out, _ = decide(weir, text, "--features")
    risks = [d["features"]["terminal_id_risk_1day_window"] for d in out]
    check.that(code == 0 and risks == [0, 0, 1, 1, 1], "a label acts from the moment it is due", risks)
    text = HEADER + "1,0,1,1,10.00,1\n2,86400,1,1,10.00,0\n3,691200,1,1,10.00,0\n"
    _, out, _ = decide(weir, text, "--features")
    risk = out[2]["features"]["terminal_id_risk_7day_window"]
    check.that(risk == 0.5, "the unlabelled stay in the denominator", risk)


def rows(weir, check):
    text = HEADER + ("1,0,1,1,10.00,0\n" "2,5,1,1,ten,0\n" "3,6,1\n" "4,7,1\",1,10.00,0\n"
                     "5,8,1,1,10.00,maybe\n" "6,9,1,1,10.00,\n")
    code, out, told = decide(weir, text)
    bad = [d["line"] for d in out if "error" in d]
    good = [d["transaction_id"] for d in out if "error" not in d]
    check.that(code == 1 and bad == [3, 4, 5, 6] and good == ["1", "6"],
               "each bad row is refused in its place, the good ones are decided", out)
    check.that("2 decided" in told and "4 refused" in told, "the counts are told", told)
    code, lines, _ = run(weir, "decide", "--pack", str(PACKS / "cards"), "--input", "csv",
                         text=HEADER.encode() + b"1,0,1,1,10.00\xff,0\n")
    check.that(code == 1 and len(lines) == 1 and "error" in json.loads(lines[0]),
               "a refusal is JSON whatever bytes it quotes", lines)


def lines(weir, check):
    event = '{"transaction": {"id": "%s", "time": 1000, "amount": 1, "terminal_id": "1"%s}, ' \
            '"user": {"id": "1"}}'
    text = "\n".join([event % ("a", ""), "", event % ("b", ', "x": "' + "y" * 300000 + '"'), "{",
                      event % ("c", "") + "\r", '{"id": "a", "label": {"fraud": true}}',
                      '{"id": "a", "label": {"fraud": "?"}}', "[]", event % ("d", "")])
    code, out, _ = decide(weir, text, "--input", "jsonl")
    got = [d.get("transaction_id") or (d["line"], d["error"]["code"]) for d in out]
    want = ["a", (3, "too_large"), (4, "need_more"), "c", (7, "label"), (8, "field"), "d"]
    check.that(code == 1 and got == want, "each bad line is refused in its place", got)
    for kind in ("auto", "csv", "jsonl"):
        folder = os.open(PACKS, os.O_RDONLY)
        code, out, told = run(weir, "decide", "--input", kind, "--pack", str(PACKS / "cards"),
                              stdin=folder)
        os.close(folder)
        check.that(code == 1 and out == [] and "cannot read" in told,
                   f"{kind}: input that cannot be read is no empty success", (code, told))
    code, _, _ = run(weir, "decide", "--input", "xml", text="")
    check.that(code == 2, "an unknown kind of input is wrong usage", code)


def paths(weir, check, folder):
    """What is not there, or not what it seems, is never passed over."""
    Path(folder, "policy.txt").write_text("package x")
    Path(folder, "my-weir.yaml").write_text("a: 1")
    for verb, code_wanted in (("check", 1), ("test", 1)):
        for path in ("absent", "policy.txt"):
            code, _, told = run(weir, verb, str(Path(folder, path)), text="")
            check.that(code == code_wanted and path in told, f"{verb} {path} fails", (code, told))
    for option in ("-d", "-b"):
        for path in ("absent", "policy.txt"):
            code, out, _ = run(weir, "eval", option, str(Path(folder, path)), "1", text="")
            check.that(code == 2 and '"errors"' in out[1] and "result" not in str(out),
                       f"eval {option} {path} fails", (code, out))
    code, out, _ = run(weir, "eval", "-f", "raw", "-d", str(Path(folder, "my-weir.yaml")), "data.a",
                       text="")
    check.that(out == ["1"], "a data file may end in weir.yaml", out)


def formats(weir, check):
    """As OPA 0.60 prints them."""
    cases = [("values", "x := [1, 2][_]", "[\n  true\n]\n[\n  true\n]"),
             ("values", "x := 1; y := 2", "[\n  true,\n  true\n]"), ("values", "data.none", ""),
             ("bindings", "x := [1, 2][_]", '{\n  "x": 1\n}\n{\n  "x": 2\n}'),
             ("raw", '"a\\u0000b"', "a\0b"), ("raw", "[1, 2][_]", "1\n2")]
    for kind, query, want in cases:
        code, out, _ = run(weir, "eval", "-f", kind, query, text="")
        check.that(code == 0 and "\n".join(out) == want, f"-f {kind} of {query}", out)


def outputs(weir, check):
    if not Path("/dev/full").exists():
        return
    for arguments in (["version"], ["eval", "1"], ["errors"], ["help"],
                      ["pack", "check", str(PACKS / "starter")]):
        with open("/dev/full", "wb") as full:
            code, _, told = run(weir, *arguments, stdout=full, text="")
        check.that(code != 0 and "write" in told, f"{arguments[0]}: lost output is a failure",
                   (code, told))


def mounted(weir, check, folder):
    """Files link into ..data, which links to a folder named by time, as the kubelet makes them."""
    pack = Path(folder, "pack")
    real = pack / "..2026_11_22_10_00_00.1"
    real.mkdir(parents=True)
    (pack / "..data").symlink_to(real.name)
    for name in ("risk.rego", "weir.yaml"):
        shutil.copy(PACKS / "starter" / name, real / name)
        (pack / name).symlink_to(Path("..data", name))
    code, out, told = run(weir, "pack", "check", str(pack), text="")
    check.that(code == 0, "a pack mounted from a ConfigMap is read", (out, told))
    code, out, _ = run(weir, "eval", "-f", "raw", "-d", str(pack), "data.risk.allow", text="")
    check.that(code == 0 and out == ["false"], "each file once", out)
    (pack / "gone.rego").symlink_to("nothing")
    code, _, told = run(weir, "pack", "check", str(pack), text="")
    check.that(code == 1 and "gone.rego" in told, "a link to nothing is an error", told)


def limits(weir, check, folder):
    """Each limit of the loaders and of the command line admits its number and refuses one more."""
    for n in (8192, 8193):
        text = ",".join(f"c{i}" for i in range(n)) + "\n"
        code, out, told = run(weir, "decide", "--pack", str(PACKS / "cards"), "--input", "csv", text=text)
        check.that(code == 1 and ("8192 columns" in told) == (n > 8192), f"{n} columns", told)
    for depth in (16, 17):
        deep = Path(folder, f"deep{depth}", *["d"] * depth)
        deep.mkdir(parents=True)
        (deep / "x.rego").write_text("package x")
        code, _, told = run(weir, "check", str(Path(folder, f"deep{depth}")), text="")
        check.that((code == 0) == (depth == 16) and ("16" in told) == (depth > 16),
                   f"folders {depth} deep", told)
    many = Path(folder, "many")
    many.mkdir()
    for i in range(4096):
        (many / f"{i}.txt").touch()
    code, _, told = run(weir, "check", str(many), text="")
    check.that(code == 0, "4096 files", told)
    (many / "one-more.txt").touch()
    code, _, told = run(weir, "check", str(many), text="")
    check.that(code == 1 and "4096 files" in told, "4097 files", told)
    bomb = Path(folder, "bomb.tar.gz")
    bomb.write_bytes(gzip.compress(bytes(20_000_000)))
    code, _, told = run(weir, "pack", "check", str(bomb), text="")
    check.that(code == 1 and "unpacks to more than" in told, "a bomb is not unpacked", told)
    for n in (64, 65):
        code, _, told = run(weir, "eval", *["--import=input.a"] * n, "1", text="")
        check.that((code == 0) == (n == 64), f"an option given {n} times", told)


def main():
    weir, check = sys.argv[1], Checks("reader")
    for part in (labels, rows, lines, formats, outputs):
        part(weir, check)
    with tempfile.TemporaryDirectory() as folder:
        paths(weir, check, folder)
        mounted(weir, check, folder)
        limits(weir, check, folder)
    return check.end()


sys.exit(main())
