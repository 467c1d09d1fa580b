#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Labels by `weir labels`: imported, changed, withdrawn; in windows and in the journal.

    labels.py WEIR
"""
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
from served import Checks, Served  # noqa: E402

PACK = Path(__file__).resolve().parent.parent / "data" / "pack-small"
DAY = 86400


def main():
    weir = sys.argv[1]
    check = Checks("labels")
    start = int(time.time()) - 3 * DAY
    served = Served(weir, "--pack", "PACK", "--clock", "events", "--card-key", "k")
    served.arguments[1] = str(served.folder / "pack")
    shutil.copytree(PACK, served.folder / "pack")
    mapping = json.loads((PACK / "weir.json").read_text())
    mapping["limits"] = {**mapping.get("limits", {}), "ids_age": "7d", "ids": 100000}
    (served.folder / "pack" / "weir.json").write_text(json.dumps(mapping))
    with served:
        def decide(name, at):
            return served.ask("POST", "/v1/decisions?features", {
                "transaction": {"id": name, "time": at, "terminal": "x"}})[2]

        def risk(name):
            return decide(name, start + 2 * DAY)["features"].get("terminal_risk_7d")

        def labels(*arguments):
            return subprocess.run([weir, "labels", *map(str, arguments), "--connect",
                                   "unix:" + served.socket], capture_output=True, text=True,
                                  check=False)

        for i in range(1000):
            decide(f"e{i}", start + i // 10)
        check.that(risk("a") == 0, "nothing is known at first")
        file = served.folder / "labels.csv"
        rows = [f"e{i},{i % 2},x" for i in range(1000)] + ["never,1,x", "e1,,x"]
        file.write_text("id,fraud,note\n" + "\n".join(rows) + "\n")
        out = labels("import", file)
        check.that(out.returncode == 1 and "labels.csv:2: a label is" in out.stderr
                   and "--from 1" in out.stderr, "a column that is no label is told", out)
        out = labels("import", file, "--column", "fraud")
        check.that(out.returncode == 0 and "500 changed, 500 the same as before" in out.stdout
                   and "1 of events that are not known" in out.stdout, "a file is imported", out)
        check.that(risk("b") == 0.5, "labels reach the windows")
        out = labels("import", file, "--column", "fraud")
        check.that("1000 the same as before" in out.stdout, "importing again changes nothing", out)
        out = labels("withdraw", "e1", "e3", "e5")
        check.that(out.returncode == 0 and "3 changed" in out.stdout, "some are withdrawn", out)
        value = risk("c")
        check.that(abs(value - 497 / 1000) < 1e-3, "and leave the windows", value)
        out = labels("clear", "e7")
        check.that("1 changed" in out.stdout and abs(risk("d") - 496 / 1000) < 1e-3,
                   "one is changed to false", out)
        check.that("1 changed" in labels("set", "e1").stdout, "one is set again")
        lines = served.folder / "labels.jsonl"
        lines.write_text('{"id":"e3","label":{"fraud":true}}\n{"id":"e5","label":{"froud":1}}\n'
                         '{"id":"e9","label":{"fraud":null}}\n')
        out = labels("import", lines)
        check.that(out.returncode == 1 and "labels.jsonl:2: label.froud" in out.stderr
                   and "2 changed" in out.stdout, "a refused row is named, the others count", out)
        out = labels("import", lines, "--from", 3)
        check.that(out.returncode == 0 and "1 the same" in out.stdout, "it goes on from a line", out)
        file.write_text("TRANSACTION_ID,TX_FRAUD\ne11,withdrawn\n")
        out = labels("import", file, "--id", "TRANSACTION_ID", "--column", "TX_FRAUD", "--label",
                     "fraud")
        check.that(out.returncode == 0 and "1 changed" in out.stdout, "columns of other names", out)
        first = decide("old", start)
        decide("much-later", start + 20 * DAY)
        for i in range(300):
            decide(f"later{i}", start + 20 * DAY)
        answer = served.ask("POST", "/v1/labels", {"id": "old", "label": {"fraud": True}})[2]
        check.that(answer["effect"] == "expired", "an id beyond ids_age is found by the index", answer)
        answer = served.ask("POST", "/v1/labels", {"decision_id": first["decision_id"],
                                                   "label": {"fraud": True}})[2]
        check.that(answer["transaction_id"] == "old" and answer["effect"] == "expired",
                   "its decision id says the same", answer)
        answer = served.ask("POST", "/v1/labels", {"id": "nobody", "label": {"fraud": True}})[2]
        check.that(answer["effect"] == "unknown", "an id that nobody has had is unknown", answer)
        s, _, answer = served.ask("POST", "/v1/labels", {"decision_id": first["decision_id"],
                                                         "id": "other", "label": {"fraud": True}})
        check.that(s == 404, "an id that is not the decision's is refused", answer)
        s, _, answer = served.ask("POST", "/v1/labels", {"decision_id": "x", "label": {"fraud": 1}})
        check.that(s == 422, "and what is no decision id", answer)
        file.write_text("id,fraud\ne1,maybe\n")
        out = labels("import", file)
        check.that(out.returncode == 1 and "labels.csv:2" in out.stderr, "a bad cell", out)
        state = served.ask("GET", "/v1/state")[2]
        served.stop(9)
        served.start()
        check.that(served.ask("GET", "/v1/state")[2] == state, "a killed service has them all")
        served.stop()
        out = subprocess.run([weir, "journal", "export", served.folder / "state"],
                             capture_output=True, text=True, check=True)
        rows = [json.loads(line) for line in out.stdout.splitlines()]
        known = [r for r in rows if r["kind"] == "label"]
        last = [r["event"] for r in known if r["id"] == "e11"][-1]
        check.that(last == {"label": {"fraud": None}}, "each is a row of the journal", last)
        out = subprocess.run([weir, "replay", served.folder / "state", "--report", "json"],
                             capture_output=True, text=True, check=False)
        told = json.loads(out.stdout)
        check.that(out.returncode == 0 and told["labels"] == len(known)
                   and told["labels_differ"] == 0, "and takes the same effect again", told)
    return check.end()


if __name__ == "__main__":
    sys.exit(main())
