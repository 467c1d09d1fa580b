# SPDX-License-Identifier: Apache-2.0
"""A Redis of a test's own, what stands between it and the nodes, and servers that lie."""
import atexit
import multiprocessing
import os
import signal
import socket
import struct
import subprocess
import threading
import time
from pathlib import Path

from certs import free_port


class Redis:
    """redis-server on a loopback port, without persistence; ended by its own process id."""

    def __init__(self, folder, port=None, *more):
        self.folder, self.port, self.more = folder, port or free_port(), more
        self.process = None
        atexit.register(self.stop)  # also when a test breaks off
        self.start()

    def start(self):
        with open(Path(self.folder, "redis.log"), "ab") as log:
            self.process = subprocess.Popen(
                ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "",
                 "--appendonly", "no", "--dir", str(self.folder), *self.more], stdout=log, stderr=log)
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", self.port if "--tls-port" not in self.more
                                          else int(self.more[self.more.index("--tls-port") + 1])), 1).close()
                return
            except OSError:
                time.sleep(0.05)
        raise RuntimeError("redis-server does not start")

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait()

    def ask(self, *words):
        """The reply to one command; arrays as lists of bytes."""
        with socket.create_connection(("127.0.0.1", self.port), 5) as link:
            parts = [w if isinstance(w, bytes) else str(w).encode() for w in words]
            link.sendall(b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(p), p) for p in parts))
            return read_reply(link.makefile("rb"))

    def tiles(self):
        """{(series, entity): {(node, part, slot): events of its first column}} of all keys."""
        found = {}
        for key in self.ask("KEYS", "weir:*"):
            _, _, series, _, entity = key.decode().split(":")
            reply = self.ask("HGETALL", key)
            for field, value in zip(reply[::2], reply[1::2]):
                node, part, slot = struct.unpack("<QQq", field)
                events = struct.unpack_from("<Q", value, 16)[0] if value[3] > 0 else 0
                found.setdefault((series, entity), {})[(node, part, slot)] = events
        return found

    def events(self):
        """The sum of all tiles, by series."""
        sums = {}
        for (series, _), tiles in self.tiles().items():
            sums[series] = sums.get(series, 0) + sum(tiles.values())
        return sums


def read_reply(stream):
    line = stream.readline().rstrip(b"\r\n")
    if not line:
        raise OSError("the other side has closed")
    kind, rest = line[:1], line[1:]
    if kind == b"*":
        return [read_reply(stream) for _ in range(int(rest))]
    if kind == b"$":
        if int(rest) < 0:
            return None
        body = stream.read(int(rest) + 2)
        return body[:-2]
    if kind == b"-":
        raise RuntimeError(rest.decode())
    return int(rest) if kind == b":" else rest


class Proxy:
    """Between node and Redis. `mode` may change at any time: pass; stall (nothing more goes either
    way, and new connections are taken and left alone); delay, by `delay` seconds a piece; gone
    (connections are reset)."""

    def __init__(self, target):
        self.target, self.mode, self.delay, self.links = target, "pass", 0.0, []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.n_accepted = 0
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                link, _ = self.listener.accept()
            except OSError:
                return
            self.n_accepted += 1
            if self.mode == "gone":
                reset(link)
                continue
            try:
                far = socket.create_connection(("127.0.0.1", self.target), 5)
            except OSError:
                reset(link)
                continue
            self.links += [link, far]
            threading.Thread(target=self.pump, args=(link, far), daemon=True).start()
            threading.Thread(target=self.pump, args=(far, link), daemon=True).start()

    def pump(self, source, sink):
        try:
            while True:
                data = source.recv(65536)
                if not data:
                    break
                while self.mode == "stall":
                    time.sleep(0.005)
                if self.mode == "delay":
                    time.sleep(self.delay)
                sink.sendall(data)
        except OSError:
            pass
        for one in (source, sink):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def set(self, mode, delay=0.0):
        self.delay = delay
        self.mode = mode
        if mode == "gone":
            for link in self.links:
                reset(link)
            self.links = []

    def close(self):
        self.set("gone")
        self.listener.close()


def reset(link):
    try:
        link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        link.close()
    except OSError:
        pass


def honest(words):
    return {b"HGETALL": b"*0\r\n", b"HSET": b":0\r\n"}.get(words[0], b":1\r\n")


class Liar:
    """Greets as Redis does, then answers every command in the way it is told: bytes, or a function
    of the command's words."""

    def __init__(self):
        self.answer = honest
        self.n_commands = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                link, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(link,), daemon=True).start()

    def serve(self, link):
        try:
            stream = link.makefile("rb")
            while True:
                words = read_reply(stream)
                if words[0] == b"PING":
                    link.sendall(b"+PONG\r\n")
                    continue
                self.n_commands += 1
                reply = self.answer(words) if callable(self.answer) else self.answer
                if reply is None:
                    reset(link)
                    return
                link.sendall(reply)
        except (OSError, ValueError, RuntimeError):
            reset(link)

    def close(self):
        self.listener.close()


class Watch:
    """How long the machine leaves a process alone that wants to run every millisecond."""

    def __init__(self, shortest):
        self.stopped, (self.mine, theirs) = multiprocessing.Event(), multiprocessing.Pipe()
        multiprocessing.Process(target=self.run, args=(theirs, shortest), daemon=True).start()

    def run(self, result, shortest):
        gaps, last = [], time.monotonic()
        while not self.stopped.is_set():
            time.sleep(0.001)
            now = time.monotonic()
            if now - last > shortest:
                gaps.append(now - last - 0.001)
            last = now
        result.send(gaps)

    def stop(self):
        """The gaps above the shortest one that counts, in seconds."""
        self.stopped.set()
        return self.mine.recv()


def random_bytes(n):
    return os.urandom(n)
