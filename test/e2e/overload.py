#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Twice as many requests as the node can decide: the real server on one processor, the generator on
another.

    overload.py WEIR

Always: each request is answered, with 200 or 503; what was refused has not counted; afterwards the node
is ready and the journal whole. The figures are printed. With WEIR_TEST_ALL=1 it lasts a minute and is
judged, which wants a quiet machine: goodput at least 0.9 of the capacity before, a refusal at most a
twentieth of a decision's CPU, health within 50 ms, and no refusal once the load has gone.

What a refusal costs is told by two overloads in turns, little and much: their CPU is decisions times one
price plus refusals times another, and two such lines have one solution. (Taking off what decisions cost
before the minute would count as refusals whatever else has become slower.) Instructions are counted by
refusal.py.
"""
import json
import os
import subprocess
import sys
import threading
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
        [weir, "load", "--connect", f"127.0.0.1:{port}", "--warmup", "1s", "--for", f"{seconds}s",
         "--server-pid", str(pid), "--report", "json", *map(str, options)],
        stdout=subprocess.PIPE, text=True, check=False, preexec_fn=lambda: os.sched_setaffinity(0, {cpu}))
    return json.loads(out.stdout)


def rates(result):
    """Decisions and refusals a second, and the processors that the server took."""
    run = result["run"]
    return [run["statuses"].get(code, 0) / run["seconds"] for code in ("200", "503")] + [run["server_cores"]]


def prices(little, much):
    """CPU us of a decision and of a refusal, from the sums of two kinds of runs."""
    (d1, r1, t1), (d2, r2, t2) = ([sum(column) for column in zip(*runs)] for runs in (little, much))
    whole = d1 * r2 - d2 * r1
    return [part / whole * 1e6 for part in (t1 * r2 - t2 * r1, t2 * d1 - t1 * d2)] if whole > 0 else [0, 0]


class Pulse:
    """Asks for the node's health ten times a second while others ask for decisions."""

    def __init__(self, served):
        self.served, self.ms, self.ends = served, [], threading.Event()

    def run(self):
        while not self.ends.wait(0.1):
            start = time.monotonic()
            self.served.ask("GET", "/health")
            self.ms.append((time.monotonic() - start) * 1e3)

    def __enter__(self):
        self.thread = threading.Thread(target=self.run)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ends.set()
        self.thread.join()
        self.ms.sort()

    def p99(self):
        return self.ms[len(self.ms) * 99 // 100]


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
    served = Served(weir, "--pack", str(ROOT / "packs" / "cards"), "--mode", "fast", "--retain-bytes",
                    str(2 << 30), "--listen", f"127.0.0.1:{port}",  # a minute of it writes 30 GB
                    preexec=lambda: os.sched_setaffinity(0, {cpus[0]}))
    with served:
        pid = served.process.pid
        runs = []  # whatever was decided has to be in the journal

        def measure(seconds, *options):
            runs.append(drive(weir, port, pid, cpus[1], seconds, *options))
            return runs[-1]

        def ability():
            decided, _, cores = rates(measure(10 if JUDGED else 1, "--connections", 64, "--outstanding", 8))
            return decided, cores / max(decided, 1) * 1e6

        capacity, cost = ability()
        # On a machine that others use, all may have waited too long: some rate is asked all the same.
        capacity = max(capacity, 1000.0)
        with Pulse(served) as pulse:
            over = measure(60 if JUDGED else 3, "--connections", 128, "--rate", 2 * capacity)
        after, cost_after = ability()
        run = over["run"]
        decided, refused, cores = rates(over)
        print(f"overload: capacity {capacity:,.0f}/s at {cost:.2f} us, {after:,.0f}/s at {cost_after:.2f} us "
              f"afterwards; at {2 * capacity:,.0f}/s asked {decided:,.0f}/s decided ({decided / capacity:.2f}), "
              f"{refused:,.0f}/s refused, {cores:.2f} processors; P99 {run['latency_us']['p99'] / 1e3:.1f} ms, "
              f"{run['blocked']:,} sent late and {over['unsent']:,} never for want of answers; health P99 "
              f"{pulse.p99():.1f} ms"
              + ("; the generator was at its limit" if over["generator_saturated"] else ""))
        check.that(both(over, "lost") == 0 and over["unanswered"] == 0, "no request is lost",
                   (over["run"]["lost"], over["unanswered"]))
        check.that(set(run["statuses"]) <= {"200", "503"}, "answers are 200 or 503", run["statuses"])
        price = None
        if JUDGED:
            little, much = [], []
            for _ in range(3):
                for kind, times in ((little, 1.2), (much, 2.5)):
                    kind.append(rates(measure(8, "--connections", 128, "--rate", times * capacity)))
            each, price = prices(little, much)
            print(f"overload: a decision {each:.2f} us, a refusal {price:.3f} us: from "
                  + ", ".join(f"{d:,.0f} + {r:,.0f} a second" for d, r, _ in little + much))
        good = sum(both(result, "statuses", "200") for result in runs)
        time.sleep(1)
        health = served.ask("GET", "/health?ready")
        check.that(health[0] == 200, "the node is ready again", health)
        check.that(health[2]["sequence"] == good, "what was refused has not counted",
                   (health[2]["sequence"], good))
        if JUDGED:
            calm = drive(weir, port, pid, cpus[1], 5, "--connections", 64, "--rate", capacity / 10)
            check.that(both(calm, "statuses", "503") == 0, "nothing is refused any more",
                       calm["run"]["statuses"])
            check.that(decided >= 0.9 * capacity, "goodput is 0.9 of capacity", decided / capacity)
            check.that(sum(r for _, r, _ in much) > sum(d for d, _, _ in much) / 2,
                       "enough is refused to tell what that costs", much)
            check.that(0 < each and price <= each / 20, "a refusal is cheap", (price, each))
            check.that(pulse.p99() <= 50, "health is told within 50 ms", pulse.ms[-10:])
        state = served.folder / "state"
        check.that(served.stop() == 0, "the service ends cleanly")
        verified = subprocess.run([weir, "journal", "verify", str(state)], stdout=subprocess.PIPE, text=True)
        check.that(verified.returncode == 0, "the journal is whole", verified.stdout)
    return check.end()


sys.exit(main())
