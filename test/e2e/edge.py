#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""risk-control.wasm under the real WasmEdge 0.14.1, beside the native server.

    edge.py WEIR SHARED        (the modules are built and WasmEdge is installed by ./dev edge)

The same events with labels give the same decision documents, byte for byte, and the same state; the
journal it writes verifies and replays natively with no difference; killed, it has lost nothing that
it acknowledged; it drains over HTTP; DECISION_TIMEOUT holds for a pack that is slow. Exit code 77,
and loudly, where WasmEdge cannot be installed.
"""
import csv
import gzip
import heapq
import itertools
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
from served import Checks  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent.parent
CARDS = ROOT / "packs" / "cards"
WASM = ROOT / "build" / "wasm" / "risk-control.wasm"
DAY = 86400
START_MS = 1522540800000  # of the Handbook's seconds: 2018-04-01
SLOW_POLICY = """package risk

import rego.v1

reasons := []

allow if count([1 | some i in numbers.range(1, 60000); some j in [1, 2]; i * j > 0]) > 0
"""


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


class Client:
    """Pipelines requests over one connection and reads whole answers."""

    def __init__(self, port, timeout=60):
        self.sock = socket.create_connection(("127.0.0.1", port), timeout)
        self.rest = b""

    def send(self, *requests):
        data = b""
        for method, path, body in requests:
            body = body.encode()
            data += b"%s %s HTTP/1.1\r\nHost: w\r\nContent-Length: %d\r\n\r\n%s" % (
                method.encode(), path.encode(), len(body), body)
        self.sock.sendall(data)

    def read(self):
        while b"\r\n\r\n" not in self.rest:
            self.more()
        head, _, rest = self.rest.partition(b"\r\n\r\n")
        size = next(int(line.split(b":")[1]) for line in head.split(b"\r\n")
                    if line.lower().startswith(b"content-length:"))
        self.rest = rest
        while len(self.rest) < size:
            self.more()
        body, self.rest = self.rest[:size], self.rest[size:]
        return int(head.split()[1]), head, body

    def more(self):
        data = self.sock.recv(1 << 16)
        if not data:
            raise ConnectionError("the server has closed the connection")
        self.rest += data

    def ask(self, method, path, body=""):
        self.send((method, path, body))
        return self.read()


class Node:
    """A server on a state directory: native, or the module under WasmEdge."""

    def __init__(self, command, state, pack, *, timeout=None, clock="events", mode="fast"):
        self.command, self.port = command, free_port()
        self.settings = {"WEIR_STATE": str(state), "WEIR_PACK": str(pack), "WEIR_MODE": mode,
                         "WEIR_CLOCK": clock, "WEIR_LISTEN": f"127.0.0.1:{self.port}"}
        if timeout:
            self.settings["DECISION_TIMEOUT"] = timeout
        self.log = open(f"{state}.log", "ab")

    def spawn(self):
        settings = self.settings
        if self.command[0].endswith("wasmedge"):
            command = [self.command[0], "--dir", "/:/"]
            for name, value in settings.items():
                command += ["--env", f"{name}={value}"]
            command += self.command[1:]
        else:
            command = self.command
        self.process = subprocess.Popen(command, env={**os.environ, **settings}, stdout=self.log,
                                        stderr=self.log)

    def refused(self):
        """For one that must not serve: its exit code, and what it said."""
        self.spawn()
        try:
            code = self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.kill()
            code = 0
        return code, Path(self.log.name).read_text()

    def start(self, pause=0.01):
        self.spawn()
        for _ in range(int(30 / pause)):
            try:
                return Client(self.port)
            except OSError:
                if self.process.poll() is not None:
                    break
                time.sleep(pause)
        sys.exit("edge: the server did not start:\n" + Path(self.log.name).read_text())

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def drain(self):
        Client(self.port).ask("POST", "/drain")
        return self.process.wait(30)


def event(row):
    return json.dumps({"transaction": {"id": row["TRANSACTION_ID"],
                                       "time": START_MS + 1000 * int(row["TX_TIME_SECONDS"]),
                                       "amount": float(row["TX_AMOUNT"]),
                                       "terminal_id": row["TERMINAL_ID"]},
                       "user": {"id": row["CUSTOMER_ID"]}})


def rows(weir, shared, wanted):
    """The transactions of some customers over months, so that labels come due; and those of all
    within hours, so that ids are remembered."""
    files = sorted(Path(shared, "data").glob("handbook-transactions-*.csv.gz"))
    if files:
        with gzip.open(files[0], "rt", newline="") as lines:
            table = list(itertools.islice(csv.DictReader(lines), 1300000))
        return [row for row in table if int(row["CUSTOMER_ID"]) % 120 == 0][:wanted], table[:1000]
    print(f"edge: simulated rows: {shared}/data has no handbook-transactions-*.csv.gz")
    text = subprocess.run([weir, "simulate", "--days", "60", "--customers", "90", "--format", "csv"],
                          stdout=subprocess.PIPE, check=True, text=True).stdout
    table = list(csv.DictReader(text.splitlines()))
    return table[:wanted], [row for row in table if int(row["TX_TIME_SECONDS"]) < DAY]


def requests_of(table):
    """Decisions in order of time, each label seven days after its event."""
    due = []
    for row in table:
        now = int(row["TX_TIME_SECONDS"])
        while due and due[0][0] <= now:
            _, name, fraud = heapq.heappop(due)
            yield "POST", "/v1/labels", json.dumps({"id": name, "label": {"fraud": fraud}})
        yield "POST", "/v1/decisions?features", event(row)
        heapq.heappush(due, (now + 7 * DAY, row["TRANSACTION_ID"], row["TX_FRAUD"] == "1"))


def drive(client, requests):
    """One at a time, in order: a node that is short of time may turn a request away (503), after
    which nothing has happened and it is asked again."""
    answers = []
    for request in requests:
        status, _, body = client.ask(*request)
        while status == 503:
            time.sleep(0.05)
            status, _, body = client.ask(*request)
        answers.append((status, body))
    return answers


def patient(folder):
    """packs/cards without haste: on a busy machine a late decision would be a fallback."""
    pack = folder / "cards"
    shutil.copytree(CARDS, pack)
    text = (pack / "weir.yaml").read_text()
    assert "  deadline: 50ms\n" in text
    (pack / "weir.yaml").write_text(text.replace("  deadline: 50ms\n", "  deadline: 1h\n"))
    return pack


def parity(check, folder, weir, wasmedge, table):
    """One state directory made natively, copied: the same node, keys and epochs on both sides."""
    pack = patient(folder)
    first = Node([weir, "serve"], folder / "first", pack)
    first.start()
    first.drain()
    native = Node([weir, "serve"], folder / "native", pack)
    module = Node([wasmedge, str(WASM)], folder / "module", pack)
    states, answers = [], []
    for node in (native, module):
        shutil.copytree(folder / "first", node.settings["WEIR_STATE"])
        client = node.start()
        answers.append(drive(client, requests_of(table)))
        states.append(client.ask("GET", "/v1/state")[::2])
        check.that(node.drain() == 0, "it drains over HTTP and ends with 0")
    n_decisions = sum(b'"decision_id"' in body for _, body in answers[0])
    check.that(n_decisions == len(table) and all(status == 200 for status, _ in answers[0]),
               "every event is decided", n_decisions)
    differing = [pair for pair in zip(*answers) if pair[0] != pair[1]]
    check.that(len(answers[0]) == len(answers[1]) and not differing,
               f"{n_decisions} decisions with features, and "
               f"{len(answers[0]) - n_decisions} labels are the same bytes", differing[:1])
    check.that(states[0] == states[1] and b"digest" in states[0][1], "so is the state", states)
    verify = subprocess.run([weir, "journal", "verify", str(folder / "module")],
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    check.that(verify.returncode == 0, "its journal verifies natively", verify.stdout)
    replay = subprocess.run([weir, "replay", str(folder / "module"), "--report", "json"],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    check.that(replay.returncode == 0, "and replays natively with no difference",
               replay.stdout + replay.stderr)
    print(f"edge: {n_decisions} decisions, {len(answers[0]) - n_decisions} labels: equal bytes")


def rivals(check, folder, weir, wasmedge, table):
    """Segments, fallbacks, challengers: all but the numbers in ids is the same, scores in shadow too."""
    pack = folder / "rivals"
    shutil.copytree(ROOT / "packs" / "rivals", pack)
    text = (pack / "weir.yaml").read_text()
    assert "  deadline: 50ms\n" in text
    (pack / "weir.yaml").write_text(text.replace("  deadline: 50ms\n", "  deadline: 1h\n"))
    answers, told = {}, {}
    for name, command in (("native", [weir, "serve"]), ("module", [wasmedge, str(WASM)])):
        state = folder / f"rivals-{name}"
        node = Node(command, state, pack)
        client = node.start()
        answers[name] = [(status, re.sub(rb'"(decision|label)_id":"[^"]*"', b"", body))
                         for status, body in drive(client, requests_of(table))]
        client.sock.close()
        check.that(node.drain() == 0, f"{name}: drained with challengers")
        told[name] = json.loads(subprocess.run(
            [weir, "journal", "challengers", str(state), "--report", "json"],
            stdout=subprocess.PIPE, check=True).stdout)
        replay = subprocess.run([weir, "replay", str(state), "--report", "json"],
                                stdout=subprocess.PIPE, check=False)
        again = json.loads(replay.stdout)
        check.that(replay.returncode == 0 and again["shadow"]["entries"] > 0 and
                   again["shadow"]["differ"] == 0, f"{name}: scores in shadow replay", again)
    check.that(answers["native"] == answers["module"], "the same answers with challengers")
    check.that(told["native"] == told["module"] and told["module"]["scored"] == len(table),
               "the same scores in shadow", told)


def killed(check, folder, wasmedge, table):
    """Killed again and again under load, and asked for everything that it had acknowledged."""
    node = Node([wasmedge, str(WASM)], folder / "killed", CARDS)
    acknowledged, sent = {}, []
    for at in range(0, min(len(table), 640), 160):
        client = node.start()
        for first in range(at, at + 160, 4):
            batch = table[first:first + 4]
            client.send(*[("POST", "/v1/decisions", event(row)) for row in batch])
            sent += batch
            for row in batch if first + 4 < at + 160 else []:  # the last are under way
                status, _, body = client.read()
                if status == 200:
                    acknowledged[row["TRANSACTION_ID"]] = body
        node.kill()
    client = node.start()
    wrong = 0
    for row in sent:
        status = 503  # of a machine that has no time for it: nothing has happened
        while status == 503:
            status, head, body = client.ask("POST", "/v1/decisions", event(row))
        first = acknowledged.get(row["TRANSACTION_ID"])
        wrong += first is not None and (body != first or b"Weir-Replayed" not in head)
    check.that(wrong == 0 and len(acknowledged) > len(sent) // 2,
               "killed again and again, nothing acknowledged is lost or changed",
               (wrong, len(acknowledged), len(sent)))
    second = Node([wasmedge, str(WASM)], folder / "second", CARDS)
    second.settings["WEIR_STATE"] = f"{folder}/./killed/"  # the same directory by another path
    code, told = second.refused()
    check.that(code != 0 and "another process owns the state directory" in told,
               "a second process is kept from the state directory", (code, told))
    print(f"edge: killed {len(sent) // 160} times: {len(acknowledged)} acknowledged, {wrong} lost")
    node.drain()


def hurried(check, folder, wasmedge):
    """A pack whose evaluation takes longer than DECISION_TIMEOUT: what waits gets the fallback."""
    pack = folder / "slow"
    shutil.copytree(CARDS, pack, ignore=shutil.ignore_patterns("*.rego", "tests"))
    (pack / "risk.rego").write_text(SLOW_POLICY)
    shutil.copy(CARDS / "derive.rego", pack)
    weir_yaml = pack / "weir.yaml"
    weir_yaml.write_text(weir_yaml.read_text().replace("  package: risk\n",
                                                       "  package: risk\n  fuel: 50000000\n"))
    node = Node([wasmedge, str(WASM)], folder / "hurried", pack, timeout="50ms", clock="wall")
    one, two = node.start(), None
    now = int(time.time() * 1000)
    bodies = [json.dumps({"transaction": {"id": f"slow-{i}", "time": now, "amount": 10,
                                          "terminal_id": "1"}, "user": {"id": "1"}})
              for i in range(2)]
    two = Client(node.port)
    two.ask("GET", "/health")
    began = time.monotonic()
    one.send(("POST", "/v1/decisions", bodies[0]))
    time.sleep(0.02)
    two.send(("POST", "/v1/decisions", bodies[1]))
    one.read()
    batch = time.monotonic() - began
    _, _, answer = two.read()
    whole = time.monotonic() - began
    document = json.loads(answer)
    check.that(batch > 0.1, "the pack is slow", batch)
    check.that(document["outcome"] == "review" and document["degraded"],
               "what had waited too long got the pack's fallback, and says so", document)
    check.that(whole < batch + 0.05, "within 50 ms and one batch", (batch, whole))
    node.drain()


def main():
    weir, shared = sys.argv[1], sys.argv[2]
    wasmedge = ROOT / "build" / "wasmedge" / "bin" / "wasmedge"
    if not WASM.is_file() or not wasmedge.is_file():
        print("edge: SKIPPED: WasmEdge or the modules are not here: run ./dev edge, which needs "
              "Debian's archive")
        return 77
    check = Checks("edge")
    folder = Path(tempfile.mkdtemp(prefix="weir-edge-"))
    try:
        months, hours = rows(weir, shared, 10000)
        parity(check, folder, weir, str(wasmedge), months)
        rivals(check, folder, weir, str(wasmedge), months[:600])
        killed(check, folder, str(wasmedge), hours)
        hurried(check, folder, str(wasmedge))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return check.end()


if __name__ == "__main__":
    sys.exit(main())
