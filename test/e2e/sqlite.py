#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Closed parts of a journal as SQLite files, behind the running server (--sqlite).

    sqlite.py WEIR

Every row of a closed log is in its file, with the bytes of the journal, also of one that a kill left half
made; rows that a next log repeats stand once; a file goes with its log.
"""
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
from served import Checks, Served  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent.parent


def stream(served, first, n):
    now = int(time.time() * 1000)
    for at in range(first, first + n, 500):
        events = [{"transaction": {"id": f"s{i}", "time": now + i, "amount": 10 + i * 7 % 400,
                                   "terminal_id": str(i % 9)}, "user": {"id": str(i % 5)}}
                  for i in range(at, at + 500)]
        served.ask("POST", "/v1/decisions:batch", events)


def wait(holds, seconds=40):
    for _ in range(seconds * 20):
        if holds():
            return True
        time.sleep(0.05)
    return holds()


def logs_of(state):
    return sorted(state.glob("journal-*.log"))


def files_of(state):
    return sorted((state / "sqlite").glob("journal-*.db"))


def rows_of(path):
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    rows = dict(db.execute("SELECT sequence, payload FROM entries"))
    ok = db.execute("PRAGMA integrity_check").fetchone()[0]
    db.close()
    return rows, ok


def main():
    check, weir = Checks("sqlite"), sys.argv[1]
    options = ["--pack", str(ROOT / "packs" / "cards"), "--mode", "fast", "--sqlite", "--segment-bytes",
               "200000"]
    served = Served(weir, *options)
    state = served.folder / "state"
    with served:
        stream(served, 0, 2500)
        served.stop(9)  # perhaps within the making of one
        (state / "sqlite").mkdir(exist_ok=True)
        (state / "sqlite" / "new.db").write_bytes(b"half made")
        served.start()
        stream(served, 2500, 500)
        # Rows that come while the journal's thread has no processor are one group, and a group is in one log.
        check.that(wait(lambda: len(files_of(state)) == len(logs_of(state)) - 1 > 1),
                   "every closed log has its file", (files_of(state), logs_of(state)))
        check.that(not (state / "sqlite" / "new.db").exists(), "nothing half made is left")
        served.stop()
        out = served.folder / "all.db"
        subprocess.run([weir, "journal", "export", str(state), "--format", "sqlite", "--output",
                        str(out)], check=True, stdout=subprocess.DEVNULL)
        every, _ = rows_of(out)
        seen = {}
        for path in files_of(state):
            rows, ok = rows_of(path)
            check.that(ok == "ok" and rows, "a file is whole and holds rows", (path, ok))
            check.that(not seen.keys() & rows.keys(), "no row stands in two files", path)
            check.that(min(rows) == int(path.stem[8:], 16), "a file is named by its first row", path)
            seen.update(rows)
        newest = int(logs_of(state)[len(files_of(state))].stem[8:], 16)  # one may have ended since the look
        check.that(len(every) == 3000, "all rows are in the journal", len(every))
        check.that(seen == {s: p for s, p in every.items() if s < newest},
                   "the files hold the rows of all closed logs, byte for byte", (len(seen), newest))
        first = files_of(state)[0]
        served.arguments += ["--retain-bytes", "400000"]
        served.start()
        stream(served, 3000, 500)
        check.that(wait(lambda: first not in files_of(state)), "a file goes with its log", first)
        served.stop()
        left = int(logs_of(state)[0].stem[8:], 16)
        verify = [weir, "journal", "verify", str(state)]
        said = subprocess.run(verify, capture_output=True, text=True)
        check.that(said.returncode == 0 and said.stdout.startswith(f"entries {left} to "),
                   "an auditor is told which rows are left", said.stdout)
        said = subprocess.run([*verify, "--last", str(left - 1)], capture_output=True, text=True)
        check.that(left > 1 and said.returncode == 1 and "there are no entries" in said.stderr,
                   "and that of those before nothing was checked", said.stdout + said.stderr)
    sys.exit(check.end())


main()
