#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The node under load: the server and its generator on one machine, the bare echo in the same run.

    serve.py RELEASE [--rounds N] [--seconds S] [--only fast,batch,open,durable,peers,cold]

Judged are CPU per decision (all threads, from /proc) and its ratio to the echo; rates stand beside
them. Every figure is the median of N rounds, in which the programs take turns. Bars are printed as
"met" or "over"; nothing here fails for its timing. Peers run where they are installed: nginx on
PATH, OPA as OPA=... or on PATH.
"""
import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.dont_write_bytecode = True
ROOT = Path(__file__).resolve().parent.parent.parent
PACK = str(ROOT / "packs" / "cards")
PORT = 18660
CPU_BARS = {1: 13.0, 2: 9.0, 8: 5.0, 16: 4.0}
RATE_BARS = {1: 75_000, 2: 110_000, 8: 250_000, 16: 330_000}
BATCH_BAR = 3.5


class Program:
    """One server under test: started in a folder of its own, ended by its own id."""

    def __init__(self, name, command, pid_of=None, load=()):
        self.name, self.command, self.pid_of, self.load = name, command, pid_of, list(load)
        self.process = None

    def __enter__(self):
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(self.command, stdout=self.log, stderr=self.log)
        time.sleep(0.3)
        if self.process.poll() is not None:
            self.log.seek(0)
            raise SystemExit(f"{self.name} did not start: {self.log.read().decode()[-2000:]}")
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()

    @property
    def pid(self):
        return self.pid_of(self.process.pid) if self.pid_of else self.process.pid


class Bench:
    def __init__(self, release, rounds, seconds):
        self.weir, self.echo_binary = f"{release}/weir", f"{release}/bench_echo"
        self.release, self.rounds, self.seconds = release, rounds, seconds
        self.folder = Path(tempfile.mkdtemp(prefix="weir-serve-"))
        self.serial = 0

    def drive(self, program, *options, port=PORT, connections=64, warmup=2, seconds=None):
        command = [self.weir, "load", "--connect", f"127.0.0.1:{port}", "--connections",
                   str(connections), "--warmup", f"{warmup}s", "--for",
                   f"{seconds or self.seconds}s", "--server-pid", str(program.pid), "--report",
                   "json", *program.load, *map(str, options)]
        out = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        if out.returncode != 0:
            raise SystemExit(f"{program.name}: {' '.join(command)} failed")
        return json.loads(out.stdout)

    def serve(self, mode):
        self.serial += 1
        self.state = self.folder / f"state-{self.serial}"
        return Program("weir", [self.weir, "serve", "--pack", PACK, "--state", str(self.state),
                                "--mode", mode, "--listen", f"127.0.0.1:{PORT}"])

    def echo(self, work_ns=0):
        return Program("echo", [self.echo_binary, f"127.0.0.1:{PORT}", "600", str(work_ns)],
                       load=["--path", "/echo"])

    def even(self, depth, rate):
        """P99 in ms, and the rate, of an echo that works on each request for so long that it has that rate."""
        with self.echo() as program:
            bare = self.drive(program, "-o", depth, warmup=1)["run"]["decisions_per_s"]
        work_ns = max(1e9 / rate - 1e9 / bare, 0)
        for _ in range(2):
            with self.echo(int(work_ns)) as program:
                run = self.drive(program, "-o", depth, warmup=1)["run"]
            work_ns = max(work_ns + 1e9 / rate - 1e9 / run["decisions_per_s"], 0)
        return run["latency_us"]["p99"] / 1e3, run["decisions_per_s"]

    def forget_state(self):
        shutil.rmtree(self.state, ignore_errors=True)

    def sync_times(self, n=300):
        """Milliseconds of an fdatasync of 4 KiB appended, in the folder of the journals."""
        times = []
        path = self.folder / "sync"
        path.unlink(missing_ok=True)
        fd = os.open(path, os.O_CREAT | os.O_WRONLY, 0o600)
        for _ in range(n):
            os.write(fd, b"x" * 4096)
            start = time.monotonic()
            os.fdatasync(fd)
            times.append((time.monotonic() - start) * 1e3)
        os.close(fd)
        times.sort()
        return times[n // 2], times[n * 99 // 100]


def met(holds):
    return "met" if holds else "OVER"


def median(results, *path):
    def dig(result):
        for key in path:
            result = result[key]
        return result
    return statistics.median(dig(r) for r in results)


def spread(results, *path):
    def dig(result):
        for key in path:
            result = result[key]
        return result
    values = [dig(r) for r in results]
    return f"{min(values):.2f}-{max(values):.2f}"


def row_size(bench, decisions):
    """Bytes of the journal's files for one decision, once the server has ended."""
    size = sum(f.stat().st_size for f in bench.state.rglob("*") if f.is_file())
    return size / decisions if decisions else 0.0


