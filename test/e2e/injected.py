#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The real binary on a disk whose syncs take 200 ms and longer, and on a system that cannot accept
connections: faults put in by a library in front of the system's.

    injected.py WEIR SHIM [NAME...]         accept, durable, fast, late; SHIM: made of fault_shim.c

Figures are printed; with WEIR_TEST_ALL=1 the ratios of times are judged too, on a quiet machine.
"""
import errno
import http.client
import json
import os
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
from served import Checks, Served, UnixConnection  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
WEIR, SHIM = sys.argv[1], sys.argv[2]
JUDGED = bool(os.environ.get("WEIR_TEST_ALL"))
check = Checks("injected")


class Faulty(Served):
    """A service whose syncs and accepts go through the library."""

    def __init__(self, *arguments):
        super().__init__(WEIR, "--pack", str(ROOT / "packs" / "cards"), *arguments)
        self.faults = str(self.folder / "faults")
        self.put(0, 0)

    def put(self, sync_us, code, times=-1, sync_code=0):
        fd = os.open(self.faults, os.O_RDWR | os.O_CREAT, 0o600)
        os.pwrite(fd, struct.pack("=qqqqq", sync_us, code, times, 0, sync_code), 0)
        os.close(fd)

    def n_accepts(self):
        return struct.unpack("=qqqqq", Path(self.faults).read_bytes())[3]

    def start(self):
        os.environ.update(LD_PRELOAD=SHIM, FAULT_SHIM=self.faults)
        try:
            return super().start()
        finally:
            os.environ.pop("LD_PRELOAD")

    def is_faulty(self):
        return Path(SHIM).name in Path(f"/proc/{self.process.pid}/maps").read_text()

    def cpu(self):
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().split()
        return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")

    def metric(self, name):
        for line in self.ask("GET", "/metrics")[2].splitlines():
            if line.startswith(name + " "):
                return float(line.split()[1])
        return None


serial = 0


def event():
    global serial
    serial += 1
    return {"transaction": {"id": f"i{os.getpid()}-{serial}", "time": int(time.time() * 1000),
                            "amount": 12.5, "terminal_id": str(serial % 50)},
            "user": {"id": str(serial % 400)}}


# ── accept ───────────────────────────────────────────────────────────────────────────────────────
def answers_within(served, seconds):
    """How long a new connection takes to its first answer; None: longer than that."""
    begun = time.monotonic()
    try:
        connection = UnixConnection(served.socket, seconds)
        connection.request("GET", "/health")
        if connection.getresponse().status == 200:
            return time.monotonic() - begun
    except (OSError, http.client.HTTPException):
        pass
    return None


def accept():
    """Each error once, then for a second, or less, while clients come: those who are there are served, the
    processor is idle, and when it is over who waited is let in."""
    seconds = 1 if JUDGED else 0.4
    with Faulty("--mode", "fast") as served:
        if not served.is_faulty():
            print("injected: a static program takes no faults of a library")
            return 77
        old = UnixConnection(served.socket)
        old.connect()
        for code in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.ECONNABORTED):
            name = errno.errorcode[code]
            failures = served.metric("weir_accept_failures_total")
            served.put(0, code, 1)
            took = answers_within(served, 5)
            check.that(took is not None and took < 0.5, f"{name} once: let in soon", took)
            # ECONNABORTED tells of one connection that has gone, so the next is tried at once, as
            # many as have gone; for ever it cannot go on.
            lasting = code != errno.ECONNABORTED
            served.put(0, code, -1 if lasting else 20)
            waiting = [socket.socket(socket.AF_UNIX) for _ in range(20)]
            for one in waiting:
                one.connect(served.socket)
                one.send(b"GET /health HTTP/1.1\r\nHost: w\r\n\r\n")
            before, begun = served.cpu(), time.monotonic()
            while time.monotonic() - begun < seconds:
                old.request("POST", "/v1/decisions", json.dumps(event()))
                status = old.getresponse()
                status.read()
                check.that(status.status == 200, f"{name}: who was there before is served", status.status)
                time.sleep(0.05)
            share, calls = served.cpu() - before, served.n_accepts()
            served.put(0, 0)
            ended = time.monotonic()
            for one in waiting:
                one.settimeout(5)
                check.that(b"200 OK" in one.recv(4096), f"{name}: all who waited are let in")
                one.close()
            took_all = time.monotonic() - ended
            failed = served.metric("weir_accept_failures_total") - failures
            print(f"injected: accept fails with {name}: once, then let in after {(took or -1) * 1000:.0f} ms; for {seconds} s: "
                  f"{share / seconds * 100:.0f} % of a core (bar 5), {calls} calls, {failed:.0f} counted; after it 20 who waited "
                  f"had their answers in {took_all * 1000:.0f} ms (bar 100)")
            check.that(calls <= 200 * seconds, f"{name}: it is not tried without pause", calls)
            check.that(took_all < 0.5, f"{name}: they are let in soon", took_all)
            check.that((failed > 0) == lasting, f"{name}: failures are counted", failed)
            if JUDGED:
                check.that(share <= 0.05, f"{name}: under 5 % of a core", share)
                check.that(took_all <= 0.1, f"{name}: within 100 ms", took_all)
        check.that(served.stop() == 0, "it ends cleanly")
    return 0


# ── a slow disk ──────────────────────────────────────────────────────────────────────────────────
def load(served, seconds, rate, *options):
    return subprocess.Popen(
        [WEIR, "load", "--connect", "unix:" + served.socket, "--for", f"{seconds * 1000:.0f}ms", "--connections", "32", "--rate",
         str(rate), "--report", "json", *options], stdout=subprocess.PIPE, text=True)


KINDS = {  # what needs no disk
    "health": ("GET", "/health", None, 200),
    "metrics": ("GET", "/metrics", None, 200),
    "a bad request": ("POST", "/v1/decisions", "{", 400),
    "a known id": ("POST", "/v1/decisions", None, 200),
}


def ask_others(served, seconds, known, may_refuse=False):
    """Milliseconds that each kind took, in order; the slowest last."""
    times = {kind: [] for kind in KINDS if kind != "a known id" or known is not None}
    connection, end = UnixConnection(served.socket), time.monotonic() + seconds
    while time.monotonic() < end:
        for kind in times:
            method, path, body, status = KINDS[kind]
            begun = time.monotonic()
            connection.request(method, path, json.dumps(known) if kind == "a known id" else body)
            answer = connection.getresponse()
            answer.read()
            times[kind].append((time.monotonic() - begun) * 1000)
            refused = path == "/v1/decisions" and answer.status == 503
            check.that(answer.status == status or (may_refuse and refused), f"{kind}: the answer", answer.status)
        time.sleep(0.002)
    return {kind: sorted(ms) for kind, ms in times.items()}


def at(ms, share):
    return ms[min(len(ms) - 1, int(len(ms) * share))]


def beside(served, seconds, rate, known, *options, may_refuse=False):
    """What others' answers take beside decisions; those decisions."""
    run = load(served, seconds + 0.5, rate, *options)
    time.sleep(0.3)
    others = ask_others(served, seconds, known, may_refuse)
    return others, json.loads(run.communicate()[0])["run"]


