#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""GET /status: the page is served where it may be, every metric it names exists, and its script shows
what a node under load says (run by Node.js; that part is left out, and said, without it).

    status.py WEIR
"""
import json
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
from served import Checks, Served  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]


def grown(node, sequence):
    """The metrics when the node has decided so much."""
    for _ in range(600):
        text = node.ask("GET", "/metrics")[2]
        if int(re.search(r"(?m)^weir_sequence (\d+)$", text).group(1)) >= sequence:
            return text
        time.sleep(0.1)
    raise SystemExit("status: the node decides nothing")


def shown(node, names):
    done = subprocess.run(["node", ROOT / "test" / "e2e" / "status_page.mjs",
                           *[node.folder / name for name in names]], capture_output=True, text=True)
    return json.loads(done.stdout) if done.returncode == 0 else {"error": done.stderr}


def main():
    weir = Path(sys.argv[1]).resolve()
    check = Checks("status")
    with Served(weir, "--pack", ROOT / "packs" / "cards", "--mode", "fast") as node:
        status, headers, page = node.ask("GET", "/status")
        check.that(status == 200 and headers["Content-Type"] == "text/html; charset=utf-8" and
                   page == (ROOT / "src" / "shell" / "status.html").read_text(), "the page is served",
                   (status, headers))
        check.that(node.ask("POST", "/status")[0] == 405, "by GET alone")
        check.that("http" not in page.replace("http://www.w3.org/2000/svg", ""),
                   "it asks nobody but the node")
        (node.folder / "page").write_text(page)
        (node.folder / "health").write_text(json.dumps(node.ask("GET", "/health")[2]))
        names = ["page", "health"]
        load = subprocess.Popen([weir, "load", "--connect", "unix:" + node.socket, "--rate", "300",
                                 "--connections", "2", "--for", "60s", "--customers", "20",
                                 "--pattern", "4096"], stdout=subprocess.DEVNULL)
        for i in range(4):
            text = grown(node, 100 * (i + 1))
            (node.folder / f"metrics{i}").write_text(text)
            names.append(f"metrics{i}")
        load.terminate()
        load.wait(30)
        told = set(re.findall(r"(?m)^(\w+)[{ ]", text)) - {"weir_redis_up"}
        asked = set(re.findall(r"\b((?:weir|process)_\w+?)(?:_\$|\b)", page)) - {"weir_redis_up"}
        asked.discard("weir_stage_duration_seconds")
        check.that(len(asked) > 15 and asked <= told, "every metric of the page exists", asked - told)
        if shutil.which("node") is None:
            print("status: no Node.js: the page's script was not run")
        else:
            seen = shown(node, names)
            check.that("error" not in seen, "the script runs", seen)
            check.that(0 < float(seen.get("rate", "0")) < 3000 and seen.get("paths", 0) >= 1,
                       "it shows the rate and draws it", seen)
            check.that(all(re.match(r"^[\d.]+ (µs|ms|s)$", seen.get(q, "")) for q in ("p50", "p99", "p999")),
                       "and quantiles", seen)
            check.that("ready" in seen["badges"] and "cards-1" in seen["who"] and
                       "VELOCITY" in seen["reasons"], "state, pack and reasons", seen)
    return check.end()


sys.exit(main())
