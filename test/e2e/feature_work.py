#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""No event takes over eight times the instructions of the median one.

    feature_work.py BENCH_FEATURE

Callgrind counts each event by itself: cards and merchants by Zipf's law, 30 days of history, 6 windows x
count, sum, avg, max of both. 1,000 cards and 5,000 events; WEIR_TEST_ALL=1: 100,000 of each.
"""
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
from served import Checks  # noqa: E402

BAR = 8


def counts(bench, cards, events, folder):
    """Instructions of each event, ascending."""
    run = subprocess.run(
        ["valgrind", "--tool=callgrind", "--instr-atstart=no", "--combine-dumps=yes",
         f"--callgrind-out-file={folder}/out", bench, "count", f"cards={cards}", f"merchants={cards // 10}",
         f"events={events}", "zipf=1"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    if run.returncode != 0:
        raise SystemExit(f"feature_work: {run.stderr[-2000:]}")
    with open(f"{folder}/out", encoding="utf-8") as lines:
        found = [int(line.split()[1]) for line in lines if line.startswith("totals:")]
    return sorted(n for n in found if n > 0)


def main():
    bench = sys.argv[1]
    if shutil.which("valgrind") is None:
        print("feature_work: needs valgrind")
        return 77
    check = Checks("feature_work")
    cards, events = (100000, 100000) if os.environ.get("WEIR_TEST_ALL") else (1000, 5000)
    with tempfile.TemporaryDirectory() as folder:
        n = counts(bench, cards, events, folder)
    median, worst = n[len(n) // 2], n[-1]
    print(f"feature_work: {len(n)} events: median {median:,}, P99.9 {n[len(n) * 999 // 1000]:,}, "
          f"worst {worst:,} = {worst / median:.1f} x the median")
    check.that(len(n) >= events, "each event is counted", len(n))
    check.that(worst <= BAR * median, f"the worst takes {BAR} times the median at most", worst / median)
    return check.end()


sys.exit(main())
