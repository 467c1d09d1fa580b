#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Challengers in shadow, seen from outside: journal, replay, export, comparison, metrics, kill -9.

    challengers.py WEIR [DECISIONS]     3,000

packs/cards with two challengers of its model: `twin`, the same module, whose scores must be the same
to the last bit, and `mad`, which takes its inputs in the wrong order.
"""
import csv
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
from served import Checks, Served, UnixConnection  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent.parent
CARDS = ROOT / "packs" / "cards"
SMALL = ["--customers", "500", "--terminals", "200", "--pattern", "20000"]


def run(*command, **more):
    return subprocess.run([str(word) for word in command], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False, **more)


def model_inputs():
    lines = (CARDS / "weir.yaml").read_text().splitlines()
    at = lines.index("    inputs:") + 1
    names = []
    while lines[at].startswith("      - "):
        names.append(lines[at][8:].strip())
        at += 1
    return names


def write_pack(pack):
    shutil.copytree(CARDS, pack)
    names = model_inputs()
    challengers = "".join(
        f"  {name}: {{file: models/fraud.wasm, role: challenger, inputs: [{', '.join(inputs)}],"
        f" output: probability}}\n" for name, inputs in (("mad", names[::-1]), ("twin", names)))
    text = (pack / "weir.yaml").read_text()
    (pack / "weir.yaml").write_text(text.replace("models:\n", "models:\n" + challengers, 1))


def feed(weir, served, n, batch=20):
    out = run(weir, "load", "--connect", "unix:" + served.socket, "--count", n, "--for", "900s",
              "--batch", batch, "--connections", "2", *SMALL, "--labels", "50ms", "--report", "json")
    return json.loads(out.stdout)["run"]


def metric(served, name):
    for line in served.ask("GET", "/metrics")[2].splitlines():
        if line.startswith(name + " "):
            return float(line.split()[-1])
    return None


def wait_for(served, name, value):
    for _ in range(200):
        if metric(served, name) == value:
            return True
        time.sleep(0.02)
    return False


def check_live(weir, served, n, check):
    feed(weir, served, n)
    check.that(wait_for(served, "weir_shadow_pending", 0), "the backlog of a load goes")
    now = int(time.time() * 1000)
    events = [{"transaction": {"id": f"l{i}", "time": now, "amount": 20 + i * 7 % 300,
                               "terminal_id": str(i % 9)}, "user": {"id": str(i % 5)}}
              for i in range(60)]
    served.ask("POST", "/v1/decisions:batch", events)
    for i in range(60):
        served.ask("POST", "/v1/labels", {"id": f"l{i}", "label": {"fraud": i % 3 == 0}})
    check.that(wait_for(served, "weir_shadow_pending", 0), "the backlog goes")
    told = {line.split(" ")[0]: float(line.split(" ")[1])
            for line in served.ask("GET", "/metrics")[2].splitlines() if not line.startswith("#")}
    n_decided = sum(v for k, v in told.items() if k.startswith("weir_decisions_total"))
    n_covered = sum(v for k, v in told.items() if k.startswith("weir_shadow_decisions_total"))
    check.that(n_decided == n_covered >= n, "every decision is scored or told", (n_decided, n_covered))
    pair = '{model="twin",champion="fraud"'
    check.that(told["weir_challenger_difference_max" + pair + "}"] == 0 and
               told["weir_challenger_outcomes_changed_total" + pair + "}"] == 0 and
               told["weir_challenger_scores_total" + pair + ',result="scored"}'] > 0,
               "the same module gives the same scores", told)
    check.that(told['weir_challenger_difference_max{model="mad",champion="fraud"}'] > 0.01,
               "another one does not", told)
    one = served.ask("POST", "/v1/decisions", {
        "transaction": {"id": "one", "time": int(time.time() * 1000), "amount": 12,
                        "terminal_id": "7"}, "user": {"id": "3"}})[2]
    check.that(list(one["scores"]) == ["fraud"], "answers know nothing of challengers", one)


def check_journal(weir, state, folder, check):
    out = run(weir, "journal", "verify", state)
    check.that(out.returncode == 0 and "whole" in out.stdout, "the chain is whole", out.stdout)
    for _ in range(2):  # reading changes nothing
        out = run(weir, "replay", state, "--report", "json")
        told = json.loads(out.stdout)
        check.that(out.returncode == 0 and told["differ"] == 0 and told["shadow"]["differ"] == 0 and
                   told["shadow"]["entries"] > 0 and told["shadow"]["unknown"] == 0,
                   "a replay gives the same scores", told)
    exported = folder / "journal.jsonl"
    with open(exported, "w") as file:
        subprocess.run([weir, "journal", "export", str(state)], stdout=file, check=True)
    rows = [json.loads(line) for line in open(exported)]
    shadow = [row for row in rows if row["kind"] == "shadow"]
    flagged = {row["sequence"] for row in rows if row["kind"] == "decision" and row["flags"] & 16}
    scored = {item["decision"] for row in shadow for item in row["derived"].get("scores", [])}
    check.that(len(shadow) == told["shadow"]["entries"] and scored <= flagged and
               all(row["document"]["shadow_id"].endswith("-%d" % row["sequence"]) for row in shadow),
               "JSON lines hold the entries", len(shadow))
    check.that(sum(row["derived"]["n"] for row in shadow) == len(flagged) and
               all(a["derived"]["upto"] == b["derived"]["after"]
                   for a, b in zip(shadow, shadow[1:])),
               "entries cover every flagged decision, once", len(flagged))
    packs = [word for pack in (state / "packs").glob("*.tar") for word in ("--known", str(pack))]
    out = run(weir, "replay", exported, "--report", "json", *packs)
    again = json.loads(out.stdout)
    check.that(again["shadow"]["differ"] == 0 and again["shadow"]["entries"] == len(shadow),
               "an exported file too", again["shadow"])
    table = run(weir, "journal", "export", state, "--format", "csv").stdout
    kinds = [row["kind"] for row in csv.DictReader(table.splitlines())]
    check.that(kinds.count("shadow") == len(shadow), "and CSV", kinds.count("shadow"))
    middle = rows[len(rows) // 2]["sequence"]
    out = run(weir, "replay", state, "--first", middle, "--report", "json")
    check.that(out.returncode == 0 and json.loads(out.stdout)["shadow"]["differ"] == 0,
               "from the middle on nothing differs either", out.stdout)
    return rows, len(flagged), len(scored)


def auc(scored):
    """By counting all pairs of a fraud and another."""
    frauds = [score for score, fraud in scored if fraud]
    others = [score for score, fraud in scored if not fraud]
    above = sum((f > o) + (f == o) / 2 for f in frauds for o in others)
    return above / (len(frauds) * len(others))


def check_labels(rows, items, scores, mad, check):
    sequence_of = {row["id"]: row["sequence"] for row in rows if row["kind"] == "decision"}
    labels = {sequence_of[row["id"]]: row["event"]["label"]["fraud"] for row in rows
              if row["kind"] == "label" and row["id"] in sequence_of}
    marked = [(item["decision"], item["score"], labels.get(item["decision"], False))
              for item in items]
    check.that(mad["frauds"] == sum(fraud for _, _, fraud in marked) >= 20 and
               mad["labelled"] == sum(decision in labels for decision, _, _ in marked) > 0,
               "frauds are counted, and labels of what was scored",
               (mad["frauds"], mad["labelled"], len(labels)))
    check.that(abs(mad["as_challenger"]["auc"] - auc([(s, f) for _, s, f in marked])) < 1e-9 and
               abs(mad["as_champion"]["auc"] - auc([(scores[d], f) for d, _, f in marked])) < 1e-9,
               "AUC is that of all pairs", mad)


def check_comparison(weir, state, rows, n_flagged, n_scored, check):
    out = run(weir, "journal", "challengers", state, "--report", "json")
    told = json.loads(out.stdout)
    by_name = {c["model"]: c for c in told["challengers"]}
    check.that(told["decisions"] == n_flagged and told["scored"] == n_scored and
               told["uncovered"] == 0, "the comparison counts what there is", told)
    twin, mad = by_name["twin"], by_name["mad"]
    check.that(twin["changed"] == 0 and twin["difference"]["max_abs"] == 0 and
               abs(twin["correlation"] - 1) < 1e-9 and
               twin["as_champion"] == twin["as_challenger"], "twins are alike", twin)
    outcomes = {row["sequence"]: row["document"]["outcome"] for row in rows
                if row["kind"] == "decision"}
    scores = {row["sequence"]: row["derived"]["scores"].get("fraud") for row in rows
              if row["kind"] == "decision"}
    items = [item for row in rows if row["kind"] == "shadow"
             for item in row["derived"].get("scores", [])
             if item["model"] == "mad" and "score" in item]  # a late one may be without
    check.that(all(abs(item["score"] - scores[item["decision"]] - item["difference"]) < 1e-12
                   for item in items), "differences are those of the scores", len(items))
    changed = [item for item in items if "outcome" in item]
    check.that(mad["changed"] == len(changed) > 0 and mad["scored"] == len(items) and
               all(item["was"] == outcomes[item["decision"]] != item["outcome"] for item in changed)
               and sum(c["n"] for c in mad["changes"]) == len(changed),
               "changes are told one by one", mad)
    mean = sum(item["difference"] for item in items) / len(items)
    check.that(abs(mad["difference"]["mean"] - mean) < 1e-9 and
               mad["correlation"] < 1, "the mean and the correlation", mad)
    check_labels(rows, items, scores, mad, check)
    text = run(weir, "journal", "challengers", state).stdout
    check.that("twin against fraud" in text and "instead of" in text and "AUC" in text,
               "the text says the same", text)


def kill_behind_answers(served, tag):
    """Kills the service right behind an answer; returns how many lost decisions the next one tells."""
    connection = UnixConnection(served.socket)
    for i in range(30):
        connection.request("POST", "/v1/decisions", json.dumps({
            "transaction": {"id": f"{tag}-{i}", "time": int(time.time() * 1000), "amount": 12,
                            "terminal_id": "7"}, "user": {"id": "3"}}))
        connection.getresponse().read()
    served.stop(9)
    connection.close()
    served.start()
    return metric(served, 'weir_shadow_decisions_total{result="lost"}')


def check_kill(weir, served, check):
    lost = []
    served.start()
    while len(lost) < 10 and not any(lost):  # what was scored may just have reached the disk
        lost.append(kill_behind_answers(served, f"k{len(lost)}"))
    check.that(lost[-1] >= 1, "what a kill has lost is told", lost)
    served.stop(15)
    check.that('"shadow_lost"' in (served.folder / "log").read_text(), "and logged")
    served.start()
    again = metric(served, 'weir_shadow_decisions_total{result="lost"}')
    check.that(again == 0, "once", again)
    served.stop(15)
    out = run(weir, "replay", served.folder / "state", "--report", "json")
    told = json.loads(out.stdout)
    check.that(out.returncode == 0 and told["shadow"]["differ"] == 0 and
               told["shadow"]["unknown"] == 0, "a replay tells the same losses", told)
    told = json.loads(run(weir, "journal", "challengers", served.folder / "state", "--report",
                          "json").stdout)
    check.that(told["lost"] == sum(lost) and told["uncovered"] == 0,
               "and so does the comparison", told)


def check_syncs(served, check):
    """Scores go to the disk with the next decision's row: no answer waits for a sync of theirs."""
    before = metric(served, "weir_journal_syncs_total")
    connection = UnixConnection(served.socket)
    for i in range(200):
        connection.request("POST", "/v1/decisions", json.dumps({
            "transaction": {"id": f"s{i}", "time": int(time.time() * 1000), "amount": 12,
                            "terminal_id": "7"}, "user": {"id": "3"}}))
        connection.getresponse().read()
    connection.close()
    syncs = metric(served, "weir_journal_syncs_total") - before
    entries = metric(served, "weir_shadow_entries_total")
    check.that(entries >= 200 and 200 <= syncs < 260, "a decision takes one sync", (syncs, entries))


