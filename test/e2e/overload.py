#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Twice as many requests as the node can decide: the real server on one processor, the generator on
another.

    overload.py WEIR

Always, in seconds: each request is answered, with 200 or 503; what was refused has not counted; what
waited for longer than its caller does is refused; afterwards the node is ready and the journal whole.
The figures are printed. With WEIR_TEST_ALL=1 it takes a quarter of an hour and is judged, which wants a
quiet machine.

A node that has just started decides more cheaply than one that has worked for a minute: its table of ids
and its windows still fit the processor's caches. So the node is warmed first, until all ids that it
remembers are there (8 Mi, some 55 s) and the windows of a hundred thousand customers hold a hundred events
each; from a third of that on the cost of a decision stands. Then: its capacity, which is the highest rate of
an open loop that it answers in time (a closed loop whose requests come eight at a time is cheaper for the
system: its rate is printed too); 0.7 of that for the baseline, twice it for a minute, 0.7 again, bursts of ten times, and twice it beside as many
connections that dawdle.

What refusals cost is told by overloads in turns, little and much: their CPU is decisions times one
price plus refusals times another, and two such lines have one solution. (Taking off what decisions cost
before the minute would count as refusals whatever else has become slower.) Instructions are counted by
refusal.py.
"""
import json
import os
import re
import socket
import statistics
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
IDS = 8 << 20
AT_CAPACITY_US = 5000  # between two visits to a connection there: a visit costs as much whatever it finds
CLIENTS = 64  # as many as a node's own figures are measured with
WIDE = 128  # printed beside them: here the generator, which sends each arrival for itself, is short of its processor
ROUNDS = 8  # of the node and what it is measured by
PAIRS = 40  # they scatter as much as the price itself
MANY = 1024 if JUDGED else 256  # connections of a crowd: each asks little, so a decision costs more calls of the system
check = Checks("overload")


def constant(name, header=ROOT / "src" / "shell" / "server_in.h"):
    """A number that the server is built with."""
    told = re.findall(rf"^#define {name}\s+(\d+)\b", header.read_text(), re.MULTILINE)
    if len(told) != 1:
        sys.exit(f"overload: {header.name} defines {name} {len(told)} times as a number: wanted once")
    return int(told[0])


CONN_NS = constant("WR_OVERLOAD_CONN_NS")  # of a planned turn for each connection at least


def rates(result):
    """Decisions and refusals a second, and the processors that the server took."""
    run = result.get("run", result)
    return [run["statuses"].get(code, 0) / run["seconds"] for code in ("200", "503")] + [run["server_cores"]]


def prices(little, much):
    """CPU us of a decision and of a refusal, from a run with few refusals and one with many; None when they do
    not tell."""
    (d1, r1, t1), (d2, r2, t2) = little, much
    whole = d1 * r2 - d2 * r1
    return ((t1 * r2 - t2 * r1) / whole * 1e6, (t2 * d1 - t1 * d2) / whole * 1e6) if whole > 0 else None


def both(result, *path):
    def dig(part):
        for key in path:
            part = part.get(key, 0) if isinstance(part, dict) else 0
        return part
    return dig(result["warmup"]) + dig(result["run"])


class Node(Served):
    """A server on a processor of its own; drives it from another, and keeps count."""

    def __init__(self, weir, cpus):
        self.port, self.cpu, self.generator, self.decided = free_port(), cpus[0], cpus[1], 0
        super().__init__(weir, "--pack", str(ROOT / "packs" / "cards"), "--mode", "fast", "--retain-bytes", str(2 << 30),
                         "--listen", f"127.0.0.1:{self.port}", "--per-address", "4096",  # a minute writes 10 GB
                         preexec=lambda: os.sched_setaffinity(0, {self.cpu}))

    def begin(self, seconds, *options, port=None, pid=None, errors=None):
        return subprocess.Popen(
            [self.weir, "load", "--connect", f"127.0.0.1:{port or self.port}", "--for", f"{seconds * 1000:.0f}ms", "--server-pid",
             str(pid or self.process.pid), "--report", "json", *map(str, options)], stdout=subprocess.PIPE, stderr=errors, text=True,
            preexec_fn=lambda: os.sched_setaffinity(0, {self.generator}))

    def end(self, run, mine=True):
        result = json.loads(run.communicate()[0])
        self.decided += both(result, "statuses", "200") if mine else 0  # it has to be in the journal
        if mine:
            check.that(both(result, "lost") == 0 and result["unanswered"] == 0, "no request is lost",
                       (result["run"]["lost"], result["unanswered"]))
            statuses = result["run"]["statuses"]
            check.that(set(statuses) <= {"200", "503"}, "answers are 200 or 503", statuses)
        return result

    def drive(self, seconds, *options, mine=True, **other):
        return self.end(self.begin(seconds, *options, **other), mine)

    def ability(self):
        """Decisions a second at the most, and CPU us of each."""
        decided, _, cores = rates(self.drive(10 if JUDGED else 0.4, "--connections", 64, "--outstanding", 8))
        return max(decided, 1000.0), cores / max(decided, 1) * 1e6  # some rate is asked on any machine

    def capacity(self, closed):
        """The highest rate, of Poisson arrivals over as many connections, at which 99 of 100 requests are decided
        within the budget of 50 ms; found between half of what the closed loop decides and all of it."""
        if not JUDGED:
            return closed
        low, high = 0.5 * closed, closed
        while high - low > 0.02 * closed:
            rate = (low + high) / 2
            run = self.drive(4, "--connections", CLIENTS, "--rate", rate, "--warmup", "1s")["run"]
            decided = run["statuses"].get("200", 0)
            within = decided >= 0.99 * sum(run["statuses"].values()) and run["latency_us"]["p99"] <= 50e3
            low, high = (rate, high) if within else (low, rate)
        return low

    def resident(self):
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) // 1024
        return 0

    def metrics(self):
        return dict(line.rsplit(" ", 1) for line in self.ask("GET", "/metrics")[2].splitlines() if line[:1] != "#")


def p99_within(before, after):
    """Of decisions by the node's own clock, first byte to answer: the least bound, in ms, below which 99 of
    100 lie."""
    key = 'weir_stage_duration_seconds_bucket{stage="total",le="'
    n = [(name[len(key):-2], int(after[name]) - int(before[name])) for name in after if name.startswith(key)]
    total = n[-1][1]
    return next((float(bound) * 1e3 for bound, count in n if count >= 0.99 * total), float("inf")) if total else 0


class Pulse:
    """Asks for the node's health and figures ten times a second while others ask for decisions."""

    def __init__(self, served):
        self.served, self.ms, self.ends = served, [], threading.Event()

    def run(self):
        while not self.ends.wait(0.1):
            for path in ("/health", "/metrics"):
                start = time.monotonic()
                self.served.ask("GET", path)
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