def bench_fast(bench):
    print("\n== mode fast, closed loop, 64 connections, TCP loopback: CPU of the server a decision")
    weirs, echoes, sizes = {d: [] for d in CPU_BARS}, {d: [] for d in CPU_BARS}, []
    for _ in range(bench.rounds):
        for depth in CPU_BARS:
            with bench.echo() as program:
                echoes[depth].append(bench.drive(program, "-o", depth, warmup=1))
            with bench.serve("fast") as program:
                weirs[depth].append(bench.drive(program, "-o", depth))
            result = weirs[depth][-1]
            sizes.append(row_size(bench, result["run"]["decisions"] +
                                  result["warmup"]["decisions"]))
            bench.forget_state()
    for depth, bar in CPU_BARS.items():
        w, e = weirs[depth], echoes[depth]
        cpu, floor = median(w, "run", "server_cpu_us"), median(e, "run", "server_cpu_us")
        rate = median(w, "run", "decisions_per_s")
        print(f"  {depth:2} outstanding: {cpu:6.2f} us (of {spread(w, 'run', 'server_cpu_us')}), echo "
              f"{floor:5.2f} us, ratio {cpu / floor:5.2f}; bar {bar:4.1f} us: {met(cpu <= bar)}; "
              f"{rate:9,.0f}/s (echo {median(e, 'run', 'decisions_per_s'):9,.0f}/s; quiet bar "
              f"{RATE_BARS[depth]:,}/s: {met(rate >= RATE_BARS[depth])}); P50 "
              f"{median(w, 'run', 'latency_us', 'p50') / 1e3:.2f} ms, P99 "
              f"{median(w, 'run', 'latency_us', 'p99') / 1e3:.2f} ms; generator "
              f"{median(w, 'run', 'generator_cpu_us'):.2f} us")
    print(f"  journal: {statistics.median(sizes):.0f} bytes of files a decision")
    return {d: median(weirs[d], "run", "decisions_per_s") for d in weirs}, weirs


def bench_batch(bench):
    print("\n== mode fast, batch endpoint, 100 a request, 4 connections")
    results = []
    for _ in range(bench.rounds):
        with bench.serve("fast") as program:
            results.append(bench.drive(program, "--batch", 100, connections=4))
        bench.forget_state()
    cpu = median(results, "run", "server_cpu_us")
    print(f"  {cpu:.2f} us a decision (of {spread(results, 'run', 'server_cpu_us')}); bar "
          f"{BATCH_BAR} us: {met(cpu <= BATCH_BAR)}; "
          f"{median(results, 'run', 'decisions_per_s'):,.0f}/s")


def bench_open(bench):
    print("\n== mode fast, open loop, 64 connections: latency from the intended sending")
    for rate in (20_000, 50_000):
        weirs, echoes = [], []
        for _ in range(bench.rounds):
            with bench.echo() as program:
                echoes.append(bench.drive(program, "--rate", rate, warmup=1))
            with bench.serve("fast") as program:
                weirs.append(bench.drive(program, "--rate", rate, warmup=5, seconds=10))
            bench.forget_state()
        p99, floor = (median(r, "run", "latency_us", "p99") / 1e3 for r in (weirs, echoes))
        bar = max(1.0, 3 * floor)
        print(f"  {rate}/s: P99 {p99:.3f} ms, echo's {floor:.3f} ms; bar {bar:.2f} ms: "
              f"{met(p99 <= bar)}; server {median(weirs, 'run', 'server_cpu_us'):.2f} us, echo "
              f"{median(echoes, 'run', 'server_cpu_us'):.2f} us")
        for name, results, part in (("weir", weirs, "run"), ("echo", echoes, "run"),
                                    ("weir, cold tables", weirs, "warmup")):
            print(f"    {name:18}", *(f"{q} {median(results, part, 'latency_us', q) / 1e3:.3f} ms"
                                      for q in ("p50", "p99", "p999", "max")),
                  f"(generator late by P99 {median(results, part, 'lateness_us', 'p99') / 1e3:.3f})")


