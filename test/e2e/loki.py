#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Log lines pushed to Loki's API, against a Loki that says what the test wants: taken, tried again,
refused, silent, absent. Every line is taken or counted as dropped, and nothing of it delays a decision.

    loki.py WEIR [ADDRESS]      with the address of a real Loki: push, then query them back
"""
import http.server
import json
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
from served import Checks, Served  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
PACK = ROOT / "packs" / "cards"


class Loki:
    """Answers what `answers` holds, by turn; then 204. None: no answer at all."""

    def __init__(self, port=0):
        loki = self
        self.answers, self.batches, self.heads, self.n = [], [], [], 0

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                loki.n += 1
                loki.heads.append((self.path, dict(self.headers)))
                status = loki.answers.pop(0) if loki.answers else 204
                if status is None:
                    time.sleep(30)
                    return
                if status == 204:
                    loki.batches.append(json.loads(body))
                self.send_response(status)
                text = b"" if status == 204 else b"because\n"
                if text:
                    self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def lines(self):
        return [line for batch in self.batches for stream in batch["streams"]
                for _, line in stream["values"]]

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def event(i):
    return {"transaction": {"id": f"loki-{i}-{time.time_ns()}", "time": int(time.time() * 1000),
                            "amount": 10, "terminal_id": "7"}, "user": {"id": "42"}}


def metrics(node):
    text = node.ask("GET", "/metrics")[2]
    return {name: int(value) for name, value in re.findall(r"(?m)^weir_log_(\w+) (\d+)$", text)}


def wait(condition, seconds=15):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    return condition()


def printed(node):
    lines = (node.folder / "log").read_text().splitlines()
    return [line for line in lines if '"event":"log_push"' not in line]


def check_taken(check, weir):
    loki = Loki()
    with Served(weir, "--pack", PACK, "--loki", f"http://127.0.0.1:{loki.port}/", "--loki-label",
                "site=site-001", "--loki-label", 'node=a"b', "--loki-tenant", "bank") as node:
        node.ask("POST", "/v1/pack:reload")
        wait(lambda: len(loki.lines()) >= 2)
        node.stop()
        wait(lambda: len(loki.lines()) >= len(printed(node)))
        check.that(loki.lines() == printed(node) and len(loki.lines()) >= 3,
                   "every line arrives once, in order, the last one too", (loki.lines(), printed(node)))
    path, head = loki.heads[0]
    check.that(path == "/loki/api/v1/push" and head["Content-Type"] == "application/json" and
               head["X-Scope-OrgID"] == "bank", "a push of JSON for the tenant", head)
    stream = loki.batches[0]["streams"][0]
    check.that(stream["stream"] == {"job": "weir", "level": "info", "site": "site-001",
                                    "node": 'a"b'}, "labels", stream["stream"])
    times = [int(ns) for batch in loki.batches for s in batch["streams"] for ns, _ in s["values"]]
    check.that(times == sorted(set(times)) and abs(times[0] / 1e9 - time.time()) < 60,
               "times in nanoseconds, never twice, never back", times)
    check.that(all(json.loads(line)["event"] for line in loki.lines()), "lines are JSON")
    loki.close()


def check_again(check, weir):
    loki = Loki()
    loki.answers = [503, 429]
    with Served(weir, "--pack", PACK, "--loki", f"127.0.0.1:{loki.port}") as node:
        check.that(wait(lambda: len(loki.lines()) == 2), "after 503 and 429 the lines are taken",
                   loki.lines())
        seen = metrics(node)
        check.that(seen["push_failures_total"] == 2 and seen["pushed_total"] == 2 and
                   seen["dropped_total"] == 0, "the attempts are counted", seen)
        told = (node.folder / "log").read_text()
        check.that(told.count('"event":"log_push"') == 2 and "503: because" in told and
                   "taken again" in told, "trouble is told once, and its end", told)
    loki.close()


def broken_pack(node_folder):
    pack = node_folder / "pack"
    subprocess.run(["cp", "-r", PACK, pack], check=True)
    return pack


def check_refused_and_full(check, weir):
    """A Loki that refuses, then one that says nothing while lines come faster than it takes them."""
    loki = Loki()
    node = Served(weir, "--loki", f"127.0.0.1:{loki.port}")
    pack = broken_pack(node.folder)
    node.arguments += ["--pack", str(pack)]
    with node:
        wait(lambda: metrics(node)["pushed_total"] == 2)
        (pack / "risk.rego").write_text("package risk\n" + "x := \n" * 3)
        loki.answers = [400]
        node.ask("POST", "/v1/pack:reload")
        check.that(wait(lambda: metrics(node)["dropped_total"] == 1), "what is refused is dropped once",
                   metrics(node))
        check.that(loki.n == 2, "and not tried again", loki.n)
        loki.answers = [None] * 100
        slowest, asked = 0.0, 0
        while metrics(node)["dropped_total"] < 50 and asked < 20000:
            for _ in range(100):
                node.ask("POST", "/v1/pack:reload")
            start = time.monotonic()
            status, _, answer = node.ask("POST", "/v1/decisions", event(asked))
            slowest, asked = max(slowest, time.monotonic() - start), asked + 100
            if status != 200:
                check.that(False, "decisions go on", answer)
                break
        seen = metrics(node)
        check.that(seen["dropped_total"] >= 50, "a full ring drops, and counts", (seen, asked))
        check.that(seen["lines_total"] >= seen["dropped_total"] + seen["pushed_total"],
                   "no line is counted twice", seen)
        print(f"loki: slowest of {asked // 100} decisions beside a full ring: {slowest * 1e3:.1f} ms")
        start = time.monotonic()
        node.stop()
        check.that(time.monotonic() - start < 15, "the end does not wait for long",
                   time.monotonic() - start)
    loki.close()


def check_absent(check, weir):
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    with Served(weir, "--pack", PACK, "--loki", f"127.0.0.1:{port}") as node:
        check.that(node.ask("POST", "/v1/decisions", event(0))[0] == 200,
                   "decisions without a Loki")
        wait(lambda: metrics(node)["push_failures_total"] > 0)
        loki = Loki(port)
        check.that(wait(lambda: len(loki.lines()) == 2), "it comes up, and gets what it missed",
                   loki.lines())
        loki.close()


def check_settings(check, weir):
    for arguments, words in (
            (["--loki", "https://loki.bank:3100"], "in the clear"),
            (["--loki", ""], "HOST:PORT"),
            (["--loki", "127.0.0.1:3100", "--loki-label", "site"], "NAME=VALUE"),
            (["--loki", "127.0.0.1:3100", "--loki-tenant", "a\nb"], "tenant")):
        done = subprocess.run([weir, "serve", "--listen", "127.0.0.1:0", "--state", "/nonexistent/x",
                               *arguments], capture_output=True, text=True, timeout=20)
        check.that(done.returncode != 0 and words in done.stderr, f"refused: {arguments}", done.stderr)


def real(check, weir, address):
    label = f"test-{time.time_ns()}"
    with Served(weir, "--pack", PACK, "--loki", address, "--loki-label", f"site={label}") as node:
        wait(lambda: metrics(node)["pushed_total"] == 2)
        node.stop()
        lines = printed(node)
    query = urllib.parse.urlencode({"query": f'{{job="weir",site="{label}"}}', "direction": "forward"})
    with urllib.request.urlopen(f"http://{address}/loki/api/v1/query_range?{query}") as answer:
        result = json.loads(answer.read())["data"]["result"]
    got = [line for stream in result for _, line in stream["values"]]
    check.that(got == lines and len(lines) == 3, "the real Loki gives the lines back", result)


def main():
    weir = Path(sys.argv[1]).resolve()
    check = Checks("loki")
    if len(sys.argv) > 2:
        real(check, weir, sys.argv[2])
        return check.end()
    check_taken(check, weir)
    check_again(check, weir)
    check_refused_and_full(check, weir)
    check_absent(check, weir)
    check_settings(check, weir)
    return check.end()


sys.exit(main())
