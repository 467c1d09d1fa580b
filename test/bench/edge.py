#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The module under WasmEdge beside the native server, in one run.

    edge.py RELEASE        after ./dev edge --aot; RELEASE is build/release

Prints the sizes; how long WasmEdge takes to create a machine, load, validate and instantiate each
module; the CPU of the server for a decision at one and at eight outstanding requests of each of 16
connections, native and as a module in turn, with the ratio; and exec to the first decision.
"""
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "e2e"))
from edge import CARDS, ROOT, Client, Node, WASM, event  # noqa: E402

PREFIX = ROOT / "build" / "wasmedge"
SYSTEM = PREFIX / "root"
AHEAD = WASM.with_suffix(".aot.wasm")
LOADER = [str(SYSTEM / "lib64" / "ld-linux-x86-64.so.2"), "--library-path",
          f"{SYSTEM}/usr/lib/x86_64-linux-gnu:{SYSTEM}/lib/x86_64-linux-gnu"]
EVENT = {"TRANSACTION_ID": "first", "TX_TIME_SECONDS": "0", "TX_AMOUNT": "10",
         "TERMINAL_ID": "1", "CUSTOMER_ID": "1"}


def instantiation(folder):
    program = folder / "instantiate"
    subprocess.run(["cc", "-O2", "-I", SYSTEM / "usr" / "include",
                    ROOT / "test" / "bench" / "instantiate.c", "-o", program,
                    f"-L{SYSTEM}/usr/lib/x86_64-linux-gnu", "-lwasmedge",
                    "-Wl,--unresolved-symbols=ignore-all"], check=True)
    for module in (CARDS / "models" / "fraud.wasm", WASM, AHEAD):
        text = subprocess.run(LOADER + [program, module], stdout=subprocess.PIPE, text=True,
                              check=True).stdout.strip()
        print(f"  {module.name}, {module.stat().st_size} bytes: {text}")


def server_cpu(weir, port, pid, outstanding):
    """Microseconds of CPU a decision, as `weir load` reads them of the process."""
    text = subprocess.run([weir, "load", "-c", f"127.0.0.1:{port}", "-n", "16", "-o",
                           str(outstanding), "--warmup", "2s", "--for", "5s", "--server-pid",
                           str(pid)], stdout=subprocess.PIPE, text=True, check=True).stdout
    line = next(line for line in text.splitlines() if line.strip().startswith("server "))
    return float(line.split()[1])


def compare(weir, folder, outstanding):
    figures = {"native": [], "module": []}
    for turn in range(3):
        for kind, command in (("native", [weir, "serve"]), ("module", None)):
            node = Node(command or [str(PREFIX / "bin" / "wasmedge"), str(AHEAD)],
                        folder / f"{kind}-{outstanding}-{turn}", CARDS, clock="wall")
            node.start()
            figures[kind].append(server_cpu(weir, node.port, node.process.pid, outstanding))
            node.drain()
    ratios = [m / n for n, m in zip(figures["native"], figures["module"])]
    print(f"  {outstanding} outstanding: native {statistics.median(figures['native']):.2f} us, "
          f"module {statistics.median(figures['module']):.2f} us, ratio "
          f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")


def cold_start(weir, folder):
    for kind, command in (("native", [weir, "serve"]),
                          ("module", [str(PREFIX / "bin" / "wasmedge"), str(AHEAD)])):
        times = []
        for turn in range(11):
            node = Node(command, folder / f"cold-{kind}-{turn}", CARDS)
            began = time.monotonic()
            client = node.start(pause=0.0005)
            client.ask("POST", "/v1/decisions", event(EVENT))
            times.append((time.monotonic() - began) * 1000)
            node.drain()
        print(f"  {kind}: exec to first decision, fresh directory: median "
              f"{statistics.median(times):.1f} ms, least {min(times):.1f}")


def main():
    weir = str(Path(sys.argv[1]) / "weir")
    if not AHEAD.is_file() or AHEAD.stat().st_mtime < WASM.stat().st_mtime:
        sys.exit("edge: run ./dev edge --aot first")
    print("load average", os.getloadavg())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        print("instantiate:")
        instantiation(folder)
        print("server CPU a decision, mode fast, packs/cards, three turns each:")
        for outstanding in (1, 8):
            compare(weir, folder, outstanding)
        print("cold start:")
        cold_start(weir, folder)


main()
