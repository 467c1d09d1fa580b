#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Lists of a running service: over HTTP and by `weir lists`, in the journal, after kills, in a replay.

    lists.py WEIR
"""
import csv
import io
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
from served import Checks, Served  # noqa: E402

CARDS = Path(__file__).resolve().parent.parent.parent / "packs" / "cards"
KEY = "a key for card numbers"
LISTS = """
lists:
  devices: {key: device.id, class: block}
  networks: {key: device.ip, match: cidr, class: block_hard, file: lists/networks.txt}
  cards: {key: card.number, match: hash, class: block}
  watched: {key: user.id}
"""


def write_pack(pack, lists=LISTS):
    shutil.rmtree(pack, ignore_errors=True)
    shutil.copytree(CARDS, pack)
    (pack / "lists").mkdir(exist_ok=True)
    (pack / "lists" / "networks.txt").write_text("192.0.2.0/24\n198.51.100.0/24\n")
    text = (pack / "weir.yaml").read_text()
    assert "\nlists:" not in text
    (pack / "weir.yaml").write_text(text + lists)


def event(name, **more):
    return {"transaction": {"id": name, "time": int(time.time() * 1000), "amount": 12,
                            "terminal_id": "1"}, "user": {"id": "u"}, **more}


count = 0


def outcome(served, **more):
    global count
    count += 1
    d = served.ask("POST", "/v1/decisions", event(f"e{count}", **more))[2]
    return d["outcome"], [r["code"] for r in d["reasons"]]


def over_http(served, check):
    entries = "/v1/lists/devices/entries"
    s, h, d = served.ask("POST", entries, {"value": "d1", "owner": "ann", "reason": "case 7"})
    check.that(s == 200 and d["added"] == 1 and h["ETag"] == f'"{d["version"]}"'
               and h["Weir-Durability"] == "durable", "an entry is put", (s, h, d))
    check.that(outcome(served, device={"id": "d1"}) == ("decline", ["LIST_BLOCK"]),
               "the next decision sees it")
    s, h, d = served.ask("GET", entries + "/d1")
    check.that(s == 200 and d["owner"] == "ann" and d["reason"] == "case 7" and "created" in d,
               "it is read back", d)
    s, _, d = served.ask("PUT", entries + "/a%2Fb%20c", {"ttl": "1h"})
    check.that(s == 200 and d["added"] == 1, "PUT names the value in the path", d)
    s, _, d = served.ask("GET", entries + "/a%2Fb%20c")
    check.that(d.get("value") == "a/b c" and "expires" in d, "with what it expires", d)
    s, _, d = served.ask("DELETE", entries + "/a%2Fb%20c")
    check.that(s == 200 and d["removed"] == 1, "DELETE takes it off", d)
    s, _, d = served.ask("GET", entries + "/a%2Fb%20c")
    check.that(s == 404, "it is gone", d)
    s, _, d = served.ask("POST", entries + ":remove", ["d1", "never"])
    check.that(d["removed"] == 1 and d["absent"] == 1, "several are taken off", d)
    check.that(outcome(served, device={"id": "d1"})[0] == "approve", "and seen no more")


def versions(served, check):
    entries = "/v1/lists/devices/entries"
    version = served.ask("GET", "/v1/lists/devices")[1]["ETag"]
    s, h, d = served.ask("POST", entries, ["v1"], {"If-Match": version})
    check.that(s == 200 and h["ETag"] != version, "a change that knows the version", d)
    s, _, d = served.ask("POST", entries, ["v2"], {"If-Match": version})
    check.that(s == 412 and d["code"] == "stale", "one that does not is refused", d)
    s, _, d = served.ask("GET", entries + "/v2")
    check.that(s == 404, "and changes nothing")


def errors(served, check):
    entries = "/v1/lists/devices/entries"
    for method, path, body, status in [
            ("GET", "/v1/lists/none", None, 404), ("POST", "/v1/lists/none/entries", "x", 404),
            ("GET", "/v1/lists/devices/other", None, 404), ("POST", "/v1/lists", [], 405),
            ("PATCH", "/v1/lists/devices", None, 405), ("PUT", entries, [], 405),
            ("GET", entries + ":remove", None, 405), ("POST", entries + "/x", None, 405),
            ("POST", entries, "[", 400), ("POST", entries, ["a"] * 1001, 422),
            ("POST", entries, ["a", {"value": 1, "ttl": "x"}], 422),
            ("GET", entries + "?limit=0", None, 422), ("GET", entries + "?after=x", None, 422),
            ("GET", entries + "?after=n99.0.0", None, 412),
            ("POST", entries, {"value": "x", "reason": "4111111111111111"}, 422)]:
        s, h, d = served.ask(method, path, body)
        check.that(s == status and d["status"] == status and (s != 405 or h.get("Allow")),
                   f"{method} {path} is {status}", (s, h, d))
    s, _, d = served.ask("POST", entries, ["a", {"value": "b", "ttl": "x"}])
    check.that(d["row"] == 2, "an error names the entry", d)


def pages(served, check):
    many = [f"p{i:05}" for i in range(2500)]
    for i in range(0, len(many), 1000):
        s, _, d = served.ask("POST", "/v1/lists/watched/entries",
                             [{"value": v, "owner": "o", "reason": "r"} for v in many[i:i + 1000]])
        check.that(s == 200, "a thousand at once", d)
    seen, after, n = [], "", 0
    while after is not None:
        d = served.ask("GET", f"/v1/lists/watched/entries?limit=700&after={after}")[2]
        seen += [e["value"] for e in d["entries"]]
        after, n = d["next"], n + 1
    check.that(seen == many and n == 4, "pages give all of them, in order", (len(seen), n))
    s, _, d = served.ask("GET", "/v1/lists")
    told = {x["name"]: x for x in d["lists"]}
    check.that(told["watched"]["entries"] == 2500 and told["networks"]["pack_entries"] == 2
               and told["cards"]["match"] == "hash", "all lists are told", told)
    s, _, d = served.ask("DELETE", "/v1/lists/watched")
    check.that(s == 200 and d["removed"] == 2500, "a list is cleared", d)


def of_pack(served, check):
    check.that(outcome(served, device={"ip": "192.0.2.9"})[0] == "decline", "the pack's file counts")
    d = served.ask("GET", "/v1/lists/networks/entries")[2]
    check.that([e["source"] for e in d["entries"]] == ["pack", "pack"], "its entries are told", d)
    d = served.ask("DELETE", "/v1/lists/networks/entries/192.0.2.0%2F24")[2]
    check.that(d["removed"] == 1, "one of them is hidden", d)
    check.that(outcome(served, device={"ip": "192.0.2.9"})[0] == "approve", "and holds no more")


def cards(served, check):
    s, _, d = served.ask("POST", "/v1/lists/cards/entries", ["4111 1111 1111 1111"])
    check.that(s == 200, "a card number is put as its token", d)
    d = served.ask("GET", "/v1/lists/cards/entries")[2]
    check.that(d["entries"][0]["value"].startswith("card_"), "and told as such", d)
    check.that(outcome(served, card={"number": "4111111111111111"})[0] == "decline", "it holds")


def command(weir, served, *arguments, **more):
    return subprocess.run([weir, "lists", *map(str, arguments), "--connect",
                           "unix:" + served.socket], capture_output=True, text=True, check=False,
                          **more)


def by_command(weir, served, check):
    rows = [["value", "owner", "reason", "expires"]] + [
        [f"dev,{i}", "desk", 'said "no"', "2100-01-01T00:00:00Z" if i % 2 else ""]
        for i in range(2300)]
    file = served.folder / "in.csv"
    with open(file, "w", newline="") as out:
        csv.writer(out).writerows(rows)
    out = command(weir, served, "import", "devices", file)
    check.that(out.returncode == 0 and "2300 added" in out.stdout, "a file is imported", out)
    out = command(weir, served, "import", "devices", file)
    check.that(out.returncode == 0 and "2300 replaced" in out.stdout, "once more replaces", out)
    out = command(weir, served, "export", "devices")
    table = list(csv.DictReader(io.StringIO(out.stdout)))
    mine = [r for r in table if r["value"].startswith("dev,")]
    check.that([[r["value"], r["owner"], r["reason"], r["expires"]] for r in mine] == rows[1:],
               "what is exported is what was imported", out.stdout[:300])
    out = command(weir, served, "add", "devices", "x1", "x2", "--owner", "ann", "--ttl", "2h")
    check.that(out.returncode == 0 and "2 added" in out.stdout, "entries are added", out)
    out = command(weir, served, "show", "devices", "x1")
    check.that(out.returncode == 0 and "ann" in out.stdout, "one is shown", out)
    out = command(weir, served, "show")
    check.that(out.returncode == 0 and "networks" in out.stdout, "all lists are shown", out)
    out = command(weir, served, "remove", "devices", "x1", "x9")
    check.that(out.returncode == 0 and "1 removed, 1 absent" in out.stdout, "one is removed", out)
    file.write_text("value,ttl\nok,1h\n\"also ok\",\nbad,soon\nnever,\n")
    out = command(weir, served, "import", "devices", file)
    check.that(out.returncode == 1 and "in.csv:4" in out.stderr, "an error names the row", out)
    check.that(served.ask("GET", "/v1/lists/devices/entries/ok")[0] == 404,
               "and its batch is not put")
    out = command(weir, served, "add", "none", "x")
    check.that(out.returncode == 1 and "no list of that name" in out.stderr, "an unknown list", out)


def journal(weir, served, check):
    out = subprocess.run([weir, "journal", "export", served.folder / "state"], capture_output=True,
                         text=True, check=True)
    rows = [json.loads(line) for line in out.stdout.splitlines()]
    changes = [r for r in rows if r["kind"] == "list"]
    check.that(len(changes) >= 10 and changes[0]["id"] == "devices"
               and changes[0]["event"]["entries"] == [{"value": "d1", "owner": "ann",
                                                       "reason": "case 7"}],
               "every change is a row of the journal", changes[:1])
    plain = ("41111111", "4111 1111")  # four digits alone also come up in digests
    check.that(not any(digits in out.stdout for digits in plain), "without card numbers")
    rows = served.folder / "rows.jsonl"
    rows.write_text(out.stdout)
    for source in (served.folder / "state", rows):
        out = subprocess.run([weir, "replay", source, "--report", "json", "--known",
                              served.folder / "pack", "--known", served.folder / "less"], capture_output=True,
                             text=True, check=False)
        told = json.loads(out.stdout) if out.stdout.startswith("{") else {}
        check.that(out.returncode == 0 and told.get("differ") == 0
                   and told["lists"] == len(changes) and told["lists_differ"] == 0,
                   f"a replay of {source.name} sees the lists as they stood",
                   (out.stdout, out.stderr))
    out = subprocess.run([weir, "lists", "export", "devices", "--state", served.folder / "state"],
                         capture_output=True, text=True, check=False)
    check.that(out.returncode == 0 and "case" not in out.stdout and '"dev,7"' in out.stdout,
               "a state directory is exported without a service", out)
    out = subprocess.run([weir, "journal", "verify", served.folder / "state"], capture_output=True,
                         text=True, check=False)
    check.that(out.returncode == 0, "the chain is whole", out)


def main():
    weir = sys.argv[1]
    check = Checks("lists")
    served = Served(weir, "--pack", "PACK", "--card-key", KEY)
    pack = served.folder / "pack"
    served.arguments[1] = str(pack)
    write_pack(pack)
    with served:
        over_http(served, check)
        versions(served, check)
        errors(served, check)
        pages(served, check)
        of_pack(served, check)
        cards(served, check)
        by_command(weir, served, check)
        before = served.ask("GET", "/v1/state")[2]
        lists = served.ask("GET", "/v1/lists")[2]
        served.stop(9)
        served.start()
        after = served.ask("GET", "/v1/state")[2]
        check.that(after == before, "a killed service comes back to the same state", (before, after))
        told = served.ask("GET", "/v1/lists")[2]
        check.that([x["entries"] for x in told["lists"]] == [x["entries"] for x in lists["lists"]],
                   "with the same lists", told)
        write_pack(pack, "\nlists:\n  devices: {key: device.id, class: tag}\n")
        shutil.copytree(pack, served.folder / "less")
        check.that(served.ask("POST", "/v1/pack:reload")[2]["changed"], "a pack without most lists")
        check.that(outcome(served, device={"id": "dev,7"})[0] == "approve"
                   and served.ask("GET", "/v1/lists/devices/entries/dev%2C7")[0] == 200,
                   "a list keeps its entries and takes the new class")
        told = {x["name"]: x for x in served.ask("GET", "/v1/lists")[2]["lists"]}
        check.that(told["cards"]["declared"] is False and told["cards"]["entries"] == 1,
                   "what is no longer declared rests", told)
        log = (served.folder / "log").read_text()
        check.that("list_not_declared" in log and "cards" in log, "and is warned of")
        write_pack(pack)
        served.ask("POST", "/v1/pack:reload")
        check.that(outcome(served, card={"number": "4111111111111111"})[0] == "decline",
                   "a pack that declares it again finds it")
        served.stop()
        journal(weir, served, check)
    return check.end()


if __name__ == "__main__":
    sys.exit(main())
