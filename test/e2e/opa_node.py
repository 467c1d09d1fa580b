#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""OPA's API beside decisions: what a client may change, what it may not, and that nothing it does
changes a decision.

    opa_node.py WEIR
"""
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
from served import Checks, Served  # noqa: E402

PACKS = Path(__file__).resolve().parent.parent.parent / "packs"
POLICY = {"Content-Type": "text/plain"}


def event(name):
    return {"transaction": {"id": name, "time": int(time.time() * 1000), "amount": 57.16, "terminal_id": "3156"},
            "user": {"id": "596"}}


def bare(document):
    return {k: v for k, v in document.items() if k not in ("decision_id", "transaction_id")}


def read_only(weir, check):
    with Served(weir, "--pack", str(PACKS / "cards")) as served:
        for method, path in (("PUT", "/v1/policies/a"), ("PUT", "/v1/data/a"), ("PATCH", "/v1/data"),
                             ("DELETE", "/v1/data/a"), ("DELETE", "/v1/policies/a")):
            status, _, d = served.ask(method, path, "[]")
            check.that(status == 403 and d["code"] == "unauthorized", f"{method} {path} is refused by default", d)
        status, _, d = served.ask("GET", "/v1/policies")
        check.that(status == 200 and [p["id"] for p in d["result"]] == ["derive.rego", "risk.rego"],
                   "the pack's modules are listed", [p["id"] for p in d.get("result", [])])
        status, _, d = served.ask("POST", "/v1/query", {"query": "x = data.thresholds"})
        check.that(status == 200 and d["result"][0]["x"], "queries are answered", d)
        status, _, d = served.ask("GET", "/health?ready")
        check.that(status == 200 and d["ready"] is True, "the node's own health stays", d)
        for path in ("/health?bundles", "/health?plugins"):
            status, _, d = served.ask("GET", path)
            check.that((status, d) == (200, {}), "OPA's health is answered " + path, d)
        _, _, text = served.ask("GET", "/metrics")
        check.that('http_request_duration_seconds_count{code="403"' in text and "weir_ready 1" in text,
                   "both kinds of metrics are told", text[:200])


def writing(weir, check):
    folder = Path(tempfile.mkdtemp(prefix="weir-pack-"))
    pack = folder / "cards"
    shutil.copytree(PACKS / "cards", pack)
    with Served(weir, "--pack", str(pack), "--opa-api", "write") as served:
        _, _, first = served.ask("POST", "/v1/decisions", event("a"))
        cases = [("PUT", "/v1/policies/evil", POLICY, "package risk\ndeny = true", 'path risk is owned by bundle "pack"'),
                 ("PUT", "/v1/policies/evil", POLICY, "package derive.x\np = 1",
                  'path derive/x is owned by bundle "pack"'),
                 ("PUT", "/v1/policies/risk.rego", POLICY, "package free\np = 1", 'path risk is owned by bundle "pack"'),
                 ("DELETE", "/v1/policies/risk.rego", {}, None, 'path risk is owned by bundle "pack"'),
                 ("PUT", "/v1/data/thresholds/amount", {}, "1", 'path thresholds/amount is owned by bundle "pack"'),
                 ("PATCH", "/v1/data", {}, '[{"op":"add","path":"/risk/deny","value":true}]',
                  'path risk/deny is owned by bundle "pack"'),
                 ("DELETE", "/v1/data/thresholds", {}, None, 'path thresholds is owned by bundle "pack"'),
                 ("PUT", "/v1/data", {}, "{}", "can't write to document root with bundle roots configured")]
        for method, path, headers, body, message in cases:
            status, _, d = served.ask(method, path, body, headers)
            check.that(status == 400 and d["message"] == message, f"{method} {path} is refused", d)
        status, _, d = served.ask("PUT", "/v1/policies/mine", "package mine\nlimit := data.thresholds\nx := data.own.x",
                                  POLICY)
        check.that(status == 200, "a policy of one's own is taken", d)
        status, _, d = served.ask("PUT", "/v1/data/own", {"x": 7})
        check.that(status == 204, "data of one's own are taken", d)
        _, _, d = served.ask("GET", "/v1/data/mine/x")
        check.that(d == {"result": 7}, "both are read together", d)
        _, _, second = served.ask("POST", "/v1/decisions", {**event("b"), "user": {"id": "597"}})
        check.that(bare(first) == bare(second), "no decision has changed", (first, second))
        big = "package big\n" + "\n".join(f"p{i} = {i}" for i in range(20000))
        status, _, d = served.ask("PUT", "/v1/policies/big", big, POLICY)
        check.that(status == 413 and "256 KiB" in d["message"], "more code than a node compiles is refused", d)
        slow = "package slow\np {\n" + "".join(f"x{i} = x{i - 1} + 1\n" for i in range(3600, 0, -1)) + "x0 = 1\n}\n"
        status, _, d = served.ask("PUT", "/v1/policies/slow", slow, POLICY)
        check.that(status == 413 and "2000000 steps" in d["message"], "code that is long to check is refused", d)
        status, _, d = served.ask("POST", "/v1/query",
                                  {"query": "count({[a, b] | a := numbers.range(1, 2000)[_]; b := numbers.range(1, 2000)[_]})"})
        check.that(status == 500 and d["errors"][0]["code"] == "eval_cancel_error",
                   "an endless query ends at its fuel", d)
        chain = "; ".join(f"x{i} = x{i + 1} + 1" for i in range(400)) + "; x400 = 1"
        status, _, d = served.ask("POST", "/v1/query", {"query": chain})
        check.that(status == 413 and "WR_LIMIT_OPA_QUERY" in d["message"],
                   "a query that is long to compile is refused", (status, d))
        status, _, d = served.ask("POST", "/v1/query", {"query": chain[:3990].rpartition(";")[0]})
        check.that(status == 400 and "unsafe" in json.dumps(d), "one that fits is compiled", (status, d))
        for i in range(12):
            status, _, d = served.ask("PUT", f"/v1/data/own/fill{i}", json.dumps(["x" * 1000] * 3000))
            if status != 204:
                break
        check.that(status == 413 and "limit" in d["message"], "documents are bounded", (status, d))
        _, _, d = served.ask("GET", "/v1/data/mine/x")
        check.that(d == {"result": 7}, "a refused write changes nothing", d)
        (pack / "risk.rego").write_text((pack / "risk.rego").read_text() + "\nnew_rule := 1\n")
        status, _, d = served.ask("POST", "/v1/pack:reload")
        check.that(status == 200 and d["changed"], "the pack changes", d)
        _, _, d = served.ask("GET", "/v1/data/risk/new_rule")
        check.that(d == {"result": 1}, "the new pack is asked", d)
        _, _, d = served.ask("GET", "/v1/data/mine/x")
        check.that(d == {"result": 7}, "what clients have set outlives the change", d)
    shutil.rmtree(folder)


def main():
    check = Checks("opa_node")
    read_only(sys.argv[1], check)
    writing(sys.argv[1], check)
    return check.end()


if __name__ == "__main__":
    sys.exit(main())