def check_rivals(weir, check):
    """The example pack: a model for each segment, fallbacks, and a challenger of the whole."""
    with Served(weir, "--mode", "durable", "--pack", str(ROOT / "packs" / "rivals")) as served:
        feed(weir, served, 2000)
        check_syncs(served, check)
        event = {"transaction": {"id": "r1", "time": int(time.time() * 1000), "amount": 12,
                                 "terminal_id": "7"}, "user": {"id": "nobody"}}
        one = served.ask("POST", "/v1/decisions", event)[2]
        check.that(sorted(one["scores"]) == ["fraud", "new"] and one["degraded"] == [],
                   "who has no history is scored by the model for that", one)
        event["transaction"].update(id="r2", time=event["transaction"]["time"] + 1)
        del event["transaction"]["amount"]
        none = served.ask("POST", "/v1/decisions", event)
        check.that(none[0] == 422, "an amount is required", none)
        check.that(wait_for(served, "weir_shadow_pending", 0), "the backlog goes")
        served.stop()
        state = served.folder / "state"
        out = run(weir, "journal", "challengers", state, "--report", "json")
        told = json.loads(out.stdout)
        check.that(told["uncovered"] == 0 and told["challengers"][0]["champion"] == "fraud" and
                   told["challengers"][0]["compared"] > 1000 and
                   told["challengers"][0]["difference"]["max_abs"] > 0, "it is compared", told)
        out = run(weir, "replay", state, "--report", "json")
        told = json.loads(out.stdout)
        check.that(out.returncode == 0 and told["shadow"]["entries"] > 0 and
                   told["shadow"]["differ"] == 0, "and replayed", told)


def main():
    weir, check = sys.argv[1], Checks("challengers")
    n = int(sys.argv[2]) if len(sys.argv) > 2 else 3000
    served = Served(weir, "--mode", "fast", "--pack", "")
    pack = served.folder / "pack"
    served.arguments[-1] = str(pack)
    write_pack(pack)
    try:
        out = run(weir, "pack", "check", pack)
        check.that("model twin: challenger of fraud in shadow" in out.stdout, "roles are shown",
                   out.stdout[-600:])
        served.start()
        check_live(weir, served, n, check)
        check.that(served.stop() == 0, "the service ends cleanly")
        state = served.folder / "state"
        rows, n_flagged, n_scored = check_journal(weir, state, served.folder, check)
        check_comparison(weir, state, rows, n_flagged, n_scored, check)
        check_kill(weir, served, check)
        check_rivals(weir, check)
    finally:
        served.stop()
        shutil.rmtree(served.folder, ignore_errors=True)
    return check.end()


if __name__ == "__main__":
    sys.exit(main())