def warm(node):
    n, costs = 0, []
    while JUDGED and n < IDS:
        decided, _, cores = rates(node.drive(5, "--connections", 64, "--outstanding", 8))
        n += decided * 5
        costs.append(cores / decided * 1e6)
    if costs:
        print("overload: warmed by " + f"{n / 1e6:.1f} M decisions, CPU us of each in steps of 5 s: "
              + " ".join(f"{cost:.2f}" for cost in costs))


def bad_tenths(result, p99_us):
    """For each tenth of a second: a P99 over twice the baseline's, or a refusal?"""
    return [refused > 0 or p99 > 2 * p99_us for _, refused, _, p99 in result["points"]]


class Recovery:
    """When the baseline is back after a load. A calm node has bad tenths too (a snapshot, a segment, the
    machine), so after the two seconds of the bar there may be as many as the baseline itself had in its
    worst stretch of that length, and no more."""

    def __init__(self, calm, back):
        p99_us, first = calm["run"]["latency_us"]["p99"], round(2 / back["point_s"])
        own, bad = bad_tenths(calm, p99_us), bad_tenths(back, p99_us)
        rest = bad[first:]
        self.n, self.late = len(rest), sum(rest)
        self.own = max((sum(own[i:i + self.n]) for i in range(max(len(own) - self.n, 0) + 1)), default=0)
        self.seconds = (max((i for i, one in enumerate(bad) if one), default=-1) + 1) * back["point_s"]

    def holds(self):
        return self.late <= self.own

    def __str__(self):
        return (f"the last bad tenth of a second ended after {self.seconds:.1f} s; bad of the {self.n} after 2 s {self.late} "
                f"(the baseline by itself {self.own})")


