# SPDX-License-Identifier: Apache-2.0
"""What nodes share over Redis: right when all is well; and when Redis is killed, paused, cut off or
lying, every decision is answered all the same, the breaker opens and closes, and afterwards the
shared tiles are the sum of what the nodes saw, less what they say they dropped."""
import json
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from certs import authority, certificate, free_port
from redis_world import Liar, Proxy, Redis, Watch, honest, random_bytes
from served import Checks, Served, UnixConnection

ROOT = Path(__file__).resolve().parents[2]
PACK = str(ROOT / "packs" / "fleet")
serial = [0]


def event(card, amount=10):
    serial[0] += 1
    return {"transaction": {"id": f"r{serial[0]}", "time": int(time.time() * 1000), "amount": amount,
                            "online": serial[0] % 2 == 0}, "card": {"token": f"c{card}"}}


def figures(served):
    found = {}
    for line in served.ask("GET", "/metrics")[2].splitlines():
        if line.startswith(("weir_redis", "weir_sequence", "process_resident")) and "{" not in line:
            name, value = line.split()
            found[name.removeprefix("weir_redis_")] = float(value)
    return found


def waits(served):
    """Requests that were held back for Redis: how many, and how many of them for at most 5 ms."""
    found = {}
    for line in served.ask("GET", "/metrics")[2].splitlines():
        if line.startswith("weir_redis_wait_seconds_bucket"):
            found[line.split('"')[1]] = int(line.split()[1])
    return found["+Inf"], found["0.005"]


def until(holds, seconds=15):
    """How long it took; None when it did not come about."""
    start = time.monotonic()
    while time.monotonic() - start < seconds:
        if holds():
            return time.monotonic() - start
        time.sleep(0.02)
    return None


