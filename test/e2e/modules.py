#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the wasm modules are: small, without names and without SQLite, importing WASI alone, their
stack below their data so that running over it traps; and how much memory the server starts with.

    modules.py       after ./dev edge; exit code 77, and loudly, elsewhere
"""
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
from edge import CARDS, ROOT, WASM, Node  # noqa: E402
from served import Checks  # noqa: E402

CLI = WASM.parent / "weir-cli.wasm"
WASMEDGE = ROOT / "build" / "wasmedge" / "bin" / "wasmedge"
STACK = 1 << 20
SIZE_MAX = 5_000_000       # compiled ahead
START_MAX = 64_000_000     # bytes of linear memory
CUSTOM, IMPORT, GLOBAL, DATA = 0, 2, 6, 11


def number(data, at):
    """An unsigned LEB128; the value and where it ends."""
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        shift += 7
        at += 1
        if data[at - 1] < 0x80:
            return value, at


def sections(data):
    at = 8
    while at < len(data):
        kind = data[at]
        size, at = number(data, at + 1)
        yield kind, at, data[at:at + size]
        at += size


def name_at(body, at):
    size, at = number(body, at)
    return body[at:at + size].decode(), at + size


def import_modules(body):
    """The names of modules of an import section that imports functions alone."""
    n, at = number(body, 0)
    found = set()
    for _ in range(n):
        module, at = name_at(body, at)
        _, at = name_at(body, at)
        found.add((module, body[at]))
        _, at = number(body, at + 1)
    return found


def shape(check, module):
    data = module.read_bytes()
    found = {kind: (at, body) for kind, at, body in sections(data)}
    customs = [name_at(body, 0)[0] for kind, _, body in sections(data) if kind == CUSTOM]
    check.that("name" not in customs and not any(n.startswith(".debug") for n in customs),
               f"{module.name} carries no names", customs)
    check.that(b"SQLite format 3" not in data, f"{module.name} holds no SQLite")  # its option may be named
    check.that(import_modules(found[IMPORT][1]) == {("wasi_snapshot_preview1", 0)},
               f"{module.name} imports WASI alone", import_modules(found[IMPORT][1]))
    at, body = found[GLOBAL]
    check.that(body[1:4] == b"\x7f\x01\x41" and number(body, 4)[0] == STACK,
               f"{module.name}: the first global is the stack pointer, at 1 MiB", body[:8])
    data_at = found[DATA][1]
    check.that(data_at[1:3] == b"\x00\x41" and number(data_at, 3)[0] >= STACK,
               f"{module.name}: its data begins above the stack", data_at[:8])
    return data, at + 4


def overrun(check, folder):
    """The same module with two hundred bytes of stack: it must trap, not go on over its data."""
    data, at = shape(check, CLI)
    whole = subprocess.run([WASMEDGE, CLI, "version"], stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT)
    check.that(whole.returncode == 0 and b"weir" in whole.stdout, "with its stack it runs",
               whole.stdout)
    width = number(data, at)[1] - at
    small = bytes([0x80 | 200 & 0x7F, 0x80 | 200 >> 7] + [0x80] * (width - 3) + [0])
    short = folder / "short.wasm"
    short.write_bytes(data[:at] + small + data[at + width:])
    run = subprocess.run([WASMEDGE, short, "version"], stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT)
    check.that(run.returncode != 0 and b"out of bounds memory access" in run.stdout,
               "with next to none it traps", run.stdout[-400:])


def start(check, folder):
    module = WASM.with_suffix(".aot.wasm")
    fresh = module.is_file() and module.stat().st_mtime >= WASM.stat().st_mtime
    if fresh:
        size = module.stat().st_size
        check.that(size <= SIZE_MAX, "compiled ahead it has 5 MB at most", size)
    else:
        print("modules: no fresh module compiled ahead (./dev edge --aot): its size is not checked")
    node = Node([str(WASMEDGE), str(module if fresh else WASM)], folder / "state", CARDS)
    client = node.start()
    _, _, body = client.ask("GET", "/metrics")
    line = next(line for line in body.decode().splitlines()
                if line.startswith("process_resident_memory_bytes "))
    n_bytes = int(line.split()[1])
    check.that(0 < n_bytes <= START_MAX, "it starts with 64 MB of linear memory at most", n_bytes)
    node.drain()
    print(f"modules: linear memory at start {n_bytes} bytes")


def main():
    if not WASM.is_file() or not CLI.is_file() or not WASMEDGE.is_file():
        print("modules: SKIPPED: WasmEdge or the modules are not here: run ./dev edge, which needs "
              "Debian's archive")
        return 77
    check = Checks("modules")
    folder = Path(tempfile.mkdtemp(prefix="weir-modules-"))
    try:
        shape(check, WASM)
        overrun(check, folder)
        start(check, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return check.end()


if __name__ == "__main__":
    sys.exit(main())
