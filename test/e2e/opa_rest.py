#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""OPA's HTTP API against what OPA 0.60.0 answered to the same requests.

    opa_rest.py WEIR RECORDED...

Each RECORDED is a JSON file {"files": {name: text}, "arguments": [..], "exchanges": [{"request":
{method, path, headers, body}, "status", "headers", "body"}]}. One server a file, exchanges in order.
Status, Content-Type, Location, Vary, Content-Encoding and body must be equal. Volatile parts
(figures, ids, versions) are compared by shape. Different on purpose: /v1/compile is refused by name,
?instrument tells only the figures that both have, GET / is a page of our own.
"""
import gzip
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
from served import Checks, UnixConnection  # noqa: E402

KEPT_HEADERS = ("Content-Type", "Location", "Vary", "Content-Encoding", "X-Content-Type-Options")
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Server:
    def __init__(self, weir, files, arguments):
        self.folder = Path(tempfile.mkdtemp(prefix="weir-opa-"))
        for name, text in files.items():
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / name).write_text(text)
        self.socket = str(self.folder / "sock")
        self.log = open(self.folder / "log", "wb")
        self.process = subprocess.Popen(
            [weir, "run", "--server", "--addr", "unix:" + self.socket, *arguments],
            cwd=self.folder, stdout=self.log, stderr=self.log)
        for _ in range(1000):
            try:
                probe = UnixConnection(self.socket)
                probe.connect()
                probe.close()
                return
            except OSError:
                if self.process.poll() is not None:
                    break
                time.sleep(0.01)
        raise SystemExit("weir run did not start:\n" + (self.folder / "log").read_text())

    def ask(self, request):
        body = request.get("body")
        if request.get("headers", {}).get("Content-Encoding") == "gzip" and body:
            body = bytes.fromhex(body)
        elif isinstance(body, str):
            body = body.encode()
        connection = UnixConnection(self.socket)
        connection.request(request["method"], request["path"], body, request.get("headers") or {})
        answer = connection.getresponse()
        raw = answer.read()
        if answer.getheader("Content-Encoding") == "gzip":
            raw = gzip.decompress(raw)
        text = raw.decode(errors="replace")
        headers = {k: v for k, v in answer.getheaders() if k in KEPT_HEADERS}
        connection.close()
        return answer.status, headers, text

    def close(self):
        self.process.terminate()
        self.process.wait(20)
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def shape(text):
    """Volatile parts replaced: figures, ids, versions."""
    text = re.sub(r'("(?:timer|histogram)_\w+_ns": ?)\d+', r"\1N", text)
    text = UUID.sub("UUID", text)
    text = re.sub(r'("version": ?)"[^"]*"', r'\1"V"', text)
    return re.sub(r'(?<=")/(?=[\w.]+\.rego:\d)', "", text)


def plain(text):
    """The shape; a list of errors without the details of type errors, in a fixed order (OPA's is
    random where several stand at one place)."""
    text = shape(text)
    if '"raw"' in text and text.startswith("{") and isinstance(json.loads(text)["result"], list):
        document = json.loads(text)  # policies: OPA lists them in random order
        document["result"].sort(key=lambda policy: policy["id"])
        return json.dumps(document, indent=2)
    if '"errors"' not in text:
        return text
    document = json.loads(text)
    for error in document["errors"]:
        if error["code"] == "rego_type_error":
            error.pop("details", None)
    document["errors"].sort(key=json.dumps)
    return json.dumps(document, indent=2) + "\n"


def same_instrument(want, have):
    w, h = json.loads(want), json.loads(have)
    mine, theirs = set(h.pop("metrics", {})), set(w.pop("metrics", {}))
    return w == h and mine and mine <= theirs


def told(text):
    """An explanation's lines, but folders of files and how wide the column of places is."""
    document = json.loads(text)
    document["explanation"] = [re.sub(r"^/?(\S+:\d+) +", r"\1 ", line)
                               for line in document["explanation"]]
    return document


def same_metrics(want, have):
    """The series that the recorded run had by then, by name and labels."""
    names = {line.split(" ")[0] for line in have.splitlines() if line.startswith("http_request_")}
    need = {line.split(" ")[0] for line in want.splitlines() if line.startswith("http_request_")}
    need = {n for n in need if 'handler="v1/compile"' not in n}
    missing = {re.sub(r'le="[^"]*"', "", n) for n in need - names}
    return not missing, sorted(missing)[:3]


def judge(check, name, exchange, status, headers, text):
    request = exchange["request"]
    path, _, query = request["path"].partition("?")
    what = f"{name}: {request['method']} {request['path']}"
    want_headers = {k: v for k, v in exchange["headers"].items() if k in KEPT_HEADERS}
    if path == "/v1/compile" and exchange["status"] == 200:
        check.that(status == 501 and "partial evaluation" in text, what + " is refused by name", text)
        return
    if path == "/" and request["method"] == "GET":
        check.that(status == 200 and "<form" in text, what + " is a page", text)
        return
    check.that(status == exchange["status"], what + ": status", (status, exchange["status"], text))
    check.that(headers == want_headers, what + ": headers", (headers, want_headers))
    if path == "/metrics":
        good, missing = same_metrics(exchange["body"], text)
        check.that(good, what + ": series", missing)
    elif "explain=full" in query:
        check.that(told(text) == told(exchange["body"]), what + ": explanation", text)
    elif "instrument" in query:
        check.that(same_instrument(exchange["body"], text), what + ": document", text)
    else:
        check.that(plain(text) == plain(exchange["body"]), what + ": body",
                   "\n  have " + shape(text)[:900] + "\n  want " + shape(exchange["body"])[:900])


def main():
    check, weir = Checks("opa_rest"), str(Path(sys.argv[1]).resolve())
    for name in sys.argv[2:]:
        recorded = json.loads(Path(name).read_text())
        server = Server(weir, recorded["files"], recorded["arguments"])
        try:
            for exchange in recorded["exchanges"]:
                if exchange.get("fresh"):  # recorded from a server started anew
                    server.close()
                    server = Server(weir, recorded["files"], recorded["arguments"])
                judge(check, Path(name).stem, exchange, *server.ask(exchange["request"]))
        finally:
            server.close()
    return check.end()


if __name__ == "__main__":
    sys.exit(main())
