#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Twice as many requests as the node can decide: the real server on one processor, the generator on
another.

    overload.py WEIR

Always: each request is answered, with 200 or 503; what was refused has not counted; afterwards the node
is ready and the journal whole. The figures are printed. With WEIR_TEST_ALL=1 it lasts a minute and is
judged, which wants a quiet machine: goodput at least 0.9 of capacity, a refusal at most a twentieth of
a decision's CPU, and none once the load has gone.
"""
import json
import os
import subprocess
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
from certs import free_port  # noqa: E402
from served import Checks, Served  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent.parent
JUDGED = bool(os.environ.get("WEIR_TEST_ALL"))


def drive(weir, port, pid, cpu, seconds, *options):
    out = subprocess.run(
        [weir, "load", "--connect", f"127.0.0.1:{port}", "--connections", "64", "--warmup", "1s", "--for",
         f"{seconds}s", "--server-pid", str(pid), "--report", "json", *map(str, options)],
        stdout=subprocess.PIPE, text=True, check=False, preexec_fn=lambda: os.sched_setaffinity(0, {cpu}))
    return json.loads(out.stdout)


def both(result, *path):
    def dig(part):
        for key in path:
            part = part.get(key, 0) if isinstance(part, dict) else 0
        return part
    return dig(result["warmup"]) + dig(result["run"])


def main():
    check, weir = Checks("overload"), sys.argv[1]
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) < 2:
        print("overload: needs two processors")
        return 77
    port = free_port()
    served = Served(weir, "--pack", str(ROOT / "packs" / "cards"), "--mode", "fast", "--listen",
                    f"127.0.0.1:{port}", preexec=lambda: os.sched_setaffinity(0, {cpus[0]}))
    with served:
        pid = served.process.pid
        able = drive(weir, port, pid, cpus[1], 10 if JUDGED else 1, "--outstanding", 8)
        # On a machine that others use, all may have waited too long: some rate is asked all the same.
        capacity = max(able["run"]["statuses"].get("200", 0) / able["run"]["seconds"], 1000.0)
        cost = able["run"]["server_cpu_us"]
        over = drive(weir, port, pid, cpus[1], 60 if JUDGED else 3, "--rate", 2 * capacity)
        run = over["run"]
        decided, refused = run["statuses"].get("200", 0), run["statuses"].get("503", 0)
        goodput = decided / run["seconds"]
        spent = run["server_cores"] * run["seconds"] * 1e6 - decided * cost
        price = spent / refused if refused else 0.0
        print(f"overload: capacity {capacity:,.0f}/s at {cost:.2f} us; at {2 * capacity:,.0f}/s asked: "
              f"{goodput / capacity:.2f} of capacity decided, {refused:,} refused at about {price:.2f} us "
              f"each, P99 {run['latency_us']['p99'] / 1e3:.1f} ms"
              + ("; the generator was at its limit" if over["generator_saturated"] else ""))
        check.that(both(over, "lost") == 0 and over["unanswered"] == 0, "no request is lost",
                   (over["run"]["lost"], over["unanswered"]))
        check.that(set(run["statuses"]) <= {"200", "503"}, "answers are 200 or 503", run["statuses"])
        good = both(able, "statuses", "200") + both(over, "statuses", "200")
        time.sleep(1)
        health = served.ask("GET", "/health?ready")
        check.that(health[0] == 200, "the node is ready again", health)
        check.that(health[2]["sequence"] == good, "what was refused has not counted",
                   (health[2]["sequence"], good))
        if JUDGED:
            calm = drive(weir, port, pid, cpus[1], 5, "--rate", capacity / 10)
            check.that(both(calm, "statuses", "503") == 0, "nothing is refused any more",
                       calm["run"]["statuses"])
            check.that(goodput >= 0.9 * capacity, "goodput is 0.9 of capacity", goodput / capacity)
            check.that(refused == 0 or price <= cost / 20, "a refusal is cheap", (price, cost))
        state = served.folder / "state"
        check.that(served.stop() == 0, "the service ends cleanly")
        verified = subprocess.run([weir, "journal", "verify", str(state)], stdout=subprocess.PIPE, text=True)
        check.that(verified.returncode == 0, "the journal is whole", verified.stdout)
    return check.end()


sys.exit(main())