def durable():
    """Mode durable: what needs no disk does not wait for it. Who says how long he waits is refused
    when a sync takes longer; one at a time finds out whether it still does."""
    seconds, rate = (20, 5000) if JUDGED else (0.8, 500)
    with Faulty("--mode", "durable") as served:
        if not served.is_faulty():
            return 77
        known = event()
        served.ask("POST", "/v1/decisions", known)
        calm, run = beside(served, seconds, rate, known)
        p99 = run["latency_us"]["p99"] / 1e3
        served.put(200000, 0)
        time.sleep(0.5)
        slow, run = beside(served, seconds, rate, known)
        print(f"injected: syncs of 200 ms, mode durable: P99 of decisions {p99:.1f} ms, then "
              f"{run['latency_us']['p99'] / 1e3:.0f} ms, {run['statuses']}")
        check.that(set(run["statuses"]) == {"200"}, "who waits as long as it takes is answered", run["statuses"])
        check.that(run["latency_us"]["p50"] >= 100000, "after the sync", run["latency_us"])
        for kind, ms in slow.items():
            ratio = at(ms, 0.99) / at(calm[kind], 0.99)
            print(f"injected:   {kind}: P50 {at(calm[kind], .5):.2f} ms, then {at(ms, .5):.2f}; P99 {at(calm[kind], .99):.2f} "
                  f"ms, then {at(ms, .99):.2f} ({ratio:.2f} times, bar 1.2), worst {ms[-1]:.1f} of {len(ms)}")
            check.that(at(ms, 0.9) < 100, f"{kind}: does not wait for a sync", ms[-20:])
            if JUDGED:
                check.that(ratio <= 1.2, f"{kind}: P99 within 1.2 times", ratio)
        sequence = served.metric("weir_sequence")
        _, run = beside(served, 0.8, 500, known, "--header", "Weir-Deadline-Ms: 50")
        told, decided = run["statuses"], served.metric("weir_sequence") - sequence
        print(f"injected: callers who wait 50 ms: {told}, {served.metric('weir_expired_total'):.0f} refused for it")
        check.that(told.get("503", 0) > 5 * told.get("200", 0) > 0, "they are refused, but for those who find out", told)
        check.that(decided <= 40, "and nothing of them counts", decided)
        served.put(0, 0)
        _, run = beside(served, 0.8, 500, known, "--header", "Weir-Deadline-Ms: 50", "--warmup", "500ms")
        check.that(run["statuses"].get("200", 0) > 10 * run["statuses"].get("503", 0), "when the disk is quick they are not",
                   run["statuses"])
        check.that(served.stop() == 0, "it ends cleanly")
    return 0


