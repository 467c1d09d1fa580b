#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Ten minutes under load: does memory grow, do descriptors leak, does the tail drift?

    soak.py RELEASE [--minutes 10] [--rate 20000] [--warmup 120] [--samples FILE]

20,000 decisions a second over 64 connections in mode fast, a label for every simulated fraud, a
pack swap every ten seconds, the feature table and the ids at their caps, a journal of 2 GiB at
most. Warm-up lasts the time given and until the table is at its cap and every place of it has been
another's once, the ids are at theirs, and a segment of the journal has been dropped. Then the
minutes given are judged: the slope of resident memory (least squares over the median of each ten
seconds, since a swap frees and takes half a MiB for a moment; that over every sample stands beside;
the mappings that grew are named), descriptors, and P99 of the first against the last third. Exit 1
when the caps are not reached in ten minutes.
"""
import argparse
import http.client
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PORT = 18670
SWAP_S = 10  # from one swap of packs to the next


def met(holds):
    return "met" if holds else "OVER"


def resident_kib(pid):
    for line in open(f"/proc/{pid}/status"):
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0


def mappings(pid):
    """KiB of anonymous memory by mapping: its address and its name."""
    out, at = {}, ""
    for line in open(f"/proc/{pid}/smaps"):
        words = line.split()
        if not words[0].endswith(":"):
            at = f"{words[0]} {' '.join(words[5:])}".strip()
        elif words[0] == "Anonymous:":
            out[at.partition("-")[0] + at.partition(" ")[1] + at.partition(" ")[2]] = int(words[1])
    return out


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def ask(method, path):
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=60)
    connection.request(method, path)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, body


class Watch(threading.Thread):
    """One sample a second; a swap of packs every SWAP_S."""

    def __init__(self, pid, pack, warmup):
        super().__init__(daemon=True)
        self.pid, self.pack, self.samples, self.swaps = pid, pack, [], 0
        self.full_at = {}  # second in which each cap was reached
        self.warmup, self.is_warm = warmup, False
        self.judged_from, self.before = None, {}  # a second, and the mappings then
        self.ended = threading.Event()
        self.text = (pack / "data.yaml").read_text()

    def swap(self):
        large = 220 if self.swaps % 2 else 180
        (self.pack / "data.yaml").write_text(self.text.replace("large: 220", f"large: {large}"))
        status, body = ask("POST", "/v1/pack:reload")
        self.swaps += status == 200 and json.loads(body)["changed"]

    def look_for_caps(self, second):
        now = gauges()
        reached = {
            "table": now["weir_entities_evicted_total"] >= now["weir_entities"],
            "ids": now["weir_ids"] >= 0.99 * now["weir_ids_cap"],
            "journal": now["weir_journal_dropped_total"] > 0,
        }
        for name in [name for name, holds in reached.items() if holds]:
            self.full_at.setdefault(name, second)
        self.is_warm = len(self.full_at) == len(reached) and second >= self.warmup

    def run(self):
        start, second = time.monotonic(), 0
        while not self.ended.wait(max(0.0, start + second - time.monotonic())):
            self.samples.append((second, resident_kib(self.pid), descriptors(self.pid)))
            second += 1
            if second % SWAP_S == 0:
                self.swap()
            elif second % SWAP_S == SWAP_S // 2 and not self.is_warm:
                self.look_for_caps(second)
            if second == self.judged_from:
                self.before = mappings(self.pid)


def of_each_swap(samples):
    """The median of the samples between one swap and the next."""
    parts = [samples[i:i + SWAP_S] for i in range(0, len(samples) - SWAP_S + 1, SWAP_S)]
    return [[statistics.median(column) for column in zip(*part)] for part in parts]


def slope_per_minute(samples):
    """Least squares, KiB a minute."""
    n = len(samples)
    xs, ys = [s[0] / 60 for s in samples], [s[1] for s in samples]
    mean_x, mean_y = sum(xs) / n, sum(ys) / n
    over = sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys))
    return over / sum((x - mean_x) ** 2 for x in xs)


def gauges():
    out = {}
    for line in ask("GET", "/metrics")[1].decode().splitlines():
        if not line.startswith("#") and "{" not in line:
            name, value = line.split()
            out[name] = float(value)
    return out


def serve_command(weir, pack, state):
    command = [weir, "serve", "--pack", str(pack), "--state", str(state), "--mode", "fast",
               "--listen", f"127.0.0.1:{PORT}", "--state-cap", str(12 << 20), "--ids",
               str(1 << 20)]
    text = subprocess.run([weir, "serve", "--help"], stdout=subprocess.PIPE, text=True,
                          check=True).stdout
    if "--retain-bytes" in text:
        command += ["--retain-bytes", str(2 << 30)]
    return command


def report(watch, told, end):
    from_s, before, after = watch.judged_from, watch.before, mappings(watch.pid)
    samples = [s for s in watch.samples if s[0] >= from_s]
    slope = slope_per_minute(of_each_swap(samples))
    run, watched = told["run"], samples[-1][0] - from_s  # a watch that has failed has seen less
    print(f"  {run['decisions']:,} decisions at {run['decisions_per_s']:,.0f}/s, {run['labels']} "
          f"labels, {watch.swaps} swaps; statuses {run['statuses']}; server "
          f"{run['server_cpu_us']:.2f} us a decision")
    print(f"  entities {end['weir_entities']:,.0f}, evicted {end['weir_entities_evicted_total']:,.0f}"
          f", state {end['weir_state_bytes']:,.0f} of {end['weir_state_cap_bytes']:,.0f} bytes, ids "
          f"{end['weir_ids']:,.0f} of {end['weir_ids_cap']:,.0f}; caps reached after "
          + ", ".join(f"{name} {second} s" for name, second in watch.full_at.items())
          + f"; judged from {from_s} s on, for {watched} s of {run['seconds']:.0f}: "
          + met(watched >= run["seconds"] - 20))  # the first ten are not
    print(f"  resident: {watch.samples[0][1]:,} KiB at start, {samples[0][1]:,} after warm-up, "
          f"{samples[-1][1]:,} at the end; slope {slope:+.1f} KiB/min ({slope_per_minute(samples):+.1f} over "
          f"every sample), bar 1: {met(slope <= 1.0)}")
    grown = {at: n - before.get(at, 0) for at, n in after.items() if n > before.get(at, 0)}
    for at, n in sorted(grown.items(), key=lambda one: -one[1])[:8]:
        print(f"    {at}: {after[at]:,} KiB, {n:+,}")
    few = max(len(samples) // 5, 1)
    # a swap holds one for a moment, the next segment's file for half of the time: a leak for good
    held = [[s[2] for s in part] for part in (samples[:few], samples[-few:])]
    first, last = map(min, held)
    print(f"  descriptors: {first} to {max(held[0])} after warm-up, {last} to {max(held[1])} at the end: "
          f"the least {met(last <= first)}")
    p99 = [p[3] for p in told["points"]]
    third = max(len(p99) // 3, 1)
    early, late = statistics.median(p99[:third]), statistics.median(p99[-third:])
    drift = (late - early) / early * 100
    print(f"  P99 {early / 1e3:.3f} ms in the first third, {late / 1e3:.3f} ms in the last: "
          f"{drift:+.1f} %, bar 10: {met(drift <= 10)}; P50 {run['latency_us']['p50'] / 1e3:.3f}, P99 "
          f"{run['latency_us']['p99'] / 1e3:.3f}, P999 {run['latency_us']['p999'] / 1e3:.3f} ms")


def keep_samples(watch, path):
    with open(path, "w") as out:
        out.write("second,resident_kib,descriptors\n")
        out.writelines(f"{second},{kib},{n}\n" for second, kib, n in watch.samples)


def generate(weir, options, seconds, *more):
    return subprocess.Popen(
        [weir, "load", "--connect", f"127.0.0.1:{PORT}", "--rate", str(options.rate), "-n", "64",
         "--labels", "1s", "--for", f"{int(seconds)}s", *more], stdout=subprocess.PIPE, text=True)


def warm_up(weir, options, watch):
    """Load until everything is at its cap; not more than ten minutes."""
    load = generate(weir, options, 600)
    while load.poll() is None and not watch.is_warm:
        time.sleep(0.2)
    load.terminate()
    load.communicate()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("release")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--rate", type=int, default=20_000)
    parser.add_argument("--warmup", type=int, default=120)
    parser.add_argument("--samples", help="a CSV of second, resident KiB, descriptors")
    options = parser.parse_args()
    if options.minutes < 1:
        parser.error("--minutes: no slope can be told from less than one")
    weir = f"{options.release}/weir"
    folder = Path(tempfile.mkdtemp(prefix="weir-soak-"))
    shutil.copytree(ROOT / "packs" / "cards", folder / "pack")
    print(f"soak: {options.minutes} min at {options.rate}/s, load average {os.getloadavg()[0]:.1f}",
          flush=True)
    log = open(folder / "log", "wb")
    server = subprocess.Popen(serve_command(weir, folder / "pack", folder / "state"), stdout=log,
                              stderr=log)
    try:
        time.sleep(0.5)
        watch = Watch(server.pid, folder / "pack", options.warmup)
        watch.start()
        warm_up(weir, options, watch)
        if not watch.is_warm:
            print(f"  caps reached in ten minutes: {watch.full_at}; nothing is judged: OVER")
            return 1
        watch.judged_from = watch.samples[-1][0] + 10
        out, _ = generate(weir, options, options.minutes * 60, "--server-pid", str(server.pid),
                          "--report", "json").communicate()
        end = gauges()
        watch.ended.set()
        watch.join()
        if options.samples:
            keep_samples(watch, options.samples)
        report(watch, json.loads(out), end)
        size = sum(f.stat().st_size for f in (folder / "state").rglob("*") if f.is_file())
        print(f"  journal {size / 2**30:.2f} GiB; load average at the end {os.getloadavg()[0]:.1f}")
    finally:
        server.terminate()
        server.wait(60)
        shutil.rmtree(folder, ignore_errors=True)
    return 0


sys.exit(main())
