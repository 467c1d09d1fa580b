#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A refusal for overload takes at most a twentieth of a decision's instructions.

    refusal.py BENCH_REFUSE PACK

Callgrind counts the turns of a server in the simulated world: the same on every run, whatever else the
machine does. The journal's thread is left out, which makes the decision cheaper than it is. Two lengths
of each run tell the warm-up from the rest.
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

SHORT, LONG = 4, 10  # turns of 128 requests


def count(bench, pack, kind, turns, folder):
    """Instructions, and how many were decided and refused."""
    run = subprocess.run(
        ["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/out",
         "--toggle-collect=wr_server_step*", "--toggle-collect=wr_journal_thread_step*", bench, pack, kind,
         str(turns)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    collected = re.search(r"Collected : (\d+)", run.stderr)
    answers = re.search(r"(\d+) decided, (\d+) refused", run.stdout)
    if run.returncode != 0 or not collected or not answers:
        raise SystemExit(f"refusal: {run.stderr[-2000:]}")
    return [int(collected[1]), int(answers[1]), int(answers[2])]


def main():
    bench, pack = sys.argv[1:3]
    if shutil.which("valgrind") is None:
        print("refusal: needs valgrind")
        return 77
    check = Checks("refusal")
    with tempfile.TemporaryDirectory() as folder:
        def each(kind):
            short, long = (count(bench, pack, kind, turns, folder) for turns in (SHORT, LONG))
            return [after - before for before, after in zip(short, long)]
        (spent, decided, other), (cheap, wrong, refused) = each("decide"), each("refuse")
    n = 128 * (LONG - SHORT)
    check.that((decided, other) == (n, 0), "each request is decided", (decided, other))
    check.that((wrong, refused) == (0, n), "each request that has waited is refused", (wrong, refused))
    price, cost = cheap / n, spent / n
    print(f"refusal: {price:,.0f} instructions; a decision {cost:,.0f}: 1 / {cost / price:.1f}")
    check.that(price <= cost / 20, "a refusal takes a twentieth of a decision at most", price / cost)
    return check.end()


sys.exit(main())
