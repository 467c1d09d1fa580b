# SPDX-License-Identifier: Apache-2.0
"""The real binary on a full disk, with a sync that fails, without descriptors, with clients that
dawdle. What needs a tool or a right that is not there is skipped with a word.

  faults.py WEIR [NAME...]    full, eio, descriptors, slow, unread

With WEIR_TEST_ALL=1 there are 7,000 slow clients beside half of what the node can decide, and the
times of the others are judged, on a quiet machine.
"""
import fcntl
import http.client
import json
import os
import resource
import select
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from pathlib import Path

from certs import free_port
from served import Checks, Served, UnixConnection

ROOT = Path(__file__).resolve().parents[2]
CARDS = str(ROOT / "packs" / "cards")
WEIR = sys.argv[1]
JUDGED = bool(os.environ.get("WEIR_TEST_ALL"))
serial = 0


def event():
    global serial
    serial += 1
    return {"transaction": {"id": f"f{os.getpid()}-{serial}", "time": int(time.time() * 1000),
                            "amount": 12.5, "terminal_id": str(serial % 50)},
            "user": {"id": str(serial % 400)}}


def decide(path, body=None, timeout=10):
    """(status, decision id) on a connection of its own; (0, "") when it was closed on us."""
    try:
        connection = UnixConnection(path, timeout)
        connection.request("POST", "/v1/decisions", json.dumps(body or event()))
        answer = connection.getresponse()
        document = json.loads(answer.read())
        connection.close()
        return answer.status, document.get("decision_id", document.get("code", ""))
    except (OSError, http.client.HTTPException, ValueError):
        return 0, ""


def health(path, asked="/health?ready"):
    connection = UnixConnection(path)
    connection.request("GET", asked)
    answer = connection.getresponse()
    document = json.loads(answer.read())
    connection.close()
    return answer.status, document


def until(seconds, holds):
    """How long it took, or None."""
    start = time.monotonic()
    while time.monotonic() - start < seconds:
        if holds():
            return time.monotonic() - start
        time.sleep(0.01)
    return None


def known(weir, state):
    out = subprocess.run([weir, "journal", "export", state], capture_output=True, text=True)
    ids = {json.loads(line)["document"]["decision_id"] for line in out.stdout.splitlines()
           if '"kind":"decision"' in line}
    verified = subprocess.run([weir, "journal", "verify", state], capture_output=True, text=True)
    return ids, verified.returncode == 0


# ── a disk that fills up ─────────────────────────────────────────────────────────────────────────
def full(check):
    mount = tempfile.mkdtemp()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", mount],
                          capture_output=True, text=True)
    if made.returncode != 0:
        print("faults: no small file system can be mounted here; `full` skipped")
        return
    try:
        for mode in ("durable", "fast"):
            fill_up(check, mount, mode)
        for mode in ("durable", "fast"):
            for rows in (20, 2000):
                end_full(check, mount, mode, rows)
        end_full(check, mount, "fast", 20, "before it is noticed")
        for mode in ("durable", "fast"):
            killed_full(check, mount, mode)
    finally:
        subprocess.run(["umount", mount], check=False)
    share_of_root(check, mount)


def share_of_root(check, mount):
    """What ext4 keeps for root is room for a node that runs as root, the reserve's too."""
    with tempfile.NamedTemporaryFile() as image:
        image.truncate(64 << 20)
        if shutil.which("mkfs.ext4") is None or os.geteuid() != 0 or \
                subprocess.run(["mkfs.ext4", "-q", "-m", "40", image.name], check=False).returncode != 0 or \
                subprocess.run(["mount", "-o", "loop", image.name, mount], check=False).returncode != 0:
            print("faults: no ext4 can be made here; root's share of it skipped")
            return
        try:
            share = os.statvfs(mount)
            with open(f"{mount}/ballast", "wb") as ballast:
                os.posix_fallocate(ballast.fileno(), 0, share.f_bavail * share.f_frsize)
            check.that(os.statvfs(mount).f_bavail == 0, "an ext4 is full for all but root")
            with Served(WEIR, "--pack", CARDS, "--state", f"{mount}/state") as served:
                took = until(5, lambda: reserved(f"{mount}/state") >= 16 << 20)
                check.that(took is not None, "there root's node has all of its reserve", (served.folder / "log").read_text()[-300:])
        finally:
            subprocess.run(["umount", mount], check=False)


