#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The module under WasmEdge beside the native server, in one run.

    edge.py RELEASE        after ./dev edge --aot; RELEASE is build/release

Prints the sizes; how long WasmEdge takes to create a machine, load, validate and instantiate each
module, and seeded ones of 0.1 to 5 MB compiled ahead; the linear memory at start; the CPU of the server for a decision at one and at eight outstanding requests of each of 16
connections, native and as a module in turn, with the ratio; and exec to the first decision.
"""
import os
import shutil
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
SEEDED_BYTES = 2300  # of a seeded function, with its machine code
EVENT = {"TRANSACTION_ID": "first", "TX_TIME_SECONDS": "0", "TX_AMOUNT": "10",
         "TERMINAL_ID": "1", "CUSTOMER_ID": "1"}


def leb(value):
    out = b""
    while value >= 0x80:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def seeded_module(n_functions):
    """Functions of a kilobyte of arithmetic each, none of them like another."""
    def vector(items):
        body = leb(len(items)) + b"".join(items)
        return leb(len(body)) + body

    def function(i):
        code = b"\x00" + b"".join(b"\x20\x00\x41" + leb((i * 97 + k) % 60 + 1) + b"\x6c\x41" +
                                 leb((i + k * 31) % 60) + b"\x73\x21\x00" for k in range(100))
        code += b"\x20\x00\x0b"
        return leb(len(code)) + code
    return (b"\0asm\1\0\0\0\x01" + vector([b"\x60\x01\x7f\x01\x7f"]) +
            b"\x03" + vector([b"\x00"] * n_functions) +
            b"\x0a" + vector([function(i) for i in range(n_functions)]))


def curve(folder):
    """Modules compiled ahead of about the sizes asked for, from seeded functions."""
    for i, megabytes in enumerate((0.1, 0.5, 1, 2, 5)):
        plain = folder / f"seeded-{i}.wasm"
        ahead = folder / f"seeded-{megabytes}-MB.wasm"
        plain.write_bytes(seeded_module(int(megabytes * 1_000_000 / SEEDED_BYTES)))
        subprocess.run([PREFIX / "bin" / "wasmedge", "compile", "--optimize", "0", plain, ahead],
                       check=True, stdout=subprocess.DEVNULL)
        yield ahead


def memory_at_start(folder):
    node = Node([str(PREFIX / "bin" / "wasmedge"), str(AHEAD)], folder / "memory", CARDS)
    _, _, body = node.start().ask("GET", "/metrics")
    line = next(line for line in body.decode().splitlines()
                if line.startswith("process_resident_memory_bytes "))
    node.drain()
    print(f"  linear memory at start, packs/cards: {int(line.split()[1]) / 1e6:.1f} MB")


def instantiation(folder):
    program = folder / "instantiate"
    subprocess.run(["cc", "-O2", "-I", SYSTEM / "usr" / "include",
                    ROOT / "test" / "bench" / "instantiate.c", "-o", program,
                    f"-L{SYSTEM}/usr/lib/x86_64-linux-gnu", "-lwasmedge",
                    "-Wl,--unresolved-symbols=ignore-all"], check=True)
    for module in (CARDS / "models" / "fraud.wasm", WASM, AHEAD, *curve(folder)):
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
            state = folder / f"{kind}-{outstanding}-{turn}"
            node = Node(command or [str(PREFIX / "bin" / "wasmedge"), str(AHEAD)], state, CARDS,
                        clock="wall")
            node.start()
            figures[kind].append(server_cpu(weir, node.port, node.process.pid, outstanding))
            node.drain()
            shutil.rmtree(state)  # its pages are used again: fresh ones cost a virtual machine more
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
    print("  a runtime without LLVM: not among Debian's packages (WasmEdge's is built with it)")


def main():
    weir = str(Path(sys.argv[1]) / "weir")
    if not AHEAD.is_file() or AHEAD.stat().st_mtime < WASM.stat().st_mtime:
        sys.exit("edge: run ./dev edge --aot first")
    print("load average", os.getloadavg())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        print("instantiate:")
        instantiation(folder)
        memory_at_start(folder)
        print("server CPU a decision, mode fast, packs/cards, three turns each:")
        for outstanding in (1, 8):
            compare(weir, folder, outstanding)
        print("cold start:")
        cold_start(weir, folder)


main()
