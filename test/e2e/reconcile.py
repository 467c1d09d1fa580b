# SPDX-License-Identifier: Apache-2.0
"""weir reconcile: two nodes that knew nothing of each other, and what one would have decided."""
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from redis import Node, patient_pack
from served import Checks


def event(serial, card="c1", amount=10, at=0):
    return {"transaction": {"id": f"e{serial}", "time": START + at, "amount": amount}, "card": {"token": card}}


START = int(time.time() * 1000) - 60000


def main():
    weir, check = sys.argv[1], Checks("reconcile")

    def reconcile(*arguments):
        return subprocess.run([weir, "reconcile", *map(str, arguments)], capture_output=True, text=True)

    with tempfile.TemporaryDirectory() as folder:
        key = Path(folder, "fleet.key")
        key.write_text("the secret of this fleet\n")
        key, pack = str(key), patient_pack(folder)
        with Node(weir, key, pack=pack) as a, Node(weir, key, pack=pack) as b, Node(weir, key, pack=pack) as idle:
            for i in range(16):  # by turns: on each node eight of a card, in all more than ten
                outcome = (a, b)[i % 2].decide(event(i, at=i * 100))[1]["outcome"]
                check.that(outcome == ("approve" if i < 10 else "review"), "a node alone has its lower limit",
                           (i, outcome))
            for i in range(3):
                a.decide(event(f"other{i}", f"d{i}", at=2000 + i))
            b.decide(event("other1", "d1", at=2001))  # its caller had no answer from a
            forged = "x\n  ids decided twice: 0\x1b[2J"
            for node in (a, b):
                node.decide({"transaction": {"id": forged, "time": START + 2100, "amount": 1}, "card": {"token": "f"}})
            b.decide(event("other2", "d2", amount=900, at=2002))  # and this one had another body
            a.ask("POST", "/v1/labels", {"id": "e1", "label": {"fraud": True}})
            for node in (a, b, idle):
                node.stop()
            states = [n.folder / "state" for n in (a, b, idle)]
            done = reconcile(*states, "--report", "json")
            report = json.loads(done.stdout)
            check.that(done.returncode == 1, "repeats are told by the exit code", done.returncode)
            twice = report["twice"]
            check.that((twice["two_nodes"], twice["one_node"], twice["differ"]) == (3, 0, 1), "three ids came twice",
                       twice)
            check.that([e["transaction_id"] for e in twice["examples"]] == ["eother1", forged, "eother2"], "and which",
                       twice)
            changed = report["changed"]
            check.that(changed["compared"] == 20 and changed["changed"] == 6 and
                       changed["by"] == [{"was": "review", "is": "decline", "n": 6}],
                       "from the eleventh event on all windows see it", changed)
            check.that([n["decisions"] for n in report["nodes"]] == [12, 11, 0] and report["decisions"] == 23,
                       "totals by node", report["nodes"])
            check.that(all(n["lacked_news"] == n["decisions"] for n in report["nodes"]), "none had news of another")
            text = reconcile(*states)
            check.that(text.returncode == 1 and "ids decided twice: 3 on two nodes, 0 on one node; 1 with another"
                       in text.stdout and "would have changed 6 of 20 decisions (30.000 %)" in text.stdout
                       and "review -> decline: 6" in text.stdout, "the same as text", text.stdout)
            check.that("\x1b" not in text.stdout and text.stdout.count("\n  ids decided") == 0 and
                       json.dumps(forged) in text.stdout, "an id ends no line and moves no cursor", text.stdout)
            alone = reconcile(states[0])
            check.that(alone.returncode == 0 and "0 on two nodes, 0 on one" in alone.stdout, "one journal alone",
                       alone.stdout + alone.stderr)
            for arguments, word in [((states[0], states[0]), "another process owns"), ((Path(folder, "none"),), "none"),
                                    ((states[2],), "the journals are empty"), ((), "wants 1 to"),
                                    ((states[0], "--report", "xml"), "text or json")]:
                done = reconcile(*arguments)
                check.that(done.returncode in (1, 2) and word in done.stderr and not done.stdout,
                           f"refused: {word}", done.stderr)
    return check.end()


if __name__ == "__main__":
    sys.exit(main())
