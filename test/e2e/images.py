#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Both images under a real crun with limits on memory and CPU: natively, and through its handler for
WasmEdge. They answer, drain over HTTP, leave journal and state whole, and weigh less than 10 MB.

    images.py       as root, after ./dev build and ./dev edge; exit code 77, and loudly, elsewhere
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
from edge import ROOT, Client, free_port  # noqa: E402
from served import Checks  # noqa: E402

PREFIX, BINARY = ROOT / "build" / "wasmedge", ROOT / "build" / "release" / "weir"
MEMORY, QUOTA, PERIOD = 256 << 20, 50000, 100000
LIMITS = (("memory", "memory.limit_in_bytes", "memory.max", str(MEMORY)),
          ("cpu", "cpu.cfs_quota_us", "cpu.max", str(QUOTA)))


def bundle_of(image, folder, name, port):
    """The image's files and what runtimes read of it, as Kubernetes would have it run."""
    subprocess.run([sys.executable, ROOT / "tools" / "oci_image.py", image, "--unpack", folder],
                   check=True)
    settings = json.loads((folder / "image.json").read_text())
    user, group = map(int, settings["User"].split(":"))
    for inside in ("proc", "dev", "sys"):
        (folder / "rootfs" / inside).mkdir(exist_ok=True)
    os.chown(folder / "rootfs" / "state", user, group)
    environment = [text for text in settings["Env"] if not text.startswith("WEIR_LISTEN=")]
    environment += [f"WEIR_LISTEN=0.0.0.0:{port}", "WEIR_STATE=/state/node"]
    handler = {"run.oci.handler": "wasm"} if settings["Entrypoint"][0].endswith(".wasm") else {}
    (folder / "config.json").write_text(json.dumps({
        "ociVersion": "1.0.0", "hostname": name, "annotations": handler,
        "root": {"path": "rootfs", "readonly": False},
        "process": {"terminal": False, "cwd": "/", "noNewPrivileges": True,
                    "user": {"uid": user, "gid": group}, "args": settings["Entrypoint"],
                    "env": environment},
        "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"},
                   {"destination": "/dev", "type": "tmpfs", "source": "tmpfs"}],
        "linux": {"namespaces": [{"type": kind} for kind in ("pid", "mount", "ipc", "uts")],
                  "cgroupsPath": "/" + name,
                  "resources": {"memory": {"limit": MEMORY},
                                "cpu": {"quota": QUOTA, "period": PERIOD}}}}))


def limit_of(name, controller, one, two):
    for path in (Path("/sys/fs/cgroup", controller, name, one), Path("/sys/fs/cgroup", name, two)):
        if path.is_file():
            return path.read_text().split()[0]
    return None


def ended_well(check, kind, folder, state):
    """crun's handler for wasm ends with 0 whatever the module returns: ask log and state instead."""
    log = (folder / f"{kind}.log").read_text()
    check.that('"event":"draining"' in log, f"the {kind} image logs that it drains", log)
    for what, words in (("journal", "entries 1 to 1"), ("state", "whole")):
        done = subprocess.run([BINARY, what, "verify", state], capture_output=True, text=True)
        check.that(done.returncode == 0 and words in done.stdout,
                   f"the {what} that the {kind} image leaves is whole", done)


def run(check, kind, folder):
    image, port, name = ROOT / "build" / "images" / kind, free_port(), f"weir-{kind}-{os.getpid()}"
    size = sum(path.stat().st_size for path in image.rglob("*") if path.is_file())
    check.that(size < 10_000_000, f"the {kind} image is smaller than 10 MB", size)
    bundle = folder / kind
    bundle_of(image, bundle, name, port)
    log = open(folder / f"{kind}.log", "wb")
    process = subprocess.Popen(["unshare", "--mount", "--pid", "--fork", "sh",
                                ROOT / "test" / "e2e" / "crun.sh", PREFIX, bundle, name],
                               stdout=log, stderr=log)
    client = None
    for _ in range(600):
        try:
            client = Client(port)
            break
        except OSError:
            if process.poll() is not None:
                break
            time.sleep(0.05)
    if client is None:
        check.that(False, f"the {kind} image serves", (folder / f"{kind}.log").read_text())
        process.kill()
        return
    now = int(time.time() * 1000)
    status, _, body = client.ask("POST", "/v1/decisions", json.dumps(
        {"transaction": {"id": "in-a-container", "time": now, "amount": 2600, "terminal_id": "7"},
         "user": {"id": "42"}}))
    check.that(status == 200 and json.loads(body)["outcome"] == "decline",
               f"the {kind} image decides", body)
    for controller, one, two, wanted in LIMITS:
        check.that(limit_of(name, controller, one, two) == wanted,
                   f"its {controller} is limited", limit_of(name, controller, one, two))
    status, _, _ = client.ask("POST", "/drain")
    try:
        code = process.wait(30)
    except subprocess.TimeoutExpired:
        code = None
        process.kill()
    check.that(status == 202 and code == 0, f"the {kind} image drains and ends with 0", code)
    ended_well(check, kind, folder, bundle / "rootfs" / "state" / "node")
    print(f"images: {kind}: {size} bytes")


def can_contain():
    """Root with name spaces of its own and cgroups: not so in most containers."""
    groups = Path("/sys/fs/cgroup")
    return (os.geteuid() == 0 and shutil.which("unshare") is not None and
            ((groups / "cgroup.controllers").is_file() or (groups / "memory").is_dir()) and
            subprocess.run(["unshare", "--mount", "--pid", "--fork", "true"],
                           stderr=subprocess.DEVNULL).returncode == 0)


def main():
    module = ROOT / "build" / "wasm" / "risk-control.wasm"
    if not can_contain() or not (PREFIX / "bin" / "crun").is_file() or not module.is_file() \
            or not BINARY.is_file():
        print("images: SKIPPED: wants root with cgroups and name spaces, ./dev build and ./dev edge")
        return 77
    subprocess.run(["sh", ROOT / "tools" / "images.sh"], check=True, stdout=subprocess.DEVNULL)
    check = Checks("images")
    folder = Path(tempfile.mkdtemp(prefix="weir-images-"))
    try:
        for kind in ("native", "wasm"):
            run(check, kind, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return check.end()


sys.exit(main())