class Load(threading.Thread):
    """Decisions one after another on one connection, until told to stop."""

    def __init__(self, served, cards=50, pause=0.002):
        super().__init__(daemon=True)
        self.served, self.cards, self.pause = served, cards, pause
        self.sent, self.answered, self.elapsed, self.going = 0, 0, [], True
        self.start()

    def card(self):
        """Cards that come again, and every other time a new one."""
        return self.sent % self.cards if self.sent % 2 else f"new{self.sent}"

    def run(self):
        link = self.served.dial()
        while self.going:
            self.sent += 1
            link.request("POST", "/v1/decisions", json.dumps(event(self.card())))
            answer = link.getresponse()
            answer.read()
            self.answered += answer.status == 200
            self.elapsed.append(int(answer.getheader("Weir-Elapsed-Us", "0").strip()))
            time.sleep(self.pause)

    def stop(self):
        self.going = False
        self.join(20)
        ordered = sorted(self.elapsed)
        self.p50, self.p99, self.most = (ordered[len(ordered) // 2], ordered[len(ordered) * 99 // 100],
                                         ordered[-1]) if ordered else (0, 0, 0)
        return self


def patient_pack(folder):
    """packs/fleet without a deadline: on a busy machine it would decide some outcomes."""
    copy = Path(folder, "pack")
    Path(folder).mkdir(exist_ok=True)
    shutil.copytree(PACK, copy)
    text = (copy / "weir.yaml").read_text()
    assert "  deadline: 50ms\n" in text
    (copy / "weir.yaml").write_text(text.replace("  deadline: 50ms\n", ""))
    return str(copy)


class Node(Served):
    def __init__(self, weir, key, *options, pack=PACK):
        super().__init__(weir, "--pack", pack, "--mode", "fast", "--fleet-key", key, *options)

    def dial(self):
        return UnixConnection(self.socket, 20)

    def decide(self, body, features=False):
        """Status and document."""
        status, _, document = self.ask("POST", "/v1/decisions" + ("?features" if features else ""), body)
        return status, document

    def log_text(self):
        return (self.folder / "log").read_text()


def at(port):
    return ("--redis", f"127.0.0.1:{port}")


def is_up(node):
    return figures(node)["up"] == 1


def all_written(node):
    now = figures(node)
    return now["up"] == 1 and now["queue"] == 0 and now["in_flight"] == 0


def settled(node):
    return figures(node)["settling"] == 0 and all_written(node)


def features_of(answer):
    return answer[1]["features"]


def until_seen(decide, before):
    """Decides until what the others saw came in time and is all there, which on a busy machine it may not
    at once: the answer, and how many it took. `before`: events that the fleet has seen already."""
    for n in range(1, 200):
        found = decide()
        if found[1]["features"].get("fleet_count_10m", 0) >= before + n:
            break
        time.sleep(0.011)
    return found, n


def sharing(weir, key, folder, check):
    redis, pack = Redis(folder), patient_pack(folder)
    with Node(weir, key, *at(redis.port), pack=pack) as a, Node(weir, key, *at(redis.port), pack=pack) as b:
        check.that(until(lambda: is_up(a) and is_up(b)) is not None, "two nodes reach Redis")
        for i in range(39):
            (a, b)[i % 2].decide(event(1))
            until(lambda: all_written(a) and all_written(b), 2)
            time.sleep(0.011)  # what was fetched less than 10 ms ago is not fetched again
        answer, more = until_seen(lambda: b.decide(event(1), features=True), 39)
        found = features_of(answer)
        check.that(found.get("fleet_count_10m") == 39 + more and found["card_count_10m"] == 19 + more,
                   "forty events of a card on two nodes are forty on either", found)
        check.that(found["fleet_sum_1d"] == 10 * (39 + more), "and so is their sum", found)
        check.that(answer[1]["outcome"] == "decline", "and the policy sees it")
        items = [event(2) for _ in range(10)]
        body = json.dumps(items)
        status, _, _ = b.ask("POST", "/v1/decisions:batch?features", body)
        time.sleep(0.011)
        until(lambda: all_written(b), 2)
        link = a.dial()

        def in_chunks():
            link.request("POST", "/v1/decisions?features", iter([json.dumps(event(2)).encode()]),
                         {"Transfer-Encoding": "chunked"}, encode_chunked=True)
            got = link.getresponse()
            return got.status, json.loads(got.read())
        answer, more = until_seen(in_chunks, 10)
        found = features_of(answer)
        check.that(status == 200 and found.get("fleet_count_10m") == 10 + more,
                   "batches share, and bodies in chunks wait too", found)
        load = [Load(a, pause=0), Load(b, pause=0)]
        time.sleep(1.5)
        for one in load:
            one.stop()
        check.that(all(one.answered == one.sent for one in load), "all of a stream is answered")
        until(lambda: all_written(a) and all_written(b), 5)
        total = figures(a)["weir_sequence"] + figures(b)["weir_sequence"]
        check.that(all(n == total for n in redis.events().values()) and len(redis.events()) == 2,
                   "the tiles are the sum of both", (redis.events(), total))
        print(f"  two nodes, {sum(o.sent for o in load)} decisions in 1.5 s: p50 {load[0].p50} us, "
              f"p99 {load[0].p99} us, most {load[0].most} us")
        for node in (a, b):
            node.stop()
            done = subprocess.run([weir, "replay", str(node.folder / "state"), "--known", pack, "--report", "json"],
                                  capture_output=True, text=True)
            check.that(done.returncode == 0 and json.loads(done.stdout)["differ"] == 0 if done.stdout
                       else False, "a journal replays to the same bytes without Redis",
                       done.stdout[:300] + done.stderr[:300])
    redis.stop()


def trouble(weir, key, folder, check, name, begin, end, closes_by_itself=True):
    """A stream goes on through one kind of trouble."""
    redis = Redis(folder)
    proxy = Proxy(redis.port)
    with Node(weir, key, *at(proxy.port)) as a, Node(weir, key, *at(redis.port)) as b:
        until(lambda: is_up(a) and is_up(b))
        for i in range(50):  # both have seen all cards
            a.decide(event(i))
            b.decide(event(i))
        before = Load(a)
        time.sleep(0.5)
        before.stop()
        load, watch, began = Load(a), Watch(0.002), time.monotonic()
        time.sleep(0.1)
        begin(redis, proxy)
        opened = until(lambda: figures(a)["up"] == 0, 5)
        time.sleep(0.5)
        degraded = until(lambda: figures(a)["stale_total"] > 0, 10)
        load.stop()
        gaps = watch.stop()
        end(redis, proxy)
        closed = until(lambda: is_up(a), 10)
        check.that(load.answered == load.sent and load.sent > 20, f"{name}: every decision is answered",
                   f"{load.answered} of {load.sent}")
        check.that(opened is not None and degraded is not None, f"{name}: the breaker opens, decisions say so")
        check.that(closed is not None, f"{name}: it closes when Redis is back")
        until(lambda: is_up(b), 10)
        a.decide(event(1)), b.decide(event(1))
        until(lambda: settled(a) and settled(b), 10)
        told = [figures(a), figures(b)]
        total = sum(t["weir_sequence"] - t["dropped_events_total"] for t in told)
        sums = redis.events()
        check.that(len(sums) == 2 and all(n == total for n in sums.values()),
                   f"{name}: afterwards the tiles are the sum of all nodes less what was dropped",
                   (sums, told[0]["weir_sequence"], told[1]["weir_sequence"]))
        tries, (held, short) = figures(a)["connects_total"], waits(a)
        print(f"  {name}: opened after {opened or -1:.3f} s, closed {closed or -1:.3f} s after the end, "
              f"{tries:.0f} connections tried in {time.monotonic() - began:.1f} s; answered in us: before "
              f"p50 {before.p50} p99 {before.p99} most {before.most}, during p50 {load.p50} "
              f"p99 {load.p99} most {load.most}; {held} waited for Redis, {held - short} longer than 5 ms by the "
              f"node's clock, {sum(t > 5000 for t in load.elapsed)} answers took longer; {len(gaps)} gaps of the "
              f"scheduler above 2 ms, the longest {max(gaps, default=0) * 1000:.1f} ms")
    proxy.close()
    redis.stop()


def emptied(weir, key, folder, check):
    """A node is killed, Redis loses all without a connection being lost, the node starts from a snapshot."""
    redis = Redis(folder)
    more = ("--snapshot-rows", "40")
    with Node(weir, key, *at(redis.port), *more) as a, Node(weir, key, *at(redis.port), *more) as b:
        def sums_up(when):
            told = until(lambda: settled(a) and settled(b), 20) is not None and [figures(a), figures(b)]
            total = sum(t["weir_sequence"] - t["dropped_events_total"] for t in told or [])
            sums = redis.events()
            check.that(told and len(sums) == 2 and all(n == total for n in sums.values()),
                       f"{when}: the tiles are the sum of both nodes, each event once", (sums, total))
        until(lambda: is_up(a) and is_up(b))
        for cycle in range(3):
            load = [Load(a), Load(b)]
            time.sleep(0.6)
            for one in load:
                one.stop()
            if cycle == 0:
                sums_up("before")
            for i in range(5):
                a.decide(event(i))
            a.stop(signal.SIGKILL)
            if cycle != 1:
                redis.ask("FLUSHALL")
            a.start()
            until(lambda: is_up(a))
            for i in range(5):
                a.decide(event(i)), b.decide(event(i))
            if cycle != 1:
                until(lambda: b.log_text().count("redis_lost_tiles") > cycle // 2, 5)
            sums_up(("killed, and Redis emptied", "killed", "killed and emptied again")[cycle])
        check.that('"restored"' in a.log_text(), "it started from a snapshot")
        check.that(b.log_text().count("redis_lost_tiles") == 2, "who lives on sees that tiles have gone")
    redis.stop()


def killed(redis, proxy):
    redis.kill()


def started(redis, proxy):
    redis.start()


LIES = {
    "no protocol": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "a giant string": b"*2\r\n$10737418240\r\nxxxx",
    "a giant array": b"*1000000000\r\n",
    "arrays in arrays": b"*2\r\n" + b"*1\r\n" * 100000,
    "the wrong kind": b"+OK\r\n",
    "an integer": b":1\r\n",
    "nothing at all": b"$-1\r\n",
    "an odd number of items": b"*3\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n",
    "half an answer": b"*2\r\n$24\r\nabc",
    "too many answers": b"*0\r\n" * 1000,
    "a line without end": b"+" + b"a" * 100000,
    "loading": b"-LOADING Redis is loading the dataset in memory\r\n",
    "no rights": b"-NOPERM this user has no permissions\r\n",
    "no memory": b"-OOM command not allowed when used memory > 'maxmemory'.\r\n",
    "a reset": lambda words: None,
    "random bytes": lambda words: random_bytes(3000),
    "random tiles": lambda words: (b"*8\r\n" + b"".join(
        b"$%d\r\n%s\r\n" % (len(p), p) for p in [random_bytes(24), random_bytes(80)] * 4))
    if words[0] == b"HGETALL" else b":1\r\n",
    "long tiles": lambda words: (b"*2\r\n$4096\r\n%s\r\n$4096\r\n%s\r\n" % (b"x" * 4096, b"y" * 4096))
    if words[0] == b"HGETALL" else b":1\r\n",
    "many tiles": lambda words: (b"*32768\r\n" + b"$1\r\nx\r\n" * 32768)
    if words[0] == b"HGETALL" else b":1\r\n",
}


def lie(weir, key, check, names):
    liar = Liar()
    with Node(weir, key, *at(liar.port)) as node:
        for name in names:
            liar.answer = honest
            seen = until(lambda: all_written(node)) is not None
            liar.answer = LIES[name]
            before, asked = figures(node), liar.n_commands
            answers = [node.decide(event(i), features=True) for i in range(30)]
            after = figures(node)
            check.that(seen and all(a[0] == 200 for a in answers), f"lying with {name}: all are answered",
                       [a[0] for a in answers])
            told = sum(after[k] - before[k] for k in ("malformed_total", "errors_total", "bad_tiles_total",
                                                      "breaker_opened_total", "fetches_failed_total"))
            check.that(told > 0 and liar.n_commands > asked, f"lying with {name}: it is noticed", told)
            check.that(all(features_of(a).get("fleet_count_10m", 0) <= 200 for a in answers),
                       f"lying with {name}: nothing of it is counted")
        check.that(figures(node)["process_resident_memory_bytes"] < 400e6, "memory stays bounded")
    liar.close()


def lies(weir, key, check):
    names = list(LIES)
    with ThreadPoolExecutor(6) as pool:  # each lie ends a connection, and the next waits a second
        for done in [pool.submit(lie, weir, key, check, names[i::6]) for i in range(6)]:
            done.result()


def rights(weir, key, folder, check):
    password = Path(folder, "password")
    password.write_text("open sesame\n")
    redis = Redis(folder)
    redis.ask("ACL", "SETUSER", "weir", "on", ">open sesame", "~weir:*", "+hset", "+hgetall", "+pexpire",
              "+ping")
    redis.ask("ACL", "SETUSER", "default", "on", "nopass", "~*", "+@all")
    more = ("--redis-user", "weir", "--redis-password", str(password))
    with Node(weir, key, *at(redis.port), *more) as node:
        check.that(until(lambda: is_up(node)) is not None, "a user with four commands and one prefix is enough")
        node.decide(event(1))
        until(lambda: all_written(node), 5)
        told = figures(node)
        check.that(told["errors_total"] == 0 and set(redis.events().values()) == {1.0}, "and writes", told)
        users = {line.split(b" user=")[1].split()[0] for line in redis.ask("CLIENT", "LIST").splitlines()}
        check.that(b"weir" in users, "as that user", users)
    password.write_text("wrong\n")
    with Node(weir, key, *at(redis.port), *more) as node:
        check.that(node.decide(event(1))[0] == 200 and not is_up(node), "a wrong password: decisions go on")
        until(lambda: "redis_refuses" in node.log_text(), 5)
        check.that("redis_refuses" in node.log_text() and "WRONGPASS" in node.log_text(), "and the log says why")
    redis.stop()


def sealed(weir, key, folder, check):
    """TLS, and secrets that differ."""
    authority(folder, "ca")
    authority(folder, "stranger")
    certificate(folder, "ca", "redis", "DNS:redis.bank,IP:127.0.0.1")
    port = free_port()
    redis = Redis(folder, None, "--tls-port", str(port), "--tls-cert-file", f"{folder}/redis.crt",
                  "--tls-key-file", f"{folder}/redis.key", "--tls-ca-cert-file", f"{folder}/ca.crt",
                  "--tls-auth-clients", "no")
    secure = ("--redis", f"tls:127.0.0.1:{port}")
    cases = [(("--redis-ca", f"{folder}/ca.crt"), True, "by its address"),
             (("--redis-ca", f"{folder}/ca.crt", "--redis-name", "redis.bank"), True, "by its name"),
             (("--redis-ca", f"{folder}/ca.crt", "--redis-name", "other.bank"), False, "another name"),
             (("--redis-ca", f"{folder}/stranger.crt"), False, "another authority")]
    for options, good, name in cases:
        with Node(weir, key, *secure, *options) as node:
            up = until(lambda: is_up(node), 5 if good else 0.5) is not None
            answered = node.decide(event(1))[0] == 200
            written = until(lambda: all_written(node), 5) is not None if good else True
            check.that(up == good and answered and written, f"TLS: {name}", up)
    other = Path(folder, "other.key")
    other.write_text("another secret, as long\n")
    redis.ask("FLUSHALL")
    with Node(weir, key, *at(redis.port)) as a, Node(weir, str(other), *at(redis.port)) as b:
        until(lambda: is_up(a) and is_up(b))
        a.decide(event(7))
        until(lambda: all_written(a), 5)
        answer, more = until_seen(lambda: b.decide(event(7), features=True), 0)
        found = features_of(answer)
        check.that(found.get("fleet_count_10m") == more, "another secret: another fleet", found)
    redis.stop()


def private(weir, key, folder, check):
    """No card number reaches Redis; and a node that never waits."""
    redis = Redis(folder)
    cards = ["4111111111111111", "5500005555555559", "340000000000009"]
    with Node(weir, key, *at(redis.port), "--card-key", "a key of the bank", "--redis-wait", "0ms") as node:
        until(lambda: is_up(node))
        answers = []
        for i in range(12):
            made = event(0)
            made["card"]["token"] = cards[i % 3]
            answers.append(node.decide(made, features=True))
            until(lambda: all_written(node), 5)
        check.that(all(a[0] == 200 for a in answers), "card numbers are tokens")
        stored = b"".join(k + b"".join(redis.ask("HGETALL", k)) for k in redis.ask("KEYS", "*"))
        check.that(len(stored) > 500 and not any(c[:11].encode() in stored for c in cards),
                   "no card number is in Redis", len(stored))
        check.that(all(a[1]["degraded"] for a in answers[:3]) and not answers[-1][1]["degraded"] and
                   waits(node)[0] == 0, "without a wait the first decision on a card knows nothing, later ones do",
                   [a[1]["degraded"] for a in answers])
    redis.stop()


def reload(weir, key, folder, check):
    """Another pack while serving: one that shares nothing, other windows, other thresholds."""
    redis, pack = Redis(folder), Path(patient_pack(Path(folder, "reload")))
    full, data = (pack / "weir.yaml").read_text(), (pack / "data.yaml").read_text()
    alone = full.replace("scope: fleet, stale: 2s", "scope: node").replace("scope: fleet, missing: node",
                                                                         "scope: node")
    wide = full.replace("window: 10m", "window: 20m")
    steps = [("alone", alone, data, False), ("wide", wide, data, True),
             ("thresholds", wide, data.replace("certain: 10", "certain: 11"), True)]
    with Node(weir, key, *at(redis.port), pack=str(pack)) as a, Node(weir, key, *at(redis.port),
                                                                    pack=str(pack)) as b:
        for name, text, thresholds, shares in steps:
            until(lambda: is_up(a) and is_up(b), 3)
            (pack / "weir.yaml").write_text(text)
            (pack / "data.yaml").write_text(thresholds)
            for node in (a, b):
                status, _, answer = node.ask("POST", "/v1/pack:reload")
                check.that(status == 200 and answer["changed"], f"{name}: a pack is taken over", answer)
            redis.ask("FLUSHALL")
            for i in range(10):
                check.that((a, b)[i % 2].decide(event(f"r{name}"))[0] == 200, f"{name}: it decides")
            if not shares:
                check.that(figures(a)["up"] == 0 and not redis.tiles(), f"{name}: nothing is shared")
                continue
            check.that(until(lambda: settled(a) and settled(b)) is not None, f"{name}: Redis is reached")
            sums = {}
            for (series, entity), tiles in redis.tiles().items():
                sums.setdefault(series, []).append(sum(tiles.values()))
            check.that(len(sums) == 2 and all(10 in totals for totals in sums.values()),
                       f"{name}: both nodes' events are there", sums)
        redis.signal(signal.SIGSTOP)
        for i in range(6):
            a.decide(event("held"))
        (pack / "weir.yaml").write_text(wide.replace("window: 20m", "window: 30m"))
        status, _, answer = a.ask("POST", "/v1/pack:reload")
        check.that(status == 200 and answer["changed"] and figures(a)["dropped_events_total"] == 12,
                   "what waits for Redis when its windows go is counted as dropped, in both series", figures(a))
        redis.signal(signal.SIGCONT)
        for node in (a, b):
            node.stop()
            done = subprocess.run([weir, "replay", str(node.folder / "state"), "--report", "json"],
                                  capture_output=True, text=True)
            check.that(done.returncode == 0, "all of it replays to the same bytes", done.stdout[:300] + done.stderr)
    redis.stop()


def refusals(weir, key, folder, check):
    short = Path(folder, "short.key")
    short.write_text("short\n")
    for options, word in [(("--redis", "127.0.0.1:1"), "--fleet-key"),
                          (("--redis", "127.0.0.1:1", "--fleet-key", str(short)), "16 bytes"),
                          (("--redis", "tls:127.0.0.1:1", "--fleet-key", key), "--redis-ca")]:
        done = subprocess.run([weir, "serve", "--pack", PACK, "--state", f"{folder}/none", "--listen",
                               f"127.0.0.1:{free_port()}", *options], capture_output=True, text=True, timeout=20)
        check.that(done.returncode == 1 and word in done.stderr, f"refused: {word}", done.stderr)
    with Node(weir, key) as node:
        answer = node.decide(event(1), features=True)
        check.that(answer[0] == 200 and {"what": "fleet", "why": "stale"} in answer[1]["degraded"]
                   and "no_redis" in node.log_text(), "without Redis the fleet is stale, and the log says so")


def main():
    weir, check = sys.argv[1], Checks("redis")
    if shutil.which("redis-server") is None:
        print("skipped: no redis-server")
        return 77
    parts = sys.argv[2:] or ["sharing", "trouble", "emptied", "lies", "rights", "sealed", "private", "reload", "refusals"]
    with tempfile.TemporaryDirectory() as folder:
        key = Path(folder, "fleet.key")
        key.write_text("the secret of this fleet\n")
        key = str(key)
        if "sharing" in parts:
            sharing(weir, key, folder, check)
        if "trouble" in parts:
            trouble(weir, key, folder, check, "killed", killed, started)
            trouble(weir, key, folder, check, "paused", lambda r, p: r.signal(signal.SIGSTOP),
                    lambda r, p: r.signal(signal.SIGCONT))
            trouble(weir, key, folder, check, "cut off", lambda r, p: p.set("stall"), lambda r, p: p.set("pass"))
            trouble(weir, key, folder, check, "slow", lambda r, p: p.set("delay", 0.03),
                    lambda r, p: p.set("pass"))
            trouble(weir, key, folder, check, "reset", lambda r, p: p.set("gone"), lambda r, p: p.set("pass"))
        if "emptied" in parts:
            emptied(weir, key, folder, check)
        if "lies" in parts:
            lies(weir, key, check)
        if "rights" in parts:
            rights(weir, key, folder, check)
        if "sealed" in parts:
            sealed(weir, key, folder, check)
        if "private" in parts:
            private(weir, key, folder, check)
        if "reload" in parts:
            reload(weir, key, folder, check)
        if "refusals" in parts:
            refusals(weir, key, folder, check)
    return check.end()


if __name__ == "__main__":
    sys.exit(main())