def minute(node):
    """Capacity, baseline, overload, and what is afterwards."""
    closed, cost = node.ability()
    capacity = node.capacity(closed)
    calm = node.drive(10 if JUDGED else 0.5, "--connections", CLIENTS, "--rate", 0.7 * capacity)
    calm_p99 = calm["run"]["latency_us"]["p99"]
    memory, before = node.resident(), node.metrics()
    with Pulse(node) as pulse:
        over = node.drive(60 if JUDGED else 1, "--connections", CLIENTS, "--rate", 2 * capacity)
    after = node.metrics()
    back = node.drive(10 if JUDGED else 0.5, "--connections", CLIENTS, "--rate", 0.7 * capacity)
    state = (int(after["weir_state_bytes"]) - int(before["weir_state_bytes"])) >> 20  # what happened stays known
    grown, recovery = node.resident() - memory - state, Recovery(calm, back)
    again, cost_again = node.ability()
    run, over_p99 = over["run"], over["run"]["latency_us"]["p99"]
    decided, refused, cores = rates(over)
    inside = p99_within(before, after)
    print(f"overload: closed loop, 64 connections, 8 outstanding: {closed:,.0f}/s at {cost:.2f} us, {again:,.0f}/s at "
          f"{cost_again:.2f} us afterwards; capacity, open loop, {CLIENTS} connections: {capacity:,.0f}/s ({capacity / closed:.2f})")
    print(f"overload: at {2 * capacity:,.0f}/s asked {decided:,.0f}/s decided: {decided / capacity:.2f} of the capacity (bar 0.9), "
          f"{decided / closed:.2f} of the closed loop; {refused:,.0f}/s refused, {cores:.2f} processors")
    print(f"overload:   decisions P99 at most {inside:.0f} ms by the node's clock (bar 50), {over_p99 / 1e3:.1f} ms from the moment "
          f"meant, {over_p99 / calm_p99:.1f} times that at 0.7 of capacity (bar 3; the generator late by {run['lateness_us']['p99'] / 1e3:.1f}); refusals P99 {run['refused_us']['p99'] / 1e3:.1f} ms (bar 5); "
          f"{run['blocked']:,} sent late and {over['unsent']:,} never for want of answers; health and metrics P99 "
          f"{pulse.p99():.1f} ms (bar 50)" + ("; the generator was at its limit" if over["generator_saturated"] else ""))
    print(f"overload:   at 0.7 of capacity P99 {calm_p99 / 1e3:.2f} ms before, {back['run']['latency_us']['p99'] / 1e3:.2f} after, "
          f"{both(back, 'statuses', '503')} refused; {recovery}; memory "
          f"{memory} MiB, {grown:+d} and {state:+d} of windows")
    check.that(refused > 0, "some are refused", over["run"]["statuses"])
    if JUDGED:
        check.that(decided >= 0.9 * capacity, "goodput is 0.9 of capacity", decided / capacity)
        check.that(inside <= 50, "P99 of what was admitted", inside)
        check.that(over_p99 <= 3 * calm_p99, "P99 of what was admitted by that at 0.7 of capacity", (over_p99, calm_p99))
        check.that(run["refused_us"]["p99"] <= 5e3, "P99 of what was refused", run["refused_us"])
        check.that(recovery.holds(), "the baseline is back within 2 s", recovery)
        check.that(pulse.p99() <= 50, "health is told within 50 ms", pulse.ms[-10:])
        check.that(grown <= 64, "memory is flat", grown)
    return capacity, calm


class Floor:
    """bench_floor in the node's place: what is the machine's and the generator's of the node's figures."""

    def __init__(self, node):
        self.node, self.port, self.server = node, free_port(), Path(node.weir).parent / "bench_floor"

    def drive(self, seconds, rate, *how):
        process = subprocess.Popen([self.server, str(self.port), *map(str, how)],
                                   preexec_fn=lambda: os.sched_setaffinity(0, {self.node.cpu}))
        try:
            time.sleep(0.2)
            return self.node.drive(seconds, "--connections", CLIENTS, "--rate", rate, "--warmup", "1s", port=self.port,
                                   pid=process.pid, errors=subprocess.DEVNULL, mine=False)["run"]
        finally:
            process.kill()
            process.wait()


