#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""weir load against a real server: what it says it sent is what the server counted.

    load.py WEIR
"""
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
from certs import authority, certificate, free_port  # noqa: E402
from served import Checks, Served  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent.parent
CARDS = str(ROOT / "packs" / "cards")
SMALL = ["--pattern", "2000", "--customers", "500", "--terminals", "200"]


def load(weir, served, *arguments, report="json"):
    out = subprocess.run([weir, "load", "--connect", "unix:" + served.socket, "--report", report,
                          *SMALL,
                          *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                         check=False)
    if report != "json" or out.returncode != 0:
        return out
    return json.loads(out.stdout)


def counted(served):
    """Decisions and labels that the server says it made."""
    lines = served.ask("GET", "/metrics")[2].splitlines()
    decisions = sum(int(line.split()[1]) for line in lines
                    if line.startswith("weir_decisions_total{"))
    labels = next(int(line.split()[1]) for line in lines if line.startswith("weir_labels_total "))
    return decisions, labels


def check_loops(weir, served, check):
    told = load(weir, served, "--count", "3000", "--for", "60s", "-n", "8", "-o", "4")
    run = told["run"]
    check.that(run["decisions"] == 3000 == run["answered"] and run["statuses"] == {"200": 3000},
               "a closed loop ends at its count", run)
    check.that(counted(served) == (3000, 0), "which the server counted too", counted(served))
    check.that(sum(run["outcomes"].values()) == 3000 and run["outcomes"]["none"] == 0,
               "every outcome is read", run["outcomes"])
    check.that(run["mismatched"] == run["lost"] == told["unanswered"] == 0, "all in order", told)
    told = load(weir, served, "--rate", "1000", "--warmup", "300ms", "--for", "1s", "-n", "4",
                "--seed", "3")
    run, n = told["run"], told["run"]["sent"]
    check.that(800 < n < 1200 and run["decisions"] + told["unsent"] >= n,
               "an open loop sends what was asked, by chance", n)
    check.that(told["warmup"]["decisions"] > 100 and run["latency_us"]["n"] == n,
               "its warm-up apart", told["warmup"]["decisions"])
    check.that(run["latency_us"]["p50"] <= run["latency_us"]["p99"] <= run["latency_us"]["max"] and
               run["latency_us"]["min"] > 0, "percentiles rise", run["latency_us"])
    before = counted(served)[0]
    told = load(weir, served, "--batch", "50", "--count", "1000", "--for", "60s", "-n", "2")
    check.that(told["run"]["decisions"] == 1000 == counted(served)[0] - before and
               told["run"]["answered"] == 20, "batches count by their events", told["run"])


def check_files(weir, served, folder, check):
    lines = folder / "events.jsonl"
    event = '{{"transaction":{{"id":"f{0}","time":{1},"amount":5,"terminal_id":"1"}},"user":{{"id":"2"}}}}\n'
    lines.write_text("".join(event.format(i, 1000 + i) for i in range(50)) +
                     '{"id":"f7","label":{"fraud":true}}\n')
    before = counted(served)
    told = load(weir, served, "--input", str(lines), "-n", "1", "--for", "60s")
    after = counted(served)
    check.that((after[0] - before[0], after[1] - before[1]) == (50, 1) and
               told["run"]["labels"] == 1, "lines of a file go once, labels too", (before, after))
    told = load(weir, served, "--input", str(lines), "--fresh", "--count", "300", "--for", "60s")
    check.that(counted(served)[0] - after[0] >= 290, "fresh ones go round with new ids", told["run"])
    table = folder / "events.csv"
    with open(table, "w") as out:
        subprocess.run([weir, "simulate", "--count", "200"], stdout=out, check=True)
    before = counted(served)[0]
    told = load(weir, served, "--input", str(table), "--pack", CARDS, "-n", "1", "--for", "60s")
    check.that(counted(served)[0] - before == 200 == told["run"]["decisions"],
               "a table goes by the pack's mapping", told["run"])


def check_reports(weir, served, check):
    out = load(weir, served, "--count", "500", "--for", "60s", "--rate", "5000", report="html")
    check.that(out.returncode == 0 and out.stdout.startswith("<!doctype html>") and
               out.stdout.count("<svg") == 3 and "<script" not in out.stdout and
               "://" not in out.stdout, "the page needs nothing else", out.stdout[:200])
    out = load(weir, served, "--count", "500", "--for", "60s", report="text")
    check.that("decisions   500 in" in out.stdout and "generator" in out.stdout, "text", out.stdout)
    out = load(weir, served, "--count", "5", "--for", "5s", "--path", "/nowhere")
    check.that(out.returncode == 1 and "not one decision" in out.stderr, "nothing is no success",
               out.stderr)
    for wrong in (["--rate", "-1"], ["--outstanding", "5000"], ["--batch", "0"],
                  ["--header", "no colon"], ["--time", "never"], ["--report", "pdf"]):
        out = load(weir, served, *wrong)
        check.that(out.returncode == 2, f"{wrong} is wrong usage", out)


def check_loss(weir, served, check):
    """The server dies and comes back while the load goes on."""
    before = counted(served)[0]
    process = subprocess.Popen([weir, "load", "--connect", "unix:" + served.socket, "--rate",
                                "500", "--for", "3s", *SMALL, "--patience", "10s", "--report", "json"],
                               stdout=subprocess.PIPE, text=True)
    for _ in range(500):  # until each connection has had an answer
        time.sleep(0.02)
        if counted(served)[0] >= before + 200:
            break
    served.stop(9)
    served.start()
    told = json.loads(process.communicate(timeout=60)[0])
    check.that(told["reconnects"] > 0 and told["run"]["decisions"] > 500,
               "a load outlives the server", told["run"])
    check.that(told["unheard"] == 0, "which is not taken for too many connections", told)


def check_shut_out(weir, check):
    """More connections than one address may have: what was asked there is lost, and why is told."""
    port = free_port()
    with Served(weir, "--pack", CARDS, "--mode", "fast", "--listen", f"127.0.0.1:{port}", "--per-address", "64"):
        for n, shut in ((1, False), (80, True)):
            out = subprocess.run([weir, "load", "--connect", f"127.0.0.1:{port}", "-n", str(n), "-o", "1", "--for", "500ms", *SMALL],
                                 capture_output=True, text=True, check=False)
            check.that(("closed before their first answer" in out.stdout and "--per-address of the server): 16\n" in out.stdout) == shut,
                       f"{n} connections are {'' if shut else 'not '}too many", out.stdout)
            dialled = re.search(r"dialled again: (\d+)", out.stdout)
            check.that(not dialled or int(dialled[1]) <= 16 * 100, "not dialled all the time", out.stdout)
            check.that(f"closed loop, connections {n}, outstanding 1\n" in out.stdout, "told for any number", out.stdout[:200])


def check_secure(weir, check):
    """TLS with a token: the figures of the same server, and its refusals."""
    folder, port = tempfile.mkdtemp(), free_port()
    authority(folder, "ca")
    authority(folder, "stranger")
    certificate(folder, "ca", "server", "IP:127.0.0.1")
    made = subprocess.run([weir, "token", "load", "decide"], capture_output=True, text=True,
                          check=True)
    access = Path(folder, "access.txt")
    access.write_text(made.stdout)
    common = [weir, "load", "--connect", f"tls:127.0.0.1:{port}", "--count", "1000", "--for", "30s",
              "-n", "4", "-o", "8", "--report", "json", *SMALL]
    trust, token = ["--tls-ca", f"{folder}/ca.crt"], ["--token", made.stderr.strip()]
    with Served(weir, "--pack", CARDS, "--mode", "fast", "--listen", f"tls:127.0.0.1:{port}",
                "--tls-cert", f"{folder}/server.crt", "--tls-key", f"{folder}/server.key",
                "--access", str(access)):
        def run(*arguments):
            return subprocess.run([*common, *arguments], capture_output=True, text=True,
                                  check=False)
        out = run(*trust, *token)
        told = json.loads(out.stdout)["run"] if out.returncode == 0 else {"decisions": out.stderr}
        check.that(told["decisions"] == 1000, "TLS and a token: all are decided", told)
        out = run(*trust)
        check.that(out.returncode == 1 and '"401":1000' in out.stdout, "no token: all are refused",
                   out.stdout[:600])
        out = run("--tls-ca", f"{folder}/stranger.crt", *token)
        check.that(out.returncode == 1 and "certificate" in out.stderr, "a stranger is not trusted",
                   out.stderr)
    shutil.rmtree(folder, ignore_errors=True)


def main():
    weir, check = sys.argv[1], Checks("load")
    with Served(weir, "--pack", CARDS, "--mode", "fast") as served:
        check_loops(weir, served, check)
        check_files(weir, served, served.folder, check)
        check_reports(weir, served, check)
        check_loss(weir, served, check)
    check_shut_out(weir, check)
    check_secure(weir, check)
    out = subprocess.run([weir, "load", "--connect", "127.0.0.1:1"], stderr=subprocess.PIPE,
                         text=True, check=False)
    check.that(out.returncode == 1 and "cannot connect" in out.stderr, "nobody there", out.stderr)
    return check.end()


sys.exit(main())
