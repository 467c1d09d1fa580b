# SPDX-License-Identifier: Apache-2.0
"""Twenty nodes, one Redis, cards that roam: nodes are killed, Redis is killed, paused and cut off, and
callers who get no answer ask the next node with the same id. Afterwards the journals are reconciled.

    fleet.py WEIR [SECONDS RATE KILL_EVERY]     (WEIR_TEST_ALL=1: ten minutes, 2,000 a second)
"""
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from redis import PACK, Node, all_written, at, figures, settled, until
from redis_world import Proxy, Redis, Watch
from served import Checks

NODES, CALLERS, CARDS, CUT_OFF = 20, 32, 1500, 3


class Caller(threading.Thread):
    """Sends at its own pace; what gets no answer goes to the next node, with the same id and body."""

    def __init__(self, number, fleet, rate):
        super().__init__(daemon=True)
        self.number, self.fleet, self.rate = number, fleet, rate
        self.links, self.dice = {}, random.Random(number)
        self.sent, self.answered, self.again, self.times = 0, 0, set(), []
        self.open = None  # the node that this caller waits for now
        self.start()

    def ask(self, node, request):
        link = self.links.pop(node, None)
        if link is None:
            link = socket.socket(socket.AF_UNIX)
            link.settimeout(2)
            link.connect(self.fleet.nodes[node].socket)
        link.sendall(request)
        answer = b""
        while b"\r\n\r\n" not in answer:
            piece = link.recv(65536)
            if not piece:
                raise OSError("closed")
            answer += piece
        head, _, body = answer.partition(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        while len(body) < length:
            piece = link.recv(65536)
            if not piece:
                raise OSError("closed")
            body += piece
        self.links[node] = link
        return head.startswith(b"HTTP/1.1 200")

    def once(self):
        self.sent += 1
        serial = f"{self.number}-{self.sent}"
        event = json.dumps({"transaction": {"id": serial, "time": int(time.time() * 1000),
                                            "amount": self.dice.randint(1, 300)},
                            "card": {"token": f"c{int(CARDS * self.dice.random() ** 2)}"}})
        request = (f"POST /v1/decisions HTTP/1.1\r\nHost: w\r\nContent-Length: {len(event)}\r\n\r\n"
                   f"{event}").encode()
        node, began = self.dice.randrange(NODES), time.monotonic()
        while time.monotonic() - began < 8:
            self.open = node
            try:
                if self.ask(node, request):
                    self.answered += 1
                    self.times.append(time.monotonic() - began)
                    break
            except OSError:
                pass
            self.again.add(serial)
            node = (node + 1) % NODES
        self.open = None

    def run(self):
        due = time.monotonic() + self.number / CALLERS / self.rate
        while self.fleet.going:
            due += 1 / self.rate
            wait = due - time.monotonic()
            if wait > 0:
                time.sleep(wait)
            self.once()


class Fleet:
    def __init__(self, weir, folder):
        key = Path(folder, "fleet.key")
        key.write_text("the secret of this fleet\n")
        self.redis, self.going = Redis(folder), True
        self.proxies = [Proxy(self.redis.port) for _ in range(CUT_OFF)]
        ports = [p.port for p in self.proxies] + [self.redis.port] * (NODES - CUT_OFF)
        self.nodes = [Node(weir, str(key), *at(port), "--snapshot-rows", "150").start() for port in ports]
        self.kills = 0

    def kill_one(self, dice):
        node = self.nodes[dice.randrange(NODES)]
        node.stop(signal.SIGKILL)
        self.kills += 1
        time.sleep(0.3)
        node.start()

    def trouble_redis(self, which):
        if which == 0:
            self.redis.kill()
            time.sleep(1)
            self.redis.start()
        elif which == 1:
            self.redis.signal(signal.SIGSTOP)
            time.sleep(1)
            self.redis.signal(signal.SIGCONT)
        else:
            for proxy in self.proxies:
                proxy.set("stall")
            time.sleep(1.5)
            for proxy in self.proxies:
                proxy.set("pass")

    def close(self):
        for node in self.nodes:
            node.stop()
            shutil.rmtree(node.folder, ignore_errors=True)
        for proxy in self.proxies:
            proxy.close()
        self.redis.stop()


def run_troubles(fleet, seconds, kill_every):
    """Kills at their pace, and three troubles of Redis in turn between them."""
    dice, began, which = random.Random(7), time.monotonic(), 0
    next_kill, next_redis = began + kill_every, began + kill_every * 1.5
    while time.monotonic() - began < seconds:
        now = time.monotonic()
        if now >= next_kill:
            next_kill += kill_every
            fleet.kill_one(dice)
        elif now >= next_redis:
            next_redis += max(kill_every * 2, 3)
            fleet.trouble_redis(which % 3)
            which += 1
        else:
            time.sleep(0.02)
    return which


def check_tiles(fleet, check, report):
    """The tiles of the day, node by node: all that its journal holds, written before or after."""
    by_series = {}
    for (series, _), tiles in fleet.redis.tiles().items():
        for (node, _, slot), events in tiles.items():
            sums = by_series.setdefault(series, {"slots": set(), "nodes": {}})
            sums["slots"].add(slot)
            sums["nodes"][node] = sums["nodes"].get(node, 0) + events
    day = min(by_series.values(), key=lambda s: max(s["slots"]))  # the longest slots have the least numbers
    wrong = []
    for node in report["nodes"]:
        written = day["nodes"].get(int(node["node"], 16), 0)
        if written != node["decisions"] - node["dropped"]:
            wrong.append((node["node"], written, node["decisions"], node["dropped"]))
    check.that(not wrong, "the tiles of each node are what its journal holds, less what it dropped", wrong)


def percentile(values, share):
    return sorted(values)[min(int(len(values) * share), len(values) - 1)] * 1000 if values else 0


def main():
    weir, check = sys.argv[1], Checks("fleet")
    if shutil.which("redis-server") is None:
        print("skipped: no redis-server")
        return 77
    seconds, rate, kill_every = (600, 2000, 10) if os.environ.get("WEIR_TEST_ALL") else (12, 600, 1.5)
    if len(sys.argv) > 2:
        seconds, rate, kill_every = float(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4])
    with tempfile.TemporaryDirectory() as folder:
        fleet = Fleet(weir, folder)
        try:
            until(lambda: all(figures(n)["up"] == 1 for n in fleet.nodes), 20)
            for node in fleet.nodes:  # the first decision of a process is slow: its pages are new
                for i in range(20):
                    node.decide({"transaction": {"id": f"w{i}-{node.socket}", "amount": 1}, "card": {"token": f"w{i}"}})
            watch = Watch(0.01)
            callers = [Caller(i, fleet, rate / CALLERS) for i in range(CALLERS)]
            began = time.monotonic()
            troubles = run_troubles(fleet, seconds, kill_every)
            fleet.going = False
            for caller in callers:
                caller.join(20)
            took = time.monotonic() - began
            gaps = watch.stop()
            healed = until(lambda: all(settled(n) for n in fleet.nodes), 60)
            check.that(healed is not None, "all nodes find Redis again and write what waits")
            told = [figures(n) for n in fleet.nodes]
            sent, answered = sum(c.sent for c in callers), sum(c.answered for c in callers)
            times = [t for c in callers for t in c.times]
            slow = sum(t > 0.05 for t in times)
            check.that(answered >= sent * 0.9999, "99.99 % of all decisions are answered", f"{answered} of {sent}")
            check.that(any('"restored"' in n.log_text() for n in fleet.nodes), "some started from a snapshot")
            for node in fleet.nodes:
                node.stop()
            states = [str(n.folder / "state") for n in fleet.nodes]
            done = subprocess.run([weir, "reconcile", *states, "--pack", PACK, "--report", "json", "--show", "1000"],
                                  capture_output=True, text=True)
            check.that(done.returncode in (0, 1) and done.stdout, "the journals are reconciled", done.stderr)
            report = json.loads(done.stdout)
            twice, again = report["twice"], set().union(*(c.again for c in callers))
            check.that(twice["one_node"] == 0, "no id is counted twice on one node", twice)
            check.that(twice["two_nodes"] <= fleet.kills * CALLERS and
                       all(e["transaction_id"] in again for e in twice["examples"]),
                       "ids decided on two nodes are retries, and no more than kills x in flight", twice)
            check.that(report["with_id"] - twice["two_nodes"] >= answered and
                       sum(n["decisions"] for n in report["nodes"]) == report["decisions"],
                       "every answered id is in a journal", (report["decisions"], answered))
            check.that(report["changed"]["compared"] == report["decisions"] - twice["two_nodes"]
                       and report["changed"]["unread"] == 0, "every id is decided once more, over all nodes",
                       report["changed"]["compared"])
            for node, figure in zip(report["nodes"], told):
                node["dropped"] = figure["dropped_events_total"]
            check_tiles(fleet, check, report)
            lacked = sum(n["lacked_news"] for n in report["nodes"])
            print(f"  {NODES} nodes, {sent} decisions in {took:.0f} s ({sent / took:.0f}/s), {fleet.kills} kills, "
                  f"{troubles} troubles of Redis: {answered} answered ({100 * answered / sent:.4f} %), "
                  f"{len(again)} asked again, {twice['two_nodes']} ids on two nodes, {lacked} lacked news")
            print(f"  p50 {percentile(times, .5):.2f} ms, p99 {percentile(times, .99):.1f} ms, p999 "
                  f"{percentile(times, .999):.1f} ms; {100 * slow / max(len(times), 1):.3f} % above 50 ms, beside "
                  f"{sum(g > .05 for g in gaps)} gaps of the scheduler above 50 ms ({sum(gaps):.1f} s in gaps above "
                  f"10 ms, the longest {max(gaps, default=0) * 1000:.0f} ms)")
            print(f"  windows over all nodes would have changed {report['changed']['changed']} of "
                  f"{report['changed']['compared']} decisions; healed after {healed or -1:.1f} s")
        finally:
            fleet.close()
    return check.end()


if __name__ == "__main__":
    sys.exit(main())
