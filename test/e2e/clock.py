#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The real binary while its wall clock steps by a millisecond, a second, an hour, a day, beyond
2038, or stands still, and started anew under a clock that is a day off.

    clock.py WEIR SHIM          SHIM: the library made of clock_shim.c

Callers' events keep true time. Decisions go on and count in their windows, no id is given twice, a
step is told once, timers run by the monotonic clock, the journal is in order of sequence.
"""
import os
import struct
import subprocess
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
from served import Checks, Served  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
WEIR, SHIM = sys.argv[1], sys.argv[2]
S = 10**9
DAY, HOUR = 86400 * S, 3600 * S
check = Checks("clock")


class Clock:
    def __init__(self, path):
        self.path = path
        self.set(0)

    def set(self, off, stands_at=0):
        """In place: the library has the file mapped."""
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        os.pwrite(fd, struct.pack("=qq", off, stands_at), 0)
        os.close(fd)


class Caller:
    def __init__(self, served):
        self.served, self.n, self.ids, self.began = served, 0, [], time.time()
        self.took = self.told = 0

    def event(self, name, at=None):
        return {"transaction": {"id": name, "time": int((at or time.time()) * 1000), "amount": 12.5,
                                "terminal_id": "7"}, "user": {"id": "one"}}

    def decide(self, what):
        """One decision of the customer `one`: it counts all those before it."""
        at = time.time() if self.ids else self.began
        begun = time.monotonic_ns()
        status, headers, d = self.served.ask("POST", "/v1/decisions?features=true",
                                             self.event(f"c{len(self.ids)}", at))
        took = time.monotonic_ns() - begun
        check.that(status == 200, f"{what}: a decision", (status, d))
        if status != 200:
            return
        self.n += 1
        self.ids.append(d["decision_id"])
        counted = find(d, "customer_id_nb_tx_1day_window")
        check.that(counted == self.n, f"{what}: its window holds {self.n}", counted)
        self.took += took
        self.told += int(headers["Weir-Elapsed-Us"]) * 1000


def find(document, name):
    if isinstance(document, dict):
        if name in document:
            return document[name]
        document = list(document.values())
    if isinstance(document, list):
        for value in document:
            found = find(value, name)
            if found is not None:
                return found
    return None


def steps_of(served):
    for line in served.ask("GET", "/metrics")[2].splitlines():
        if line.startswith("weir_clock_steps_total "):
            return int(line.split()[1])
    return None


def step(served, clock, caller):
    told = 0
    now = time.time_ns()
    cases = [(f"{sign}{name}", (1 if sign == "+" else -1) * ns, 0)
             for name, ns in (("1 ms", 10**6), ("1 s", S + 10**8), ("1 h", HOUR), ("1 day", DAY))
             for sign in "+-"]
    cases += [("2038", 2147483648 * S - now, 0), ("1970", S - now, 0),
              ("stands still", 0, now - 3 * S)]
    for name, off, stands_at in cases:
        clock.set(off, stands_at)
        for _ in range(3):
            caller.decide(name)
        told += abs(off) > S or stands_at != 0
        check.that(steps_of(served) == told, f"{name}: {told} steps are told", steps_of(served))
        status, _, d = served.ask("POST", "/v1/decisions", caller.event("future", time.time() + 90))
        check.that((status, d.get("code")) == (422, "future"), f"{name}: 90 s ahead is future", d)
        clock.set(0)
        caller.decide(f"{name}, back")
        check.that(steps_of(served) == told, f"{name}: the way back is none", steps_of(served))


def sleep_through(clock, served, caller):
    """The loop's timers are monotonic: an answer that is due is not kept by a step."""
    for off in (DAY, -DAY):
        clock.set(off)
        begun = time.monotonic()
        for _ in range(20):
            caller.decide("timers")
        took = time.monotonic() - begun
        check.that(took < 5, f"20 decisions after a step of {off // S} s", took)
        clock.set(0)


def start_anew(served, clock, caller, off, what):
    """Then the new clock is the one that counts: a day ahead the ids of a day ago are forgotten
    (ids_age), a day behind true time lies in the future; nothing is mended by guessing."""
    served.stop()
    clock.set(off)
    served.start()
    for _ in range(500):
        if served.ask("GET", "/health?ready")[0] == 200:
            break
        time.sleep(0.01)
    first = caller.event("c0", caller.began)
    status, headers, d = served.ask("POST", "/v1/decisions", first)
    if off < 0:
        check.that((status, d.get("code")) == (422, "future"), f"{what}: refused", (status, d))
        return
    replayed = headers.get("Weir-Replayed") == "true"
    check.that((status, replayed) == (200, off == 0), f"{what}: an old id", (status, headers))
    caller.n += not replayed
    for _ in range(3):
        caller.decide(what)


def sequence_of(decision_id):
    return int(decision_id.rsplit("-", 1)[1])


def main():
    env = dict(os.environ)
    served = Served(WEIR, "--pack", str(ROOT / "packs" / "cards"), "--mode", "durable")
    clock = Clock(str(served.folder / "clock"))
    os.environ.update(LD_PRELOAD=SHIM, CLOCK_SHIM=clock.path)
    with served:
        os.environ.pop("LD_PRELOAD")
        if Path(SHIM).name not in Path(f"/proc/{served.process.pid}/maps").read_text():
            print("clock: a static program takes no other clock")
            return 77
        caller = Caller(served)
        step(served, clock, caller)
        sleep_through(clock, served, caller)
        for off, what in ((DAY, "started a day ahead"), (-DAY, "started a day behind"),
                          (0, "started on time")):
            os.environ["LD_PRELOAD"] = SHIM
            start_anew(served, clock, caller, off, what)
            os.environ.pop("LD_PRELOAD")
        # a request counts from the poll before it came, which may be a little sooner
        check.that(0 < caller.told < 3 * caller.took, "the times they took, in all",
                   (caller.told, caller.took))
        check.that(len(set(caller.ids)) == len(caller.ids), "no id is given twice", caller.ids)
        order = [sequence_of(i) for i in caller.ids]
        check.that(order == sorted(order), "ids in order of sequence", order)
        served.stop()
        done = subprocess.run([WEIR, "journal", "verify", str(served.folder / "state")],
                              env=env, capture_output=True, text=True, check=False)
        check.that(done.returncode == 0, "the journal is whole", done.stdout + done.stderr)
    return check.end()


if __name__ == "__main__":
    sys.exit(main())
