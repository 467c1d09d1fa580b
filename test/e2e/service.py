#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The service from outside: what it answers, and what it says to bad input.

    service.py WEIR
"""
import json
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
from served import Checks, Served  # noqa: E402

PACK = Path(__file__).resolve().parent.parent.parent / "packs" / "cards"


def event(name, amount=57.16, customer="596", terminal="3156", at=None):
    return {"transaction": {"id": name, "time": int((at or time.time()) * 1000), "amount": amount,
                            "terminal_id": terminal}, "user": {"id": customer}}


def good(served, check):
    status, headers, first = served.ask("POST", "/v1/decisions", event("a"))
    check.that(status == 200 and first["transaction_id"] == "a", "a decision is answered", first)
    for key in ("decision_id", "outcome", "score", "scores", "reasons", "degraded", "pack", "late"):
        check.that(key in first, f"the document has {key}", first)
    check.that("Weir-Elapsed-Us" in headers and headers.get("Weir-Durability") == "durable",
               "the headers tell time and durability", headers)
    status, _, again = served.ask("GET", "/v1/decisions/" + first["decision_id"])
    check.that(status == 200 and again == first, "the decision is found by its id", again)
    status, _, _ = served.ask("GET", "/v1/decisions/0000000000000000-1-1")
    check.that(status == 404, "an unknown decision is 404", status)


def durable(served, check):
    """In mode durable zeros lie ahead of the rows, and the journal's thread leaves the processor to those
    whose rows it waits for."""
    log = max((served.folder / "state").glob("journal-*.log"))
    check.that(log.stat().st_size % 4096 == 0 and log.read_bytes()[-1024:] == bytes(1024), "zeros lie ahead of the rows", log)
    tasks = Path(f"/proc/{served.process.pid}/task")
    nice = {}
    for task in tasks.iterdir():
        name, rest = (task / "stat").read_text().split("(", 1)[1].rsplit(") ", 1)
        nice[name] = int(rest.split()[16])
    loop = nice[(tasks / str(served.process.pid) / "comm").read_text().strip()]
    check.that(nice["weir-journal"] == min(loop + 6, 19), "the journal's thread gives way by six steps", nice)


def once(served, check):
    body = event("once", amount=12)
    _, h1, d1 = served.ask("POST", "/v1/decisions", body)
    s2, h2, d2 = served.ask("POST", "/v1/decisions", body)
    check.that(s2 == 200 and d1 == d2 and h2.get("Weir-Replayed") == "true",
               "the same id and body gets the first answer", (d1, d2, h2))
    body["transaction"]["amount"] = 13
    s3, _, d3 = served.ask("POST", "/v1/decisions", body)
    check.that(s3 == 409 and d3.get("code") == "conflict", "another body is 409", d3)
    _, _, d4 = served.ask("POST", "/v1/decisions", event("after-once", amount=12))
    check.that(d4["outcome"] == d1["outcome"], "the service goes on", d4)


def bad(served, check):
    s, h, d = served.ask("POST", "/v1/decisions", '{"transaction": {"id": "x",}}')
    check.that(s == 400 and d.get("offset") == 27 and d.get("code") == "json",
               "malformed JSON is 400 with the byte offset", d)
    check.that(h.get("Content-Type", "").startswith("application/problem+json"),
               "an error is a problem document", h)
    cases = [
        ({"transaction": {"time": 1, "amount": 1}}, "transaction.id"),
        ({**event("b1"), "transaction": {"id": "b1", "time": "noon", "amount": 1}}, "transaction.time"),
        ({**event("b2"), "transaction": {**event("b2")["transaction"], "amount": "1"}},
         "transaction.amount"),
        ({**event("b3"), "transaction": {**event("b3")["transaction"], "amount": 1.234}},
         "transaction.amount"),
        ({**event("b4"), "user": {"id": {"x": 1}}}, "user.id"),
    ]
    for body, path in cases:
        s, _, d = served.ask("POST", "/v1/decisions", body)
        check.that(s == 422 and path in json.dumps(d), f"422 names {path}", d)
    for key in ("features", "scores", "lists", "missing"):
        s, _, d = served.ask("POST", "/v1/decisions", {**event("b5"), key: {}})
        check.that(s == 422 and d.get("code") == "reserved", f"a client cannot send {key}", d)
    s, _, d = served.ask("POST", "/v1/decisions", event("future", at=time.time() + 3600))
    check.that(s == 422 and d.get("code") == "future", "an event of the future is 422", d)
    s, _, d = served.ask("POST", "/v1/decisions", {**event("pan"), "note": "4111111111111111"})
    check.that(s == 422 and d.get("code") == "card_number" and "4111111111111111" not in json.dumps(d),
               "a card number is refused and not repeated", d)
    s, _, _ = served.ask("POST", "/v1/decisions", "[" * 100000)
    check.that(s in (400, 422), "deep nesting is refused", s)
    s, _, _ = served.ask("GET", "/v1/decisions")
    check.that(s in (400, 405), "a wrong method is refused", s)
    s, _, _ = served.ask("GET", "/nothing")
    check.that(s == 404, "an unknown path is 404", s)


def batch(served, check):
    events = [event(f"batch-{i}", amount=i + 1) for i in range(300)]
    events[7]["transaction"]["amount"] = "seven"
    s, _, d = served.ask("POST", "/v1/decisions:batch", events)
    check.that(s == 200 and len(d) == 300, "a batch of 300 is answered", s)
    check.that([x.get("decision", {}).get("transaction_id") for x in d[:3]] ==
               ["batch-0", "batch-1", "batch-2"], "in order", d[:1])
    check.that("decision" not in d[7] or d[7]["decision"] is None, "a bad one fails alone", d[7])
    lines = "\n".join(json.dumps(event(f"line-{i}")) for i in range(5))
    s, h, text = served.ask("POST", "/v1/decisions:batch", lines,
                            {"Content-Type": "application/x-ndjson"})
    check.that(s == 200 and isinstance(text, str) and len(text.strip().splitlines()) == 5,
               "NDJSON gives NDJSON", text)


def labels(served, check):
    served.ask("POST", "/v1/decisions", event("to-label"))
    s, _, d = served.ask("POST", "/v1/labels", {"id": "to-label", "label": {"fraud": True}})
    check.that(s == 200, "a label is taken", d)
    s, _, d = served.ask("POST", "/v1/labels", {"id": "to-label", "label": {"colour": True}})
    check.that(s == 422, "an unknown label is 422", d)
    s, _, d = served.ask("POST", "/v1/labels", {"id": "never-seen", "label": {"fraud": True}})
    check.that(s == 200, "a label for an unknown id is stored", d)


def around(served, check):
    s, _, d = served.ask("GET", "/health")
    check.that(s == 200, "it is healthy", d)
    s, _, text = served.ask("GET", "/metrics")
    check.that(s == 200 and "weir_decisions_total" in text, "it has metrics", text)
    s, _, d = served.ask("POST", "/v1/data/risk/allow", {"input": {"features": {"tx_amount": 10},
                                                                   "scores": {"fraud": 0.01}}})
    check.that(s == 200 and d == {"result": True}, "OPA's data API answers", d)
    s, _, d = served.ask("POST", "/v1/data/risk/nothing", {"input": {}})
    check.that(s == 200 and d == {}, "undefined is {}", d)
    s, _, d = served.ask("POST", "/v1/data/risk", "{")
    check.that(s == 400 and d.get("code") == "invalid_parameter", "errors have OPA's shape", d)
    s, _, d = served.ask("GET", "/v1/state")
    check.that(s == 200 and len(d.get("digest", "")) == 64, "the state has a digest", d)
    return d


def reload(weir, check):
    """The next pack of a running service, over HTTP and by signal."""
    with tempfile.TemporaryDirectory() as folder:
        pack = Path(folder, "pack")
        shutil.copytree(PACK, pack)
        thresholds, policy = pack / "data.yaml", pack / "risk.rego"
        good = thresholds.read_text()
        with Served(weir, "--pack", str(pack)) as served:
            _, _, before = served.ask("GET", "/v1/pack")
            _, _, first = served.ask("POST", "/v1/decisions", event("r1", amount=2600))
            text = policy.read_text()
            policy.write_text(text + "\nbroken if {\n")
            s, _, d = served.ask("POST", "/v1/pack:reload")
            check.that(s == 422 and "risk.rego" in json.dumps(d), "a broken policy is 422 with its file", d)
            policy.write_text(text)
            manifest = pack / "weir.yaml"
            text = manifest.read_text()
            manifest.write_text(text.replace("score: fraud", "score: other"))
            s, _, d = served.ask("POST", "/v1/pack:reload")
            check.that(s == 422 and d.get("path") == "weir.yaml" and
                       d["detail"].startswith("weir.yaml: decision.score:"),
                       "a broken weir.yaml is 422 with its file and place", d)
            manifest.write_text(text)
            model = (pack / "models" / "fraud.wasm").read_bytes()
            (pack / "models" / "fraud.wasm").write_bytes(model[:-20])
            s, _, d = served.ask("POST", "/v1/pack:reload")
            check.that(s == 422 and "fraud.wasm" in json.dumps(d), "a cut model is 422 with its file", d)
            (pack / "models" / "fraud.wasm").write_bytes(model)
            _, _, same = served.ask("GET", "/v1/pack")
            check.that(same == before, "the running pack is untouched", same)
            thresholds.write_text(good + "\nmore: 1\n")
            s, _, d = served.ask("POST", "/v1/pack:reload")
            check.that(s == 200 and d["changed"] and d["sequence"] == 2, "a good pack takes over", d)
            _, _, after = served.ask("POST", "/v1/decisions", event("r2", amount=2600))
            check.that(after["pack"]["digest"] == d["digest"] != first["pack"]["digest"],
                       "decisions name the new pack", after)
            thresholds.write_text(good)
            served.process.send_signal(signal.SIGHUP)
            for _ in range(500):
                _, _, d = served.ask("GET", "/v1/pack")
                if d["digest"] == before["digest"]:
                    break
                time.sleep(0.01)
            check.that(d["digest"] == before["digest"], "a hang-up signal does the same", d)


def main():
    check = Checks("service")
    reload(sys.argv[1], check)
    with Served(sys.argv[1], "--pack", str(PACK)) as served:
        for part in (good, durable, once, bad, batch, labels):
            part(served, check)
        before = around(served, check)
        check.that(served.stop() == 0, "it ends cleanly", "")
        served.start()
        _, _, after = served.ask("GET", "/v1/state")
        check.that(before["digest"] == after["digest"] and before["sequence"] == after["sequence"],
                   "a restart rebuilds the same state", (before, after))
        _, h, d = served.ask("POST", "/v1/decisions", event("once", amount=12, at=time.time()))
        check.that("Weir-Replayed" in h or d.get("code") == "conflict",
                   "ids are remembered over a restart", d)
    return check.end()


sys.exit(main())
