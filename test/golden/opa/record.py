#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Records what a real OPA 0.60.0 answers, for the tests beside this file. Not needed to run them.

    record.py OPA        writes rest_more.json here

Requests below are made one after another against `opa run --server`; only the headers that the
test compares are kept.
"""
import gzip
import http.client
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
KEPT = ("Content-Type", "Location", "Vary", "Content-Encoding", "X-Content-Type-Options")
PORT = 18461

FILES = {
    "own/.manifest": '{"revision": "r7", "roots": ["own", "shared/a"]}',
    "own/p.rego": "package own\n\nallow { input.x > 1 }\nnames[n] { n := data.own.list[_] }\n"
                  "big := [x | x := numbers.range(1, 400)[_]]\n",
    "own/own/data.json": '{"list": ["b", "a", "b"]}',
    "own/shared/a/data.json": '{"k": [1, {"z": null}]}',
}

J = {"Content-Type": "application/json"}


def exchanges():
    yield "GET", "/v1/data", {}, None
    yield "GET", "/v1/data/own/names", {}, None
    yield "GET", "/v1/data/own/names?pretty", {}, None
    yield "GET", "/v1/data/own/names?pretty=1", {}, None
    yield "GET", "/v1/data/own?provenance=true&pretty=TRUE", {}, None
    yield "GET", "/v1/data/own/big", {"Accept-Encoding": "gzip"}, None
    yield "POST", "/v1/data/own/allow", {"Accept-Encoding": "gzip"}, '{"input":{"x":2}}'
    for path in ("", "/own", "/own/x", "/shared", "/shared/a", "/shared/a/k/0"):
        yield "PUT", "/v1/data" + path, J, '{"q": 1}'
    yield "PUT", "/v1/data/shared/b", J, '{"list": [1, 2.50, {"d": "<&>"}], "é": "\\u00e9"}'
    yield "GET", "/v1/data/shared", {}, None
    yield "GET", "/v1/data/shared/b/list/2/d", {}, None
    yield "GET", "/v1/data/shared/b/list/-1", {}, None
    yield "GET", "/v1/data/shared/b/%C3%A9", {}, None
    yield "PUT", "/v1/data/free/a/b/c", J, "[]"
    yield "PUT", "/v1/data/free/a/b/c/d", J, "1"
    yield "PUT", "/v1/data/free/a/b/c/0/x", J, "1"
    yield "PUT", "/v1/data/free/a/b/e", {**J, "If-None-Match": "*"}, '"new"'
    yield "PUT", "/v1/data/free/a/b/e", {**J, "If-None-Match": "*"}, '"newer"'
    yield "GET", "/v1/data/free", {}, None
    bad = ["", "nul", "tru}", '"a', '"a\\x"', '"\\u12g4"', "-", "1.", "1e", "[1,,2]", "[1 2]", "{1:2}",
           '{"a" 1}', '{"a":1,}', '{"a":1 "b"}', '{"a":1]', "[1}", "é", "'", "\t\n", '{"a":\n"b\n"}',
           '{"a":"\x01"}', "nan", "+1", "[", '{"a":', "falsy"]
    for body in bad:
        yield "PUT", "/v1/data/free/bad", J, body
    for body in ("[1", "[1}", "{}", "1", '"x"', "null", '[{"op":"add"}]', '[1]',
                 '[{"op":"add","path":"/x/y","value":1}]', '[{"op":"add","path":"/n","value":[1]}]',
                 '[{"op":"add","path":"/n/0","value":0},{"op":"add","path":"/n/-","value":9}]',
                 '[{"op":"replace","path":"/n/-","value":9}]', '[{"op":"add","path":"/n/7","value":9}]',
                 '[{"op":"remove","path":"/n/x"}]', '[{"op":"replace","path":"/m","value":9}]',
                 '[{"op":"remove","path":"/n"},{"op":"move","path":"/q"}]',
                 '[{"op":"test","path":"/n","value":1}]', '[{"op":"remove","path":"n/0"}]'):
        yield "PATCH", "/v1/data/free", J, body
    yield "PATCH", "/v1/data", J, '[{"op":"add","path":"/own/x","value":1}]'
    yield "PATCH", "/v1/data", J, '[{"op":"add","path":"/free/q","value":1},{"op":"remove","path":"/own"}]'
    yield "GET", "/v1/data/free", {}, None
    yield "DELETE", "/v1/data/free/n/0", {}, None
    yield "DELETE", "/v1/data/free/n/x", {}, None
    yield "DELETE", "/v1/data/free/none", {}, None
    yield "DELETE", "/v1/data/own/list", {}, None
    yield "DELETE", "/v1/data", {}, None
    yield "DELETE", "/v1/data/free", {}, None
    yield "GET", "/v1/data/free", {}, None
    text = {"Content-Type": "text/plain"}
    yield "PUT", "/v1/policies/x%2Fy.rego", text, "package xy\nq = 7"
    yield "GET", "/v1/data/xy", {}, None
    yield "PUT", "/v1/policies/dir/z.rego", text, "package z\nimport data.xy\nv := xy.q + 1"
    yield "GET", "/v1/data/z/v", {}, None
    yield "PUT", "/v1/policies/x%2Fy.rego?pretty", text, "package xy\nq = 8"
    yield "GET", "/v1/data/z/v", {}, None
    yield "PUT", "/v1/policies/other", text, "package own\nhack = 1"
    yield "PUT", "/v1/policies/other", text, "package own.deep\nhack = 1"
    yield "PUT", "/v1/policies/other", text, "package shared\na = 1"
    yield "PUT", "/v1/policies/other", text, "package b1\np { x }"
    yield "PUT", "/v1/policies/other", text, "package b1\n\np {\n  foo(1)\n}\nq { y }\n"
    yield "PUT", "/v1/policies/other", text, "package"
    yield "PUT", "/v1/policies/other", text, "p = 1"
    yield "PUT", "/v1/policies/other", text, "\n\n"
    yield "DELETE", "/v1/policies/x%2Fy.rego", {}, None
    yield "DELETE", "/v1/policies/x/y.rego", {}, None
    yield "GET", "/v1/data/z/v", {}, None
    yield "DELETE", "/v1/policies/own/p.rego", {}, None
    yield "DELETE", "/v1/policies/own/own/p.rego", {}, None
    yield "PUT", "/v1/policies/own/own/p.rego", text, "package free"
    yield "GET", "/v1/policies/none", {}, None
    yield "PUT", "/v1/policies", text, "package q"
    yield "POST", "/v1/policies/q", text, "package q"
    yield "PATCH", "/v1/policies/q", text, "package q"
    features = ("package feat\n\nimport data.shared.b as bee\nimport future.keywords\n\ndefault top := {\"a\": 1}\n\n"
                "top := {\"n\": n} { n := count(bee.list); some i, v in bee.list; v > i; not f(v, [i]) == 3 }\n\n"
                "f(x, [y, _]) := z { z := x + y } else := 1 { x == 2 }\n\nf(_, []) := 3\n\n"
                "s contains upper(x) if { some x in [\"a\", \"b\"]; every k, w in {\"c\": 1} { w > 0; k != x } }\n\n"
                "o[k] = {v | v := [k, bee.list[_]][_]; v == input.x with input as {\"x\": 1} } { k := [1, 2][_] }\n\n"
                "deep.a[x].b := {y: data.shared.a.k[y] | data.shared.a.k[y]} if x := input.names[data.own.list[0]]\n\n"
                "r := [sprintf(\"%d\", [count({1, 2} | {3})]), input[top.a]]\n")
    yield "PUT", "/v1/policies/feat", text, features
    yield "GET", "/v1/policies/feat", {}, None
    yield "PUT", "/v1/policies/also", text, "package feat.also\n\np { q := data.feat.s; q[_] == \"A\" }\n"
    yield "GET", "/v1/policies?pretty", {}, None
    yield "DELETE", "/v1/policies/also", {}, None
    for q in ("data.own.names[x]", "x := 1; y := x + 1", "x", "foo(1)", "1/0", "true", "false", "x = 1; x = 2",
              "data.own.list[i] = n", "", "  ", "#", "p[", "some x; x = {1,2}", "x = {1: {3, 2}}",
              "input.a", "_ = [1,2][_]", "count(1)", 'startswith("a", 1)', "data.none"):
        yield "GET", "/v1/query?q=" + "".join("%%%02X" % b for b in q.encode()), {}, None
        yield "POST", "/v1/query", J, json.dumps({"query": q, "input": {"a": [1]}})
    for body in ("", "[]", "1", '{"query":1}', '{"query":null}', '{"input":1}', '{"query":"x=input"'):
        yield "POST", "/v1/query", J, body
    yield "POST", "/v1/query?pretty", J, '{"query": "x = input.a[_]", "input": {"a": [1, "<"]}}'
    yaml = {"Content-Type": "application/yaml"}
    yield "POST", "/v1/data/own/allow", yaml, "input:\n  x: 3\n"
    yield "POST", "/v1/data/own/allow", yaml, ""
    yield "POST", "/v0/data/own/allow", yaml, "x: 3\n"
    yield "POST", "/v0/data/own/allow", J, ""
    yield "POST", "/v0/data/own/allow", J, '{"x":'
    yield "POST", "/v0/data/own/allow", J, '{"x": 0}'
    yield "POST", "/v0/data/own/list", J, ""
    yield "POST", "/v0/data/no/such-thing/0", J, ""
    yield "POST", "/v0/data", J, "null"
    for body in ("x", "{]", '{"input":}', '["input"]', '"input"', "1", "true", "null", '{"INPUT": {"x": 5}}'):
        yield "POST", "/v1/data/own/allow", J, body
    for q in ("{", "{}x", "%7B%22x%22%3A9%7D", "", "1%202", "nul"):
        yield "GET", "/v1/data/own/allow?input=" + q, {}, None
    zipped = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    yield "POST", "/v1/data/own/allow", zipped, gzip.compress(b'{"input":{"x":2}}', mtime=0).hex()
    yield "POST", "/v0/data/own/allow", zipped, gzip.compress(b'{"x":2}', mtime=0).hex()
    yield "POST", "/v1/data/own/allow", zipped, "00" * 20
    yield "POST", "/v1/data/own/allow", zipped, gzip.compress(b'{"input":{"x":2}}', mtime=0).hex()[:30]
    for method, path in (("GET", "/nosuch"), ("OPTIONS", "/v1/data"), ("DELETE", "/v1/query"), ("GET", "/v1/query/x"),
                         ("GET", "/v0/data"), ("PUT", "/v0/data/x"), ("GET", "/v1/data/own/"), ("GET", "/v1//data"),
                         ("GET", "/health/"), ("GET", "/health/x?pretty"), ("GET", "/v1/config?nope"),
                         ("GET", "/v1/status"), ("HEAD", "/v1/policies"), ("GET", "/v1/data/own//names?pretty=true"),
                         ("POST", "/health"), ("PUT", "/v1/config"), ("GET", "/v2"), ("GET", "/v1/datax")):
        yield method, path, {}, None
    health = "package system.health\nlive = true\nready { input.plugins_ready }\nodd = 1\nbad = x { x := [1,2][_] }"
    yield "PUT", "/v1/policies/health", text, health
    for name in ("live", "ready", "odd", "none", "bad"):
        yield "GET", "/health/" + name, {}, None
    yield "PUT", "/v1/policies/main", text, 'package system\nmain = {"msg": input.m} { input.m }'
    yield "POST", "/", J, '{"m": "<hi>"}'
    yield "POST", "/", J, '{}'
    yield "POST", "/?pretty=true", J, '{"m": [1, {}, []]}'


def ask(method, path, headers, body):
    data = bytes.fromhex(body) if headers.get("Content-Encoding") == "gzip" else body.encode() if body else body
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=10)
    connection.request(method, path, data, headers)
    answer = connection.getresponse()
    raw = answer.read()
    if answer.getheader("Content-Encoding") == "gzip":
        raw = gzip.decompress(raw)
    kept = {k: v for k, v in answer.getheaders() if k in KEPT}
    return answer.status, kept, raw.decode()


def main():
    folder = Path(tempfile.mkdtemp())
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    arguments = ["--bundle", "own"]
    server = subprocess.Popen([sys.argv[1], "run", "--server", "-l", "error", "--addr", f"127.0.0.1:{PORT}",
                               *arguments], cwd=folder)
    out = []
    try:
        time.sleep(2)
        for method, path, headers, body in exchanges():
            status, kept, text = ask(method, path, headers, body)
            out.append({"request": {"method": method, "path": path, "headers": headers, "body": body},
                        "status": status, "headers": kept, "body": text})
    finally:
        server.terminate()
        server.wait()
    recorded = {"recorded_from": "OPA 0.60.0", "files": FILES, "arguments": arguments, "exchanges": out}
    (HERE / "rest_more.json").write_text(json.dumps(recorded, indent=0, ensure_ascii=False))
    print(len(out), "exchanges")


if __name__ == "__main__":
    main()