def fast():
    """Mode fast: a sync of up to 100 ms is waited for by nobody. Of slower ones answers wait, so that no
    more than 250 ms of them can be lost with the power; what then waits is bounded, and the rest goes on."""
    rate = 5000 if JUDGED else 500
    with Faulty("--mode", "fast", "--retain-bytes", str(1 << 30)) as served:
        if not served.is_faulty():
            return 77
        for ms, most in ((75, 50), (200, 100), (400, 350)):
            served.put(ms * 1000, 0)
            for _ in range(1 if JUDGED else 3):  # a busy machine makes syncs longer than that: not each time
                time.sleep(0.3)
                run = json.loads(load(served, 10 if JUDGED else 1.2, rate).communicate()[0])["run"]
                took = {share: run["latency_us"][share] / 1e3 for share in ("p50", "p90", "p99")}
                print(f"injected: syncs of {ms} ms, mode fast: P50 {took['p50']:.2f} ms, P90 {took['p90']:.1f}, P99 "
                      f"{took['p99']:.1f}, {run['statuses']}")
                check.that(set(run["statuses"]) == {"200"}, f"syncs of {ms} ms: all are decided", run["statuses"])
                if took["p50"] < most:
                    break
            check.that(took["p50"] < most, f"syncs of {ms} ms: P50 below {most} ms", took)
        calm = ask_others(served, 1 if JUDGED else 0.4, None)
        others, run = beside(served, 2 if JUDGED else 1, 100000, None, "--outstanding", "512", may_refuse=True)
        print(f"injected: syncs of 400 ms, mode fast, 100,000/s asked: {run['statuses']}; health P99 "
              f"{at(calm['health'], .99):.1f} ms, then {at(others['health'], .99):.1f}, worst {others['health'][-1]:.0f} ms")
        check.that(set(run["statuses"]) <= {"200", "503"} and run["lost"] == 0, "more than fits is refused", run["statuses"])
        check.that(others["health"][-1] < 300, "and the loop never waits for the disk", others["health"][-10:])
        served.put(0, 0)
        check.that(served.stop() == 0, "it ends cleanly")
    return 0


# ── a disk whose syncs find no space ─────────────────────────────────────────────────────────────
def becomes(served, ready, state):
    """Within 5 s, which is room for two tries."""
    end = time.monotonic() + 5
    while time.monotonic() < end:
        told = served.ask("GET", "/health")[2]
        if told["ready"] == ready and told["journal"] == state:
            return True
        time.sleep(0.05)
    return False


def late():
    """A disk that takes what is written and finds no place for it when it is synced: a node that runs, and one
    that starts, is full until it does; what was answered stays."""
    for code in (errno.ENOSPC, errno.EDQUOT):
        name, first = errno.errorcode[code], event()
        with Faulty("--mode", "durable", "--snapshot-every", "0s") as served:
            if not served.is_faulty():
                return 77
            told = served.ask("POST", "/v1/decisions", first)[2]
            served.put(0, 0, sync_code=code)
            try:
                status = served.ask("POST", "/v1/decisions", event())[0]
            except (OSError, http.client.HTTPException):
                status = 0
            check.that(status in (0, 503), f"{name}: nothing is answered that is not synced", status)
            check.that(becomes(served, False, "full"), f"{name}: who runs is full", served.ask("GET", "/health")[2])
            served.stop(9)
            (served.folder / "state" / "reserve").unlink(missing_ok=True)
            served.start()
            check.that(becomes(served, False, "full"), f"{name}: who starts is full", served.ask("GET", "/health")[2])
            check.that(served.ask("POST", "/v1/decisions", event())[0] == 503, f"{name}: it decides nothing")
            served.put(0, 0)
            check.that(becomes(served, True, "ok"), f"{name}: it begins when there is room", served.ask("GET", "/health")[2])
            again = served.ask("POST", "/v1/decisions", first)[2]
            check.that(again == told, f"{name}: what was answered stands", (told, again))
            check.that(served.stop() == 0, "it ends cleanly")
    return 0


def main():
    parts = {"accept": accept, "durable": durable, "fast": fast, "late": late}
    for name in sys.argv[3:] or list(parts):
        if parts[name]() == 77:
            return 77
    return check.end()


sys.exit(main())
