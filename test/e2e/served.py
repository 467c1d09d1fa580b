# SPDX-License-Identifier: Apache-2.0
"""A running `weir serve` for tests: on a Unix socket, in a folder of its own, ended by its own id."""
import http.client
import json
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout=10):
        super().__init__("weir", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Served:
    def __init__(self, weir, *arguments, preexec=None):
        self.weir, self.arguments, self.preexec = weir, list(arguments), preexec
        self.folder = Path(tempfile.mkdtemp(prefix="weir-e2e-"))
        self.socket = str(self.folder / "sock")
        self.process = None

    def start(self):
        log = open(self.folder / "log", "ab")
        self.process = subprocess.Popen(
            [self.weir, "serve", "--state", str(self.folder / "state"), "--listen",
             "unix:" + self.socket, *self.arguments], stdout=log, stderr=log, preexec_fn=self.preexec)
        for _ in range(12000):  # to fold a million entries takes a busy machine a while
            try:
                connection = UnixConnection(self.socket)
                connection.connect()
                connection.close()
                return self
            except OSError:
                if self.process.poll() is not None:
                    break
                time.sleep(0.01)
        raise SystemExit("weir serve did not start:\n" + (self.folder / "log").read_text())

    def stop(self, signal=15):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal)
            self.process.wait(60)
        return self.process.returncode if self.process else None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def ask(self, method, path, body=None, headers=None):
        """Returns (status, headers, document or text)."""
        connection = UnixConnection(self.socket)
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        try:
            return answer.status, dict(answer.getheaders()), json.loads(text)
        except ValueError:
            return answer.status, dict(answer.getheaders()), text.decode(errors="replace")


class Checks:
    """Counts what held and what did not, with a sentence each."""

    def __init__(self, name):
        self.name, self.passed, self.failed = name, 0, 0

    def that(self, holds, sentence, seen=""):
        if holds:
            self.passed += 1
        else:
            self.failed += 1
            print(f"{self.name}: not so: {sentence}: {str(seen)[:400]}")

    def end(self):
        print(f"{self.name}: {self.passed} passed, {self.failed} failed")
        return 1 if self.failed or not self.passed else 0
