#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Suites of Gatekeeper's gator under `weir test`: those of deploy/gatekeeper pass, a template that is
broken on purpose fails them, and of every case of test/data/gator the verdict is the one that gator
3.15.1 gave (`gator verify -v`, recorded beside the suites).

    gatekeeper.py WEIR [GATOR]      with a gator the verdicts are recorded anew
"""
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
from served import Checks  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "test" / "data" / "gator"
DEPLOY = ROOT / "deploy" / "gatekeeper"
# File, what is broken in it, and the test that must notice.
BREAKAGES = (
    ("templates/risk-control-policy.yaml", "class != input.parameters.runtimeClass", "class == 1",
     "risk-control-policy"),
    ("templates/resource-budget.yaml", "millis > input.parameters", "millis < input.parameters",
     "resource-budget"),
    ("templates/risk-control-policy.yaml", 'not paths[""]', "true", "risk-control-policy"),
    ("templates/risk-control-policy.yaml", '"WEIR_DEADLINE"}', '"WEIR_OTHER"}',
     "risk-control-policy"),
    ("templates/resource-budget.yaml", "cpu(amount) > 0", "cpu(amount) >= 0", "resource-budget"),
    ("templates/resource-budget.yaml", 'restartPolicy == "Always"', 'restartPolicy == "Never"',
     "resource-budget"),
    ("templates/required-labels.yaml", '!= ""', '!= "x"', "required-labels"),
    ("constraints/bank-images.yaml", "DaemonSet, ReplicaSet", "DaemonSet", "image-by-digest"),
    ("templates/image-by-digest.yaml", '"/"]))', '""]))', "image-by-digest"),
    ("templates/read-only-root.yaml", "drops_all(c) {", "drops_all(c) { true }\ndrops_all_(c) {",
     "read-only-root"),
    ("templates/no-host-namespaces.yaml", "volume.hostPath", "volume.emptyDir", "no-host-namespaces"),
    ("templates/required-labels.yaml", "not regex.match", "regex.match", "required-labels"),
    ("templates/one-pack-revision.yaml", "theirs != revision", "theirs == revision",
     "one-pack-revision"),
    ("templates/one-pack-revision.yaml", "not is_controller(caller)", "is_controller(caller)",
     "one-pack-revision"),
    ("templates/one-pack-revision.yaml", "not owned(other)", "true", "one-pack-revision"),
    ("templates/one-pack-revision.yaml", "deciders[kind]", "true", "one-pack-revision"),
    ("templates/one-pack-revision.yaml", "owners[object.kind][reference.kind]", "true",
     "one-pack-revision"),
    ("constraints/one-pack-revision.yaml", "[Pod, ReplicationController]", "[Node]",
     "one-pack-revision"),
    ("constraints/one-pack-revision.yaml", "[Job, CronJob]", "[CronJob]", "one-pack-revision"),
    ("constraints/one-pack-revision.yaml", "DaemonSet, ReplicaSet]", "DaemonSet]",
     "one-pack-revision"),
    ("constraints/no-host-namespaces.yaml", "*-system", "*-else", "no-host-namespaces"),
    ("fixtures/allowed.yaml", "runtimeClassName: wasmedge", "runtimeClassName: runc",
     "risk-control-policy"),
)


def run(program, *arguments):
    done = subprocess.run([program, *arguments], cwd=ROOT, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def verdicts(text):
    lines = re.findall(r"(?:---|===) (?:PASS|FAIL|SKIP)[: ] [^\t\n]*", text)
    return [re.sub(" +", " ", line) for line in lines]


def compare(check, weir, gator):
    for suite in sorted(DATA.glob("*.gator.txt")):
        path = suite.with_name(suite.name.replace(".gator.txt", ".yaml")).relative_to(ROOT)
        if gator:
            suite.write_text("\n".join(verdicts(run(gator, "verify", "-v", path)[1])) + "\n")
        wanted = suite.read_text().splitlines()
        code, text = run(weir, "test", "-v", path)
        got = verdicts(text)
        different = [pair for pair in zip(wanted, got) if pair[0] != pair[1]]
        check.that(got == wanted and len(wanted) > 30, f"{path}: the verdicts of gator", different)
        check.that(code == 2, f"{path}: exit code 2", code)
    if gator:
        code, text = run(gator, "verify", "-v", DEPLOY / "suite.yaml")
        check.that(code == 0, "real gator passes deploy/gatekeeper", text)


def break_one(check, weir, folder, file, old, new, test):
    copy = folder / "gatekeeper"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(DEPLOY, copy)
    text = (copy / file).read_text()
    check.that(old in text, f"{file} has {old!r}")
    new = new.replace("\n", "\n        ")
    (copy / file).write_text(text.replace(old, new))
    code, text = run(weir, "test", copy)
    check.that(code == 2 and f"--- FAIL: {test}\t" in text, f"{file} broken fails {test}", text)


def main():
    weir = Path(sys.argv[1]).resolve()
    gator = Path(sys.argv[2]).resolve() if len(sys.argv) > 2 else None
    check = Checks("gatekeeper")
    code, text = run(weir, "test", "deploy/gatekeeper")
    check.that(code == 0 and re.search(r"^\d{2} passed, 0 failed, 0 skipped$", text, re.M),
               "the suite of deploy/gatekeeper passes", text)
    compare(check, weir, gator)
    code, text = run(weir, "test", "-v", "--run", "^image.*//.*placeholder", "deploy/gatekeeper")
    check.that(code == 0 and "\n1 passed, 0 failed," in text, "--run takes TEST//CASE", text)
    code, text = run(weir, "test", "deploy/gatekeeper", "packs/cards")
    check.that(code == 0 and "PASS: " in text, "suites and Rego tests in one call", text)
    folder = Path(tempfile.mkdtemp(prefix="weir-gatekeeper-"))
    try:
        for breakage in BREAKAGES:
            break_one(check, weir, folder, *breakage)
        many = folder / "many.yaml"
        many.write_text("---\napiVersion: test.gatekeeper.sh/v1\nkind: Suite\n" * 300)
        code, text = run(weir, "test", many)
        check.that(code != 0 and "more than 256 objects" in text,
                   "more objects than the limit are no suite", text)
        many.write_text("apiVersion: test.gatekeeper.sh/v1\nkind: Suite\ntests: [\n")
        for path in (many, folder):
            code, text = run(weir, "test", path)
            check.that(code != 0 and "many.yaml" in text, "a suite that cannot be read is an error",
                       text)
    finally:
        shutil.rmtree(folder)
    return check.end()


sys.exit(main())