def floor(node, capacity):
    """The node and two servers that know nothing else, in turns, so that the machine is the same for all: one only
    refuses, and looks as often as the node plans to; one also works on decisions, for as long on each as the node all
    told: the longer its turns are, the more it decides, and the later it refuses."""
    least, turn_us = Floor(node), CLIENTS * CONN_NS // 1000
    if not least.server.exists():
        return
    each_us = (1 - least.drive(5, capacity, AT_CAPACITY_US)["server_cores"]) * 1e6 / capacity
    working = {f"a server that works for {each_us:.1f} us on a decision, in turns of {turn / 1e3:.0f} ms": (turn, round(each_us * 1000))
               for turn in (2000, 4000, 6000)}
    only = f"a server that only refuses, every {turn_us / 1e3:.1f} ms"
    others = {only: (turn_us,), **working}
    told = {name: [] for name in ("the node", *others)}
    for _ in range(ROUNDS):
        told["the node"].append(node.drive(3, "--connections", CLIENTS, "--rate", 2 * capacity, "--warmup", "1s")["run"])
        for name, how in others.items():
            told[name].append(least.drive(3, 2 * capacity, *how))
    late = {name: [run["refused_us"]["p99"] for run in runs] for name, runs in told.items()}
    for name, runs in told.items():
        decided = statistics.median(rates(run)[0] for run in runs)
        pairs = [mine / its for mine, its in zip(late["the node"], late[name]) if its > 0 and name in others]
        print(f"overload:   {ROUNDS} times in turns, {name}: {decided / capacity:.2f} of the capacity decided, refusals P99 "
              f"{statistics.median(late[name]) / 1e3:.1f} ms ({min(late[name]) / 1e3:.1f} to {max(late[name]) / 1e3:.1f})"
              + (f", the node's {statistics.median(pairs):.2f} of that" if pairs else "") + "; the generator late by "
              f"{statistics.median(run['lateness_us']['p99'] for run in runs) / 1e3:.1f}")
    each = statistics.median(cores / max(refused, 1) * 1e6 for _, refused, cores in map(rates, told[only]))
    print(f"overload:   {each:.2f} us of CPU for each refusal of {only}, which is {each / each_us:.3f} of a decision")


def wide(node, capacity):
    run = node.drive(10, "--connections", WIDE, "--rate", 2 * capacity)["run"]
    decided, refused = (run["statuses"].get(code, 0) / run["seconds"] for code in ("200", "503"))
    print(f"overload: the same over {WIDE} connections: {decided:,.0f}/s decided, {refused:,.0f}/s refused, refusals P99 "
          f"{run['refused_us']['p99'] / 1e3:.1f} ms, the generator late by {run['lateness_us']['p99'] / 1e3:.1f}")


def bursts(node, capacity, calm):
    for _ in range(3 if JUDGED else 1):
        burst = node.drive(5 if JUDGED else 0.4, "--connections", MANY, "--rate", 10 * capacity)
        decided, refused, _ = rates(burst)
        back = node.drive(4 if JUDGED else 0.4, "--connections", CLIENTS, "--rate", 0.7 * capacity)
        recovery = Recovery(calm, back)
        print(f"overload: a burst of ten times: {decided:,.0f}/s decided, {refused:,.0f}/s refused, {burst['run']['blocked']:,} sent "
              f"late; {recovery}")
        if JUDGED:
            check.that(recovery.holds(), "the baseline is back within 2 s of a burst", recovery)


class Dawdlers:
    """Connections that send a byte of a head four times a second, and are dialled again when they are
    closed for it."""

    def __init__(self, node, n):
        self.node, self.n, self.ends, self.closed = node, n, threading.Event(), 0

    def dial(self):
        one = socket.create_connection(("127.0.0.1", self.node.port))
        one.setblocking(False)
        return one

    def run(self):
        held = [self.dial() for _ in range(self.n)]
        while not self.ends.wait(0.25):
            for i, one in enumerate(held):
                try:
                    one.send(b"x")
                except OSError:
                    one.close()
                    held[i] = self.dial()
                    self.closed += 1
        for one in held:
            one.close()

    def __enter__(self):
        self.thread = threading.Thread(target=self.run)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ends.set()
        self.thread.join()