def fill(ballast):
    """To the last byte."""
    file = os.open(ballast, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for size in (65536, 4096, 1):
        try:
            while os.write(file, b"x" * size):
                pass
        except OSError:
            pass
    os.close(file)


def reserved(state):
    path = Path(state, "reserve")
    return path.stat().st_blocks * 512 if path.exists() else 0


def end_full(check, mount, mode, rows, what="while full"):
    """It ends well on a full disk: exit code, journal sealed, state saved, nothing lost."""
    state, ballast, name = f"{mount}/end", Path(mount, "ballast"), f"{mode}, ended {what} after {rows}"
    with Served(WEIR, "--pack", CARDS, "--state", state, "--mode", mode) as served:
        until(5, lambda: reserved(state) >= 4 << 20)
        kept = reserved(state)
        check.that(kept >= 1 << 20, f"{name}: space is kept for the end", kept)
        told = [decide(served.socket) for _ in range(rows)]
        fill(ballast)
        while what == "while full" and told[-1][0] == 200 and len(told) < 20000:
            told.append(decide(served.socket))
        fill(ballast)
        if what == "while full":
            check.that(health(served.socket)[1]["journal"] == "full", f"{name}: the journal is full", told[-1])
        begun = time.monotonic()
        check.that(served.stop() == 0, f"{name}: the exit code", (served.folder / "log").read_text()[-600:])
        took = time.monotonic() - begun
        log = (served.folder / "log").read_text()
    ids, whole = known(WEIR, state)
    lost = [one for status, one in told if status == 200 and one not in ids]
    check.that(not lost and whole, f"{name}: no answer is lost and the chain is whole", lost[:3])
    with Served(WEIR, "--pack", CARDS, "--state", state, "--mode", mode) as served:  # the ballast is still there
        log = (served.folder / "log").read_text()
        saved = [line for line in log.splitlines() if '"event":"restored"' in line]
        check.that(len(saved) == 1 and ", entries folded: 0," in log, f"{name}: its state was saved", log[-600:])
        check.that(decide(served.socket)[0] == 200, f"{name}: it starts beside the ballast, and decides")
        os.remove(ballast)
        check.that(served.stop() == 0, f"{name}: it ends again")
    print(f"faults: {name} decisions: ended in {took:.2f} s, {kept >> 20} MiB were kept for it")
    shutil.rmtree(state)


def killed_full(check, mount, mode):
    """Killed on a full disk it starts again with what is kept for the end, and without it waits for room."""
    state, ballast, told = f"{mount}/killed", Path(mount, "ballast"), []
    how = [WEIR, "--pack", CARDS, "--state", state, "--mode", mode]
    with Served(*how) as served:
        until(5, lambda: reserved(state) >= 1 << 20)
        told += [decide(served.socket) for _ in range(50)]
        fill(ballast)
        while told[-1][0] == 200 and len(told) < 20000:
            told.append(decide(served.socket))
        check.that(health(served.socket)[1]["journal"] == "full", f"{mode}, killed: the journal is full", told[-1])
        fill(ballast)
        served.stop(9)
    with Served(*how) as served:
        told.append(decide(served.socket))
        check.that(told[-1][0] == 200, f"{mode}, killed: it decides with what was kept for the end",
                   (told[-1], (served.folder / "log").read_text()))
        log = (served.folder / "log").read_text()
        check.that('"event":"reserve_given_up"' in log and '"event":"ready"' in log, f"{mode}, killed: it says so", log[-600:])
        until(5, lambda: '"event":"small_reserve"' in (served.folder / "log").read_text())
        served.stop(9)
    Path(state, "reserve").unlink(missing_ok=True)
    fill(ballast)
    with Served(*how) as served:
        check.that(served.stop() == 0, f"{mode}, killed: stopped while it waits it ends cleanly", (served.folder / "log").read_text()[-600:])
    with Served(*how) as served:
        status, document = health(served.socket)
        check.that(status == 503 and document["journal"] == "full", f"{mode}, killed: without it, it is full from the start", document)
        status, document = health(served.socket, "/health")
        check.that(status == 200 and not document["ready"], f"{mode}, killed: and alive", document)
        status, code = decide(served.socket)
        check.that(status == 503 and code == "journal", f"{mode}, killed: and decides nothing", (status, code))
        time.sleep(1.5)
        check.that(served.process.poll() is None, f"{mode}, killed: it waits for room")
        os.remove(ballast)
        took = until(5, lambda: health(served.socket)[0] == 200)
        check.that(took is not None and took <= 2.5, f"{mode}, killed: it begins within 2 s of room", took)
        told += [decide(served.socket) for _ in range(20)]
        check.that(told[-1][0] == 200, f"{mode}, killed: and decides again", told[-1])
        check.that(served.stop() == 0, f"{mode}, killed: it ends cleanly")
    ids, whole = known(WEIR, state)
    lost = [one for status, one in told if status == 200 and one not in ids]
    check.that(not lost and whole, f"{mode}, killed: no answer is lost and the chain is whole", lost[:3])
    print(f"faults: {mode}, killed on a full disk: decides with the reserve; without it {took or -1:.2f} s after there is room (bar 2)")
    shutil.rmtree(state)


def fill_up(check, mount, mode):
    state, ballast = f"{mount}/{mode}", Path(mount, "ballast")
    with Served(WEIR, "--pack", CARDS, "--state", state, "--mode", mode) as served:
        told = [decide(served.socket) for _ in range(50)]
        check.that(all(status == 200 for status, _ in told), f"{mode}: it decides", told[-1])
        fill(ballast)
        while told[-1][0] == 200 and len(told) < 20000:
            told.append(decide(served.socket))
        since = time.monotonic()
        status, document = health(served.socket)
        check.that(status == 503 and document["journal"] == "full", f"{mode}: the state is full, and told", document)
        told_after = time.monotonic() - since
        check.that(told_after < 0.5, f"{mode}: at once", told_after)
        status, code = decide(served.socket)
        check.that(status == 503 and code == "journal", f"{mode}: nothing is decided", (status, code))
        os.remove(ballast)
        took = until(5, lambda: health(served.socket)[0] == 200)
        print(f"faults: full disk, {mode}: told {told_after * 1000:.0f} ms after the first refusal (bar 100), decides "
              f"{took or -1:.2f} s after there is room (bar 2), {len(told)} answers before and after")
        check.that(took is not None and took <= 2.5, f"{mode}: it goes on within 2 s of room", took)
        told += [decide(served.socket) for _ in range(20)]
        check.that(told[-1][0] == 200, f"{mode}: and decides again", told[-1])
        check.that(served.stop() == 0, f"{mode}: it ends cleanly")
    ids, whole = known(WEIR, state)
    lost = [one for status, one in told if status == 200 and one not in ids]
    check.that(not lost, f"{mode}: no answer is lost", lost[:3])
    check.that(whole, f"{mode}: the chain is whole")
    shutil.rmtree(state)


# ── a sync that fails ────────────────────────────────────────────────────────────────────────────
def eio(check):
    if shutil.which("strace") is None:
        print("faults: no strace here; `eio` skipped")
        return
    # One sync fails and all later ones claim to succeed, as on Linux.
    with Served(WEIR, "--pack", CARDS, "--mode", "durable") as served:
        told = [decide(served.socket) for _ in range(20)]
        trace = subprocess.Popen(["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fdatasync", "-e",
                                  "inject=fdatasync:error=EIO:when=3", "-p", str(served.process.pid)],
                                 stderr=subprocess.PIPE)
        time.sleep(1)
        if trace.poll() is not None:
            print("faults: strace may not attach here; `eio` skipped")
            return
        for _ in range(6):
            told.append(decide(served.socket))
            if told[-1][0] != 200:
                break
        failed = time.monotonic()
        before = health(served.socket)
        told_after = time.monotonic() - failed
        trace.terminate()  # it counts by thread: a new one would see its third sync fail too
        trace.wait(10)
        check.that(told[-1][0] in (0, 503), "an answer whose sync failed does not leave", told[-1])
        took = until(10, lambda: health(served.socket)[0] == 200)
        check.that(took is not None and took < 5, "it recovers in a new segment", took)
        print(f"faults: failed sync: health {before[0]} ({before[1].get('journal')}) {told_after * 1000:.0f}"
              f" ms after it, ready {took or -1:.2f} s later")
        told += [decide(served.socket) for _ in range(10)]
        check.that(told[-1][0] == 200, "and decides again", told[-1])
        log = (served.folder / "log").read_text()
        check.that('"event":"journal_failed"' in log and "broken" in log, "the state was broken, and told", log[-400:])
        check.that(served.stop() == 0, "it ends cleanly")
        ids, whole = known(WEIR, str(served.folder / "state"))
    lost = [one for status, one in told if status == 200 and one not in ids]
    check.that(not lost and whole, "no answer is lost and the chain is whole", lost[:3])


# ── no descriptors ───────────────────────────────────────────────────────────────────────────────
def descriptors(check):
    def limit():
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    with Served(WEIR, "--pack", CARDS, "--mode", "fast", preexec=limit) as served:
        idle = []
        for _ in range(200):
            one = socket.socket(socket.AF_UNIX)
            one.setblocking(False)
            try:
                one.connect(served.socket)
            except OSError:
                pass
            idle.append(one)
        before = Path(f"/proc/{served.process.pid}/stat").read_text().split()
        time.sleep(2)
        after = Path(f"/proc/{served.process.pid}/stat").read_text().split()
        ticks = sum(int(after[i]) - int(before[i]) for i in (13, 14))
        check.that(ticks <= 0.05 * 2 * os.sysconf("SC_CLK_TCK"), "with all descriptors taken it is idle: under 5 % of a core",
                   f"{ticks} ticks in 2 s")
        check.that(served.process.poll() is None, "and lives")
        for one in idle:
            one.close()
        took = until(5, lambda: decide(served.socket, timeout=1)[0] == 200)
        print(f"faults: 64 descriptors, all taken: {ticks / 2:.1f} % of a core (bar 5); decides {(took or -1) * 1000:.0f} ms "
              f"after there is one (bar 100)")
        check.that(took is not None and took < 0.3, "it decides as soon as there is one again", took)
        check.that(served.stop() == 0, "it ends cleanly")


# ── clients that dawdle ──────────────────────────────────────────────────────────────────────────
def latencies(path, seconds):
    connection, found, bad = UnixConnection(path), [], []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        start = time.monotonic()
        connection.request("POST", "/v1/decisions", json.dumps(event()))
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            bad.append((answer.status, body[:120]))
        found.append(time.monotonic() - start)
        time.sleep(0.001)
    found.sort()
    return found[len(found) * 99 // 100], bad


def dial(path):
    """Until it is let in: a Unix socket whose queue is full refuses at once."""
    one = socket.socket(socket.AF_UNIX)
    one.settimeout(5)
    for _ in range(1000):
        try:
            one.connect(path)
            return one
        except BlockingIOError:
            time.sleep(0.01)
    sys.exit("faults: the server takes no connection for ten seconds")


def memory_of(served):
    """Private memory of the server, in bytes; what it maps of its files is not meant."""
    for line in Path(f"/proc/{served.process.pid}/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    return 0


HOSTILE = {  # what it begins with, its deadline in seconds from there
    "head": (b"POST /v1/decisions HTTP/1.1\r\nHo", 5),
    "body": (b"POST /v1/decisions HTTP/1.1\r\nHost: w\r\nContent-Length: 500\r\n\r\n{", 10),
    "unread": (b"GET /status HTTP/1.1\r\nHost: w\r\n\r\n" * 40, 5),  # answers of more than a socket holds
}


class Hostile:
    def __init__(self, path, kind):
        self.kind, self.socket, self.gone_after, self.queued = kind, dial(path), None, 0
        self.since = time.monotonic()  # its first byte; of one that reads nothing: the last byte that it was sent
        self.socket.send(HOSTILE[kind][0])

    def dawdle(self):
        """One byte more, of what never ends."""
        if self.kind != "unread" and self.gone_after is None:
            try:
                self.socket.send(b"x", socket.MSG_DONTWAIT)
            except OSError:
                pass

    def look(self):
        """Whether it is gone; what came on the wire is read only where that says nothing else."""
        if self.gone_after is None and self.kind == "unread":
            queued = struct.unpack("i", fcntl.ioctl(self.socket, termios.FIONREAD, bytes(4)))[0]
            self.since = time.monotonic() if queued != self.queued else self.since
            self.queued = queued
        if self.gone_after is None and gone(self.socket, self.kind == "unread"):
            self.gone_after = time.monotonic() - self.since
        return self.gone_after is not None


def gone(one, unread):
    try:
        if unread:  # a peek: to read would be to take the answer after all
            poll = select.poll()
            poll.register(one, select.POLLHUP)
            return any(event & (select.POLLHUP | select.POLLERR) for _, event in poll.poll(0))
        one.setblocking(False)
        return one.recv(65536) == b"" or gone(one, unread)
    except BlockingIOError:
        return False
    except OSError:
        return True


class Normal:
    """The other clients: what `weir load` asks, at a rate; the first time at the most there is."""

    def __init__(self, path):
        self.path, self.rate = path, 0
        self.rate = 0.5 * self.ask(3)["decisions_per_s"]

    def begin(self, seconds):
        how = ["--rate", f"{self.rate:.0f}", "--connections", "64"] if self.rate else ["--connections", "64", "--outstanding", "4"]
        return subprocess.Popen([WEIR, "load", "--connect", "unix:" + self.path, "--for", f"{seconds}s", "--report", "json", *how],
                                stdout=subprocess.PIPE, text=True)

    def ask(self, seconds):
        return self.end(self.begin(seconds))

    def end(self, run):
        result = json.loads(run.communicate()[0])
        return result["run"] | {"unanswered": result["unanswered"]}


def crowd(check, n):
    """5,000 heads, 1,000 bodies and 1,000 who do not read, beside half of what the node can decide."""
    kinds = ["head" if i % 7 < 5 else "body" if i % 7 == 5 else "unread" for i in range(n)]
    with Served(WEIR, "--pack", CARDS, "--mode", "fast", "--connections", str(n + 200), "--retain-bytes", str(1 << 30)) as served:
        normal = Normal(served.socket)
        calm = normal.ask(5)
        memory = memory_of(served)
        hostile = [Hostile(served.socket, kind) for kind in kinds]
        pause = []
        helper = threading.Thread(target=lambda: pause.append(watch(hostile, 30, 0.5)))
        helper.start()
        run = normal.begin(4)
        time.sleep(2)
        peak = memory_of(served) - memory
        beside = normal.end(run)
        helper.join()
        before, during = calm["latency_us"]["p99"], beside["latency_us"]["p99"]
        gone_at = {kind: max((one.gone_after or 99 for one in hostile if one.kind == kind)) for kind in HOSTILE}
        bad, bad_before = [{code: count for code, count in run["statuses"].items() if code != "200"} for run in (beside, calm)]
        print(f"faults: {n} slow clients beside {normal.rate:,.0f}/s: P99 {before / 1000:.2f} ms before, {during / 1000:.2f} beside them "
              f"({during / before:.2f} times, bar 2), {bad or 'no'} failures of {sum(beside['statuses'].values()):,} ({bad_before or 'none'} before), {peak >> 20} MiB; "
              f"the last gone after " + ", ".join(f"{kind} {took:.1f} s" for kind, took in gone_at.items()))
        check.that(not bad and beside["lost"] == 0 and beside["unanswered"] == 0, "every other client gets its decisions", bad)
        for kind, (_, deadline) in HOSTILE.items():
            check.that(gone_at[kind] <= deadline + 1 + pause[0], f"{kind}: all are gone in time", (gone_at[kind], pause))
        check.that(peak <= 512 << 20, "what they hold is bounded", peak)
        if JUDGED:
            check.that(during <= 2 * before, "P99 of the others at most twice what it was", (before, during))
        check.that(served.stop() == 0, "it ends cleanly")
    for one in hostile:
        one.socket.close()


def unread(check):
    """Those who read nothing hold no more than is allowed of all of them together."""
    limit, n = 16 << 20, 200
    little = subprocess.run([WEIR, "serve", "--pack", CARDS, "--client-memory", str((1 << 20) - 1)], capture_output=True, text=True)
    check.that(little.returncode == 2 and "1048576 bytes or more" in little.stderr, "too little is refused", little.stderr)
    with Served(WEIR, "--pack", CARDS, "--mode", "fast", "--client-memory", str(limit)) as served:
        for _ in range(200):
            decide(served.socket)
        memory, most = memory_of(served), 0
        hostile = [Hostile(served.socket, "unread") for _ in range(n)]
        _, bad = latencies(served.socket, 1)
        grown = memory_of(served) - memory
        text = served.ask("GET", "/metrics")[2].splitlines()
        figures = {line.split()[0]: int(line.split()[1]) for line in text if line.startswith(("weir_client_bytes ", "weir_connections"))}
        most, closed = figures["weir_client_bytes"], figures["weir_connections_shed_total"]
        left = sum(not gone(one.socket, True) for one in hostile)
        print(f"faults: {n} who read nothing of {limit >> 20} MiB allowed to all: {most >> 10} KiB held, {closed} closed, {left} left, "
              f"memory {grown >> 20} MiB more")
        check.that(not bad, "every other client gets its decisions", bad[:3])
        check.that(0 < most <= limit, "they hold what they may", most)
        check.that(closed > n // 2 and closed + left == n, "the others are closed", (closed, left))
        check.that(grown <= 4 * limit, "and the memory is there again", grown)
        check.that('"event":"clients_shed"' in (served.folder / "log").read_text(), "it is told")
        check.that(served.stop() == 0, "it ends cleanly")
    for one in hostile:
        one.socket.close()


def watch(hostile, seconds, every=0.02):
    """Looks at them, and sends a byte a second, until all are gone; returns the longest pause between looks."""
    end, told, before, pause = time.monotonic() + seconds, 0.0, time.monotonic(), 0.0
    while time.monotonic() < end and not all([one.look() for one in hostile]):
        if time.monotonic() - told >= 1:
            told = time.monotonic()
            for one in hostile:
                one.dawdle()
        time.sleep(every)
        pause, before = max(pause, time.monotonic() - before), time.monotonic()
    return pause


def idle(check, n):
    """Connections that hold nothing: fresh ones, and some that have been answered."""
    with Served(WEIR, "--pack", CARDS, "--mode", "fast", "--connections", str(2 * n)) as served:
        for _ in range(150):  # fewer than make a young node save its state meanwhile
            decide(served.socket)
        for one in [dial(served.socket) for _ in range(8)]:  # the first buffers are not theirs
            one.close()
        memory, held = memory_of(served), []
        for i in range(n):
            held.append(dial(served.socket))
            if i % 2 == 0:
                held[-1].send(b"GET /health HTTP/1.1\r\nHost: w\r\n\r\n")
                check.that(b"200" in held[-1].recv(4096), "an idle connection was answered before") if i == 0 \
                    else held[-1].recv(4096)
        each = (memory_of(served) - memory) // n
        print(f"faults: {n} idle connections: {each} bytes of memory each (bar 4096)")
        check.that(each <= 4096, "an idle connection costs at most 4 KiB", each)
        check.that(decide(served.socket)[0] == 200, "beside them it decides")
        for one in held:
            one.close()
        check.that(served.stop() == 0, "it ends cleanly")


def share(check):
    """One address holds a tenth of the connections at most; another is answered beside it."""
    port, address = free_port(), "127.0.0.1"
    with Served(WEIR, "--pack", CARDS, "--mode", "fast", "--connections", "1000", "--listen", f"{address}:{port}") as served:
        held = [socket.create_connection((address, port)) for _ in range(130)]
        took = until(3, lambda: sum(gone(one, False) for one in held) >= 30)
        left = sum(not gone(one, False) for one in held)
        print(f"faults: one address holds {left} of 1,000 connections (bar a tenth)")
        check.that(took is not None and left == 100, "an address holds its tenth and no more", left)
        with socket.create_connection((address, port), source_address=("127.0.0.2", 0)) as other:
            other.send(b"GET /health HTTP/1.1\r\nHost: w\r\n\r\n")
            check.that(b"200 OK" in other.recv(4096), "another address is answered beside it")
        check.that(decide(served.socket)[0] == 200, "and a Unix socket too")
        for one in held:
            one.close()
        check.that(served.stop() == 0, "it ends cleanly")


def slow(check):
    n = int(os.environ.get("WEIR_SLOW_CLIENTS", "2000"))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = (7000 if JUDGED else n) + 300
    if hard != resource.RLIM_INFINITY and hard < wanted:
        n, wanted = min(n, hard - 300), hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    idle(check, n)
    share(check)
    if JUDGED:
        crowd(check, min(7000, hard - 300 if hard != resource.RLIM_INFINITY else 7000))
    with Served(WEIR, "--pack", CARDS, "--mode", "fast") as served:
        calm, _ = latencies(served.socket, 2)
        memory = memory_of(served)
        kinds = ["unread" if i % 10 == 9 else "head" if i % 2 == 0 else "body" for i in range(n)]
        hostile = [Hostile(served.socket, kind) for kind in kinds if kind != "unread"]
        grown = (memory_of(served) - memory) // len(hostile)
        hostile += [Hostile(served.socket, kind) for kind in kinds if kind == "unread"]
        pause = []
        helper = threading.Thread(target=lambda: pause.append(watch(hostile, 25)))
        helper.start()
        beside, bad = latencies(served.socket, 4)
        peak = memory_of(served) - memory
        helper.join()
        check.that(not bad, "beside them every other client gets its decisions", bad[:3])
        print(f"faults: {n} slow clients: p99 {calm * 1000:.2f} ms before, {beside * 1000:.2f} ms beside them "
              f"({beside / calm:.2f} times, bar 2 on a quiet machine), {grown} bytes of memory each, {peak >> 20} MiB "
              f"with those that read nothing")
        check.that(grown <= 24 * 1024, "each costs at most one buffer and 4 KiB", grown)
        check.that(peak <= 256 << 20, "those that do not read cost what is bounded", peak)
        for kind, (_, deadline) in HOSTILE.items():
            took = [one.gone_after for one in hostile if one.kind == kind]
            left = sum(one is None for one in took)
            worst = max([one for one in took if one is not None], default=0)
            print(f"faults:   {kind}: {len(took)} gone after {worst:.2f} s at most, deadline {deadline} s and one; "
                  f"looked at every {pause[0]:.2f} s at least")
            check.that(left == 0 and worst <= deadline + 1 + pause[0],
                       f"{kind}: all are gone within the deadline and a second", (left, worst))
            check.that(not took or min(one or 99 for one in took) >= deadline - 1.5,
                       f"{kind}: and not much before it", min(one or 99 for one in took))
        check.that(served.stop() == 0, "it ends cleanly")
    for one in hostile:
        one.socket.close()


def main():
    check = Checks("faults")
    parts = {"full": full, "eio": eio, "descriptors": descriptors, "unread": unread, "slow": slow}
    for name in sys.argv[2:] or parts:
        parts[name](check)
    return check.end()


sys.exit(main())