def bench_durable(bench, fast):
    print("\n== mode durable, closed loop, 64 connections: an answer leaves after its sync")
    for depth in CPU_BARS:
        results, syncs, evens = [], [], []
        for _ in range(bench.rounds):
            syncs.append(bench.sync_times())
            with bench.serve("durable") as program:
                results.append(bench.drive(program, "-o", depth))
            bench.forget_state()
            evens.append(bench.even(depth, results[-1]["run"]["decisions_per_s"]))
        p50, p99 = (statistics.median(s[i] for s in syncs) for i in (0, 1))
        rate = median(results, "run", "decisions_per_s")
        most = min(fast.get(depth, float("inf")), 64 * depth / p50 * 1e3)
        late, bar = median(results, "run", "latency_us", "p99") / 1e3, 2 * p99 + 2
        print(f"  {depth:2} outstanding: {rate:9,.0f}/s; 0.8 x min(fast, {64 * depth} / {p50:.2f} ms "
              f"= {64 * depth / p50 * 1e3:,.0f}) = {0.8 * most:,.0f}: {met(rate >= 0.8 * most)}; "
              f"P99 {late:.2f} ms, bar 2 x {p99:.2f} + 2 = {bar:.2f} ms: {met(late <= bar)}; server "
              f"{median(results, 'run', 'server_cpu_us'):.2f} us; so many in flight wait "
              f"{64e3 * depth / rate:.2f} ms in the mean at that rate; an echo that works as long and "
              f"waits for no disk P99 {median(evens, 0):.2f} ms ({median(evens, 1):,.0f}/s)")


def nginx(bench):
    folder = bench.folder / "nginx"
    folder.mkdir(exist_ok=True)
    answer = "x" * 460
    (folder / "nginx.conf").write_text(f"""
worker_processes 1; daemon off; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{ access_log off; keepalive_requests 1000000000; client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u;
  scgi_temp_path {folder}/s;
  server {{ listen 127.0.0.1:{PORT}; location / {{ default_type application/json;
    return 200 '{answer}'; }} }} }}
""")

    def worker(master):
        children = Path(f"/proc/{master}/task/{master}/children").read_text().split()
        return int(children[0])
    return Program("nginx", [shutil.which("nginx"), "-p", str(folder), "-e", f"{folder}/error.log",
                             "-c", f"{folder}/nginx.conf"], worker, ["--path", "/constant"])


def bench_peers(bench):
    opa = os.environ.get("OPA") or shutil.which("opa")
    peers = {"weir": lambda: bench.serve("fast"), "echo": bench.echo}
    if shutil.which("nginx"):
        peers["nginx"] = lambda: nginx(bench)
    if opa:
        peers["opa"] = lambda: Program(
            "opa", [opa, "run", "--server", "--addr", f"127.0.0.1:{PORT}", "--log-level", "error",
                    "--disable-telemetry", f"{PACK}/risk.rego", f"{PACK}/data.yaml"],
            load=["--path", "/v1/data/risk", "--wrap", "input"])
    print("\n== peers, one at a time, 64 connections: CPU of the server a request"
          + ("" if opa else " (no opa: OPA=... is not set)")
          + ("" if "nginx" in peers else " (nginx is not installed)"))
    results = {name: [] for name in peers}
    for _ in range(bench.rounds):
        for name, make in peers.items():
            with make() as program:
                results[name].append(bench.drive(program, "-o", 1))
    weir = median(results["weir"], "run", "server_cpu_us")
    says = {"nginx": "a constant", "opa": "the same policy, no features, no models",
            "echo": "a constant", "weir": "the whole decision"}
    for name, r in results.items():
        cpu = median(r, "run", "server_cpu_us")
        print(f"  {name:6} {cpu:8.2f} us (of {spread(r, 'run', 'server_cpu_us')}), {cpu / weir:6.2f} "
              f"times weir's; {median(r, 'run', 'decisions_per_s'):9,.0f}/s, P99 "
              f"{median(r, 'run', 'latency_us', 'p99') / 1e3:8.2f} ms; {says[name]}")
    if opa:
        ratio = median(results["opa"], "run", "server_cpu_us") / weir
        print(f"  opa / weir = {ratio:.1f}; bar 10: {met(ratio >= 10)}")


def machine():
    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo")
                  if line.startswith("model name")), "?")
    print(f"machine: {os.cpu_count()} x {model}, Linux {os.uname().release}, load average "
          f"{os.getloadavg()[0]:.1f}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("release")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--only", default="fast,batch,open,durable,peers,cold")
    options = parser.parse_args()
    parts = options.only.split(",")
    bench = Bench(options.release, options.rounds, options.seconds)
    machine()
    fast = {}
    try:
        if "fast" in parts:
            fast, _ = bench_fast(bench)
        if "batch" in parts:
            bench_batch(bench)
        if "open" in parts:
            bench_open(bench)
        if "durable" in parts:
            bench_durable(bench, fast)
        if "peers" in parts:
            bench_peers(bench)
        if "cold" in parts:
            p50, p99 = bench.sync_times()
            print(f"\n== cold start, exec to first decision read; sync P50 {p50:.2f} ms, P99 "
                  f"{p99:.2f} ms", flush=True)
            subprocess.run([f"{bench.release}/bench_coldstart", bench.weir, PACK, "20"], check=True)
        print(f"load average at the end {os.getloadavg()[0]:.1f}")
    finally:
        shutil.rmtree(bench.folder, ignore_errors=True)


main()
