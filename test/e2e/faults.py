# SPDX-License-Identifier: Apache-2.0
"""The real binary on a full disk, with a sync that fails, without descriptors, with clients that
dawdle. What needs a tool or a right that is not there is skipped with a word.

  faults.py WEIR [NAME...]    full, eio, descriptors, slow
"""
import http.client
import json
import os
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from served import Checks, Served, UnixConnection

ROOT = Path(__file__).resolve().parents[2]
CARDS = str(ROOT / "packs" / "cards")
WEIR = sys.argv[1]
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


def health(path):
    connection = UnixConnection(path)
    connection.request("GET", "/health?ready")
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
    finally:
        subprocess.run(["umount", mount], check=False)


def fill_up(check, mount, mode):
    state, ballast = f"{mount}/{mode}", Path(mount, "ballast")
    with Served(WEIR, "--pack", CARDS, "--state", state, "--mode", mode) as served:
        told = [decide(served.socket) for _ in range(50)]
        check.that(all(status == 200 for status, _ in told), f"{mode}: it decides", told[-1])
        with open(ballast, "wb") as file:
            try:
                while file.write(b"x" * 65536):
                    file.flush()
            except OSError:
                pass
        while told[-1][0] == 200 and len(told) < 20000:
            told.append(decide(served.socket))
        since = time.monotonic()
        status, document = health(served.socket)
        check.that(status == 503 and document["journal"] == "full", f"{mode}: the state is full, and told", document)
        check.that(time.monotonic() - since < 0.5, f"{mode}: at once")
        status, code = decide(served.socket)
        check.that(status == 503 and code == "journal", f"{mode}: nothing is decided", (status, code))
        os.remove(ballast)
        took = until(5, lambda: health(served.socket)[0] == 200)
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
        trace.terminate()  # it counts by thread: a new one would see its third sync fail too
        trace.wait(10)
        check.that(told[-1][0] in (0, 503), "an answer whose sync failed does not leave", told[-1])
        took = until(10, lambda: health(served.socket)[0] == 200)
        check.that(took is not None and took < 5, "it recovers in a new segment", took)
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
        check.that(took is not None and took < 1.5, "it decides as soon as there is one again", took)
        check.that(served.stop() == 0, "it ends cleanly")


# ── clients that dawdle ──────────────────────────────────────────────────────────────────────────
def latencies(path, seconds):
    connection, found, bad = UnixConnection(path), [], 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        start = time.monotonic()
        connection.request("POST", "/v1/decisions", json.dumps(event()))
        answer = connection.getresponse()
        answer.read()
        bad += answer.status != 200
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


def slow(check):
    n = int(os.environ.get("WEIR_SLOW_CLIENTS", "2000"))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = n + 200
    if hard != resource.RLIM_INFINITY and hard < wanted:
        n = hard - 200
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, n + 200), hard))
    with Served(WEIR, "--pack", CARDS, "--mode", "fast") as served:
        calm, _ = latencies(served.socket, 2)
        memory = int(Path(f"/proc/{served.process.pid}/statm").read_text().split()[1]) * 4096
        hostile = []
        for i in range(n):
            one = dial(served.socket)
            if i % 2 == 0:
                one.send(b"POST /v1/decisions HTTP/1.1\r\nHo")
            else:
                one.send(b"POST /v1/decisions HTTP/1.1\r\nHost: w\r\nContent-Length: 500\r\n\r\n{")
            hostile.append(one)
        grown = int(Path(f"/proc/{served.process.pid}/statm").read_text().split()[1]) * 4096 - memory
        stop = threading.Event()

        def dawdle():
            while not stop.is_set():
                for one in hostile[::7]:
                    try:
                        one.send(b"x")
                    except OSError:
                        pass
                stop.wait(1)

        helper = threading.Thread(target=dawdle)
        helper.start()
        beside, bad = latencies(served.socket, 4)
        check.that(bad == 0, "beside them every other client gets its decisions", bad)
        print(f"faults: {n} slow clients: p99 {calm * 1000:.2f} ms before, {beside * 1000:.2f} ms beside them, "
              f"{grown // max(n, 1)} bytes of memory each")
        check.that(grown <= n * 24 * 1024, "each costs at most one buffer and 4 KiB", grown // max(n, 1))
        took = until(15, lambda: all(gone(one) for one in hostile))
        stop.set()
        helper.join()
        check.that(took is not None, "all of them are gone within their deadlines and a second", took)
        check.that(served.stop() == 0, "it ends cleanly")
    for one in hostile:
        one.close()


def gone(one):
    try:
        one.setblocking(False)
        return one.recv(65536) == b"" or gone(one)
    except BlockingIOError:
        return False
    except OSError:
        return True


def main():
    check = Checks("faults")
    wanted = sys.argv[2:] or ["full", "eio", "descriptors", "slow"]
    for name in wanted:
        {"full": full, "eio": eio, "descriptors": descriptors, "slow": slow}[name](check)
    return check.end()


sys.exit(main())
