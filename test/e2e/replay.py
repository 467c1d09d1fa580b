#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A journal decided again: the packs that decided give the same bytes, another pack its differences.

    replay.py WEIR [DECISIONS]     4,000, or a million with WEIR_TEST_ALL=1

The journal holds what is awkward: labels, late events, a swap that keeps the history, a swap that
starts the features anew, and a restart under a pack whose history is read anew.
"""
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
from served import Checks, Served  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent.parent
CARDS = ROOT / "packs" / "cards"
SMALL = ["--customers", "500", "--terminals", "200", "--pattern", "20000"]


def run(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False)


def write_pack(pack, thresholds=(), features=()):
    """packs/cards with lines of data.yaml and weir.yaml replaced."""
    shutil.rmtree(pack, ignore_errors=True)
    shutil.copytree(CARDS, pack)
    for name, changes in (("data.yaml", thresholds), ("weir.yaml", features)):
        text = (pack / name).read_text()
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        (pack / name).write_text(text)


def feed(weir, served, n):
    out = run(weir, "load", "--connect", "unix:" + served.socket, "--count", str(n), "--for", "900s",
              "--batch", "100", "--connections", "2", *SMALL, "--labels", "50ms", "--report", "json")
    return json.loads(out.stdout)["run"]


def send_late(served, n):
    """Events from before the watermark; returns how many decisions said so."""
    old = int(time.time() * 1000) - 3_600_000
    events = [{"transaction": {"id": f"late-{time.time_ns()}-{i}", "time": old + i, "amount": 12,
                               "terminal_id": str(i % 9)}, "user": {"id": str(i % 5)}}
              for i in range(n)]
    answers = served.ask("POST", "/v1/decisions:batch", events)[2]
    return sum(a["decision"]["late"] for a in answers)


def send_labelled(served, tag, n=60):
    """Events of which every third becomes known as fraud, and one that nobody knows."""
    now = int(time.time() * 1000)
    events = [{"transaction": {"id": f"{tag}-{i}", "time": now, "amount": 20 + i * 7 % 300,
                               "terminal_id": str(i % 9)}, "user": {"id": str(i % 5)}}
              for i in range(n)]
    served.ask("POST", "/v1/decisions:batch", events)
    for i in list(range(0, n, 3)) + [n]:
        served.ask("POST", "/v1/labels", {"id": f"{tag}-{i}", "label": {"fraud": True}})
    served.ask("POST", "/v1/labels", {"id": f"{tag}-3", "label": {"fraud": None}})


def write_journal(weir, served, pack, n, check):
    """Returns late decisions and the state at the end."""
    write_pack(pack)
    served.start()
    feed(weir, served, n // 4)
    late = send_late(served, 50)
    send_labelled(served, "a")
    write_pack(pack, thresholds=[("large: 220", "large: 90")])
    check.that(served.ask("POST", "/v1/pack:reload")[2]["changed"], "a swap that keeps the history")
    feed(weir, served, n // 4)
    late += send_late(served, 50)
    send_labelled(served, "b")
    write_pack(pack, features=[("window: 1d, delay: 7d", "window: 2d, delay: 7d")])
    check.that(served.ask("POST", "/v1/pack:reload")[2]["changed"], "a swap that starts anew")
    feed(weir, served, n // 4)
    check.that(served.stop() == 0, "the service ends cleanly")
    write_pack(pack, features=[("window: 7d, delay: 7d", "window: 8d, delay: 7d")])
    served.start()
    send_labelled(served, "d")
    feed(weir, served, n // 4)
    late += send_late(served, 50)
    time.sleep(0.2)
    live = served.ask("GET", "/v1/state")[2]
    check.that(served.stop() == 0, "and once more")
    return late, live


def replay(weir, *arguments):
    out = run(weir, "replay", *map(str, arguments), "--report", "json")
    try:
        return out.returncode, json.loads(out.stdout)
    except ValueError:
        return out.returncode, {"text": out.stdout}


def check_same(weir, state, late, live, n, check):
    code, told = replay(weir, state)
    check.that(code == 0 and told.get("differ") == 0, "the packs of then give the same bytes", told)
    check.that(told["decisions"] == told["same"] >= n, "every decision is compared", told)
    check.that(told["late"] == late > 0, "late events are among them", (told["late"], late))
    check.that(told["labels"] >= 3 * 22 and told["labels_differ"] == 0, "labels take the same effect", told)
    check.that(told["activations"] == 3 and told["refolds"] == 1, "over three packs", told)
    check.that(told["state"] == live["digest"] and told["sequence"] == live["sequence"],
               "and the same state", (told["state"], live))
    print(f"replay: {told['decisions']} decisions, {told['cpu_us_per_entry']} us of CPU an entry")
    return told


def check_other(weir, state, folder, whole, check):
    stricter = folder / "stricter"
    write_pack(stricter, thresholds=[("large: 220", "large: 50")])
    differences = folder / "differences.jsonl"
    code, told = replay(weir, state, "--pack", stricter, "--differences", differences)
    check.that(code == 1 and told["differ"] > 0, "another pack differs", told)
    check.that(told["reasons"]["AMOUNT_LARGE"]["gained"] > 0, "in its reasons", told["reasons"])
    moved = [c for c in told["changes"] if (c["was"], c["is"]) == ("approve", "challenge")]
    check.that(moved and moved[0]["n"] > 0 and moved[0]["amount"] >= 50 * moved[0]["n"],
               "outcomes and amounts", told["changes"])
    lines = [json.loads(line) for line in differences.read_text().splitlines()]
    check.that(len(lines) == told["differ"] and all(l["was"] != l["is"] for l in lines),
               "every difference is written", len(lines))
    check.that(told["is"]["fraud_stopped"] >= told["was"]["fraud_stopped"] and
               told["is"]["money_saved"] >= told["was"]["money_saved"] and
               0 < told["is"]["precision"] < told["was"]["precision"] and
               told["frauds"] >= 3 * 19, "labels tell what it saves and costs", (told["was"], told["is"]))
    check.that(sum(o["n"] for o in told["is"]["outcomes"].values()) == whole["decisions"],
               "outcomes add up", told["is"])
    check_slices(weir, state, stricter, told, whole, check)
    page = run(weir, "replay", str(state), "--pack", str(stricter), "--report", "html").stdout
    check.that(page.startswith("<!doctype html>") and "money saved" in page and
               "<script" not in page and "://" not in page, "the page needs nothing else",
               page[:200])


def check_slices(weir, state, stricter, told, whole, check):
    middle = whole["sequence"] // 2
    _, head = replay(weir, state, "--pack", stricter, "--last", middle)
    _, tail = replay(weir, state, "--pack", stricter, "--first", middle + 1)
    check.that(head["differ"] + tail["differ"] == told["differ"] and head["differ"] > 0,
               "two ranges make the whole", (head["differ"], tail["differ"], told["differ"]))
    _, declined = replay(weir, state, "--outcome", "decline")
    check.that(declined["decisions"] == whole["was"]["outcomes"]["decline"]["n"],
               "an outcome alone", declined)
    _, one = replay(weir, state, "--where", "user.id=3", "--where", "transaction.amount=12")
    check.that(0 < one["decisions"] < whole["decisions"] and one["differ"] == 0,
               "a customer alone", one)
    code, none = replay(weir, state, "--from", "2031-01-01")
    check.that(code == 1 and "no decisions" in str(none), "of nothing is no success", none)


def check_export(weir, state, folder, check):
    exported = folder / "journal.jsonl"
    with open(exported, "w") as out:
        subprocess.run([weir, "journal", "export", str(state)], stdout=out, check=True)
    packs = sorted((state / "packs").glob("*.tar"))
    known = [word for pack in packs for word in ("--known", str(pack))]
    first = next(json.loads(line)["sequence"] for line in open(exported)
                 if '"kind":"activation"' in line)
    code, told = replay(weir, exported, "--last", first + 500, *known)
    check.that(code == 0 and told["differ"] == 0 and told["decisions"] > 500,
               "an exported file gives the same documents", told)
    check.that(len(packs) == 4, "four packs are kept", packs)
    for pack in packs:
        pack.rename(folder / pack.name)
    code, told = replay(weir, state)
    check.that(code == 1 and "--known" in str(told), "a pack that is gone is asked for", told)
    known = [word for pack in packs for word in ("--known", str(folder / pack.name))]
    code, told = replay(weir, state, *known)
    check.that(code == 0 and told["differ"] == 0, "and taken from elsewhere", told)


def main():
    weir, check = sys.argv[1], Checks("replay")
    n = 1_000_000 if os.environ.get("WEIR_TEST_ALL") else 4_000
    n = int(sys.argv[2]) if len(sys.argv) > 2 else n
    served = Served(weir, "--mode", "fast", "--pack", "")
    pack = served.folder / "pack"
    served.arguments[-1] = str(pack)
    try:
        late, live = write_journal(weir, served, pack, n, check)
        state = served.folder / "state"
        whole = check_same(weir, state, late, live, n, check)
        check_other(weir, state, served.folder, whole, check)
        check_export(weir, state, served.folder, check)
    finally:
        served.stop()
        shutil.rmtree(served.folder, ignore_errors=True)
    return check.end()


sys.exit(main())