def half_slow(node, capacity):
    n = CLIENTS
    with Dawdlers(node, n) as dawdlers:
        over = node.drive(20 if JUDGED else 0.4, "--connections", n, "--rate", 2 * capacity)
    decided, refused, _ = rates(over)
    print(f"overload: beside {n} clients that dawdle ({dawdlers.closed} closed for it), {n} ask twice the capacity: "
          f"{decided:,.0f}/s decided ({decided / capacity:.2f}, bar 0.9), {refused:,.0f}/s refused")
    if JUDGED:
        check.that(decided >= 0.9 * capacity, "goodput beside clients that dawdle", decided / capacity)


def hurried(node, capacity):
    """Callers who wait 8 ms: what has waited that long is refused, though the rule would let it pass."""
    before = float(node.metrics()["weir_expired_total"])
    over = node.drive(5 if JUDGED else 0.8, "--connections", MANY, "--rate", 2 * capacity, "--header", "Weir-Deadline-Ms: 8")
    after = node.metrics()
    expired = float(after["weir_expired_total"]) - before
    decided, refused, _ = rates(over)
    print(f"overload: callers who wait 8 ms: {decided:,.0f}/s decided, {refused:,.0f}/s refused; of "
          f"{both(over, 'statuses', '503'):,} refused {expired:,.0f} since their callers had gone")
    check.that(expired > 0, "what waited for longer than its caller is refused", over["run"]["statuses"])


def price(node, capacity):
    """Short runs in turns, each pair solved by itself, and the median of them: what else the machine does in
    a longer run would count as refusals."""
    pairs = []
    for _ in range(PAIRS):
        pairs.append([rates(node.drive(2, "--connections", CLIENTS, "--rate", times * capacity)) for times in (1.2, 2.5)])
    solved = [told for told in (prices(*pair) for pair in pairs) if told]
    check.that(len(solved) == PAIRS and all(r > d / 2 for _, (d, r, _) in pairs), "enough is refused to tell what that costs", pairs)
    if not solved:
        return
    each, refusal = (statistics.median(column) for column in zip(*solved))
    shares = sorted(refusal / each for each, refusal in solved)
    share = statistics.median(shares)
    print(f"overload: a decision {each:.2f} us, a refusal {refusal:.3f} us, {share:.3f} of it (bar a twentieth): medians of "
          f"{len(solved)} pairs of runs of 2 s, quarters {shares[len(shares) // 4]:.3f} and {shares[len(shares) * 3 // 4]:.3f}")
    check.that(0 < each and share <= 1 / 20, "a refusal is cheap", (refusal, each))


def main():
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) < 2:
        print("overload: needs two processors")
        return 77
    with Node(sys.argv[1], cpus) as node:
        warm(node)
        capacity, calm = minute(node)
        if JUDGED:
            floor(node, capacity)
            wide(node, capacity)
        bursts(node, capacity, calm)
        half_slow(node, capacity)
        hurried(node, capacity)
        if JUDGED:
            price(node, capacity)
        time.sleep(1 if JUDGED else 0.6)
        health = node.ask("GET", "/health?ready")
        check.that(health[0] == 200, "the node is ready again", health)
        check.that(health[2]["sequence"] == node.decided, "what was refused has not counted",
                   (health[2]["sequence"], node.decided))
        if JUDGED:
            calm = node.drive(5, "--connections", 64, "--rate", capacity / 10)
            check.that(both(calm, "statuses", "503") == 0, "nothing is refused any more", calm["run"]["statuses"])
        state = node.folder / "state"
        check.that(node.stop() == 0, "the service ends cleanly")
        verified = subprocess.run([sys.argv[1], "journal", "verify", str(state)], stdout=subprocess.PIPE, text=True)
        check.that(verified.returncode == 0, "the journal is whole", verified.stdout)
    return check.end()


sys.exit(main())
