#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An auditor's commands on the state directory of a service that has stopped.

    journal.py WEIR

The chain is whole and breaks when a byte of a row is changed; replay gives the same bytes; another
pack shows what it would change; export tells every entry.
"""
import csv
import io
import json
import re
import shutil
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
from served import Checks, Served  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent.parent


def run(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False)


def stream(served, n):
    now = int(time.time() * 1000)
    events = [{"transaction": {"id": f"j{i}", "time": now + i, "amount": 10 + i * 7 % 400,
                               "terminal_id": str(i % 9)}, "user": {"id": str(i % 5)}}
              for i in range(n)]
    served.ask("POST", "/v1/decisions:batch", events)
    served.ask("POST", "/v1/labels", {"id": "j3", "label": {"fraud": True}})
    return served.ask("GET", "/v1/state")[2]


def stricter_pack(folder):
    """packs/cards with a lower limit for large amounts."""
    pack = folder / "stricter"
    shutil.copytree(ROOT / "packs" / "cards", pack)
    data = (pack / "data.yaml").read_text()
    (pack / "data.yaml").write_text(data.replace("large: 220", "large: 50"))
    return pack


def bytes_of(state):
    return {str(path.relative_to(state)): path.read_bytes() for path in state.rglob("*") if path.is_file()}


def break_a_row(state, n):
    """Flips a bit in the payload of row n: rows are a head of 64 bytes and a payload, behind the
    file's head and table of phrases (docs/formats.md)."""
    path = sorted(state.glob("journal-*.log"))[0]
    log = bytearray(path.read_bytes())
    table = int.from_bytes(log[20:24], "little")
    at = 128 + (32 + (table + 7) // 8 * 8 if table else 0)
    for _ in range(n - 1):
        at += 64 + (int.from_bytes(log[at + 4:at + 8], "little") + 7) // 8 * 8
    assert int.from_bytes(log[at + 8:at + 16], "little") == n
    log[at + 64 + int.from_bytes(log[at + 4:at + 8], "little") // 2] ^= 1
    path.write_bytes(log)


def versions(state):
    return [path.read_bytes()[7] for path in sorted(state.glob("journal-*.log"))]


def go_on_from_old(weir, check):
    """test/data/journal-2 was written before there were tables of phrases: twelve decisions under
    test/data/pack-kill in mode durable, `--clock events`, ended by kill -9."""
    pack = str(ROOT / "test" / "data" / "pack-kill")
    served = Served(weir, "--pack", pack, "--clock", "events")
    state = served.folder / "state"
    shutil.copytree(ROOT / "test" / "data" / "journal-2", state)
    out = run(weir, "journal", "verify", str(state))
    check.that(out.returncode == 0 and "entries 1 to 12: the chain is whole" in out.stdout,
               "a journal of version 2 verifies", out.stdout)
    with served:
        event = {"id": "old3", "transaction": {"id": "old3", "time": 1764300030, "amount": 121, "terminal": "0"},
                 "user": {"id": "1"}}
        status, headers, answer = served.ask("POST", "/v1/decisions", event)
        check.that(status == 200 and headers.get("Weir-Replayed") == "true" and answer["decision_id"].endswith("-1-4"),
                   "a retry gets the answer that an old row holds", (status, headers, answer))
        for i in range(20):
            event["id"] = event["transaction"]["id"] = f"new{i}"
            event["transaction"]["time"] = 1764301000 + i
            served.ask("POST", "/v1/decisions", event)
        served.stop()
        out = run(weir, "replay", str(state))
        check.that(out.returncode == 0 and "32 decisions replayed, 32 of them the same" in out.stdout,
                   "is gone on from, and replay gives the same bytes of old rows and new", out.stdout)
        check.that(versions(state)[0] == 2 and versions(state)[-1] == 3, "in segments of the new version",
                   versions(state))
        out = run(weir, "journal", "verify", str(state))
        check.that("the chain is whole" in out.stdout, "the chain goes through", out.stdout)


def check_up_to(weir, check, state, folder, damage, first):
    """Each form of export ends before the damaged row, keeps what it has and says so."""
    for form in ("jsonl", "csv", "sqlite"):
        path = folder / f"up-to.{form}"
        out = run(weir, "journal", "export", str(state), "--format", form, "--output", str(path))
        check.that(out.returncode == 1 and damage in out.stdout and
                   f"entries 1 to {first - 1} are written, no more" in out.stdout,
                   f"{form} ends at the damaged row, and says what it holds", out.stdout)
        if form == "jsonl":
            held = [json.loads(line)["sequence"] for line in path.read_text().splitlines()]
        elif form == "csv":
            held = [int(row["sequence"]) for row in csv.DictReader(path.open(newline=""))]
        else:
            with sqlite3.connect(path) as db:
                held = [row[0] for row in db.execute("select sequence from entries order by sequence")]
                n = db.execute("select count(*) from sqlite_master where type = 'index' and name like 'entries%'").fetchone()[0]
            check.that(n == 2, "with its indexes", n)
        check.that(held == list(range(1, first)), f"{form} holds what is before it, and no more", held[-3:])
    out = run(weir, "journal", "export", str(state), "--first", str(first))
    check.that(out.returncode == 1 and "no entry is written" in out.stdout and damage in out.stdout,
               "or that it holds nothing", out.stdout)
    out = run(weir, "journal", "challengers", str(state))
    check.that(out.returncode == 1 and damage in out.stdout and "under a pack with challengers" not in out.stdout,
               "challengers end there too", out.stdout)


def break_the_table(weir, check, state):
    path = sorted(state.glob("journal-*.log"))[0]
    log = bytearray(path.read_bytes())
    log[200] ^= 1
    path.write_bytes(log)
    out = run(weir, "journal", "export", str(state))
    check.that(out.returncode == 1 and f"{path.name}: not a journal, or damaged" in out.stdout,
               "a damaged table of phrases is told, and where", out.stdout[-300:])


def main():
    weir, check = sys.argv[1], Checks("journal")
    go_on_from_old(weir, check)
    with Served(weir, "--pack", str(ROOT / "packs" / "cards")) as served:
        live = stream(served, 200)
        copy = str(served.folder / "copy")
        out = run(weir, "journal", "backup", str(served.folder / "state"), copy)
        check.that(out.returncode == 0 and "the chain is whole" in out.stdout, "a backup beside the running service", out.stdout)
        kept = run(weir, "journal", "export", copy).stdout.splitlines()
        check.that(len(kept) >= 200 and json.loads(kept[150])["sequence"] == 151, "holds what was answered", len(kept))
        check.that(served.stop() == 0, "the service ends cleanly")
        state, cards = served.folder / "state", str(ROOT / "packs" / "cards")
        before = bytes_of(state)
        out = run(weir, "journal", "verify", str(state))
        check.that(out.returncode == 0 and "chain is whole" in out.stdout, "it verifies", out.stdout)
        out = run(weir, "state", "info", str(state))
        check.that(out.returncode == 0 and re.search(r"snapshots: [12]\nentry 201, ", out.stdout), "its end left a snapshot", out.stdout)
        out = run(weir, "state", "verify", str(state))
        check.that(out.returncode == 0 and ": whole" in out.stdout, "which verifies", out.stdout)
        shutil.copytree(state, served.folder / "spoiled")
        snapshot = next((served.folder / "spoiled").glob("snapshot-*.img"))
        spoiled = bytearray(snapshot.read_bytes())
        spoiled[len(spoiled) // 2] ^= 4
        snapshot.write_bytes(spoiled)
        out = run(weir, "state", "verify", str(served.folder / "spoiled"))
        check.that(out.returncode == 1 and "no good" in out.stdout, "unless a bit is another", out.stdout)
        run(weir, "journal", "export", str(state))
        run(weir, "replay", str(state), "--pack", cards)
        check.that(bytes_of(state) == before, "an auditor's commands change nothing", sorted(bytes_of(state)))
        out = run(weir, "replay", str(state), "--pack", cards)
        check.that(out.returncode == 0 and "200 decisions replayed, 200 of them the same" in out.stdout,
                   "replay gives the same bytes", out.stdout)
        check.that(live["digest"] in out.stdout, "and the same state", (live, out.stdout))
        out = run(weir, "replay", str(state), "--pack", str(stricter_pack(served.folder)))
        check.that("approve -> challenge" in out.stdout and out.returncode == 1,
                   "another pack shows what it changes", out.stdout)
        out = run(weir, "journal", "export", str(state))
        rows = [json.loads(line) for line in out.stdout.splitlines()]
        check.that([r["sequence"] for r in rows] == list(range(1, 202)), "export tells every entry",
                   out.stdout[:300])
        check.that(rows[0]["document"]["transaction_id"] == "j0" and rows[-1]["kind"] == "label",
                   "with its document", rows[-1])
        out = run(weir, "journal", "export", str(state), "--format", "csv")
        table = list(csv.DictReader(io.StringIO(out.stdout)))
        check.that([int(r["sequence"]) for r in table] == list(range(1, 202)), "as CSV too", out.stdout[:300])
        check.that(all(json.loads(r["document"]) == rows[i]["document"] and r["outcome"] == rows[i]["document"]["outcome"]
                       and r["reasons"].split() == [x["code"] for x in rows[i]["document"]["reasons"]]
                       for i, r in enumerate(table[:200])), "with the same documents", table[0])
        database = served.folder / "entries.db"
        out = run(weir, "journal", "export", str(state), "--format", "sqlite", "--output", str(database))
        with sqlite3.connect(database) as db:
            found = db.execute("select sequence, outcome, document from entries where id = 'j7'").fetchone()
            n = db.execute("select count(*) from entries").fetchone()[0]
        check.that(n == 201 and found[1] == json.loads(found[2])["outcome"], "and as an SQLite database", (n, found))
        out = run(weir, "journal", "export", str(state), "--format", "sqlite", "--output", str(database))
        check.that(out.returncode == 1 and f"{database} is there already" in out.stdout and "--output" in out.stdout
                   and "usage" not in out.stdout, "which is never written over: what is in the way is told", out.stdout)
        rows = served.folder / "rows.jsonl"
        rows.write_text("mine")
        out = run(weir, "journal", "export", str(state), "--output", str(rows))
        check.that(out.returncode == 1 and f"{rows} is there already" in out.stdout and rows.read_text() == "mine",
                   "nor is any other file", out.stdout)
        out = run(weir, "journal", "export", str(state), "--format", "sqlite")
        check.that(out.returncode == 2 and "--output FILE" in out.stdout, "without a file it is wrong usage", out.stdout)
        for verb in ("verify", "export"):
            out = run(weir, "journal", verb, str(state), "--first", "202")
            check.that(out.returncode == 1 and "no entries 202 to 201" in out.stdout,
                       f"{verb} of nothing is no success", out.stdout)
        tail = served.folder / "tail"
        shutil.copytree(state, tail)
        break_a_row(tail, 201)
        out = run(weir, "journal", "export", str(tail))
        check.that(out.returncode == 1 and "entries 1 to 200 are written, no more: journal: row 201" in out.stdout
                   and out.stdout.count('{"sequence"') == 200, "what is before a damaged last row is exported", out.stdout[-300:])
        out = run(weir, "journal", "verify", str(tail))
        check.that(out.returncode == 1 and "row 201: its payload" in out.stdout, "which verify names too", out.stdout)
        for path in tail.glob("snapshot-*"):
            path.unlink()
        for command in (("reconcile", str(tail)), ("lists", "show", "--state", str(tail)),
                        ("lists", "export", "devices", "--state", str(tail)),
                        ("serve", "--pack", cards, "--state", str(tail), "--listen", "127.0.0.1:0")):
            out = run(weir, *command)
            check.that(out.returncode == 1 and "row 201: its payload" in out.stdout and "backup" in out.stdout and
                       "nothing was decided" not in out.stdout, f"{command[0]} tells what to do about it", out.stdout)
        break_a_row(state, 20)
        out = run(weir, "journal", "verify", str(state))
        told = re.search(r"row (\d+): its payload does not match the chain", out.stdout)
        check.that(out.returncode == 1 and told, "a changed byte is found", out.stdout)
        check.that("backup" in out.stdout and "nothing was decided" not in out.stdout, "and what to do is told", out.stdout)
        check_up_to(weir, check, state, served.folder, told[0], int(told[1]))
        break_the_table(weir, check, state)
    return check.end()


sys.exit(main())
