# SPDX-License-Identifier: Apache-2.0
"""TLS 1.3, client certificates and tokens, against the real binary: a matrix of who may ask."""
import http.client
import json
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from certs import authority, certificate, free_port
from served import Checks, Served

ROOT = Path(__file__).resolve().parents[2]
EVENT = {"transaction": {"id": "s1", "time": 0, "amount": 5, "terminal_id": "1"},
         "user": {"id": "7"}}


def context(folder, client=None):
    made = ssl.create_default_context(cafile=f"{folder}/ca.crt")
    if client is not None:
        made.load_cert_chain(f"{folder}/{client}.crt", f"{folder}/{client}.key")
    return made


def ask(port, made, method, path, body=None, token=None):
    """The status, or the kind of failure of the handshake."""
    try:
        connection = http.client.HTTPSConnection("127.0.0.1", port, context=made, timeout=10)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status
    except (ssl.SSLError, ConnectionError, http.client.RemoteDisconnected):
        return "refused"


def event(serial):
    made = dict(EVENT, transaction=dict(EVENT["transaction"], id=f"s{serial}",
                                        time=int(time.time() * 1000)))
    return json.dumps(made)


def big_batch(n):
    return "\n".join(event(f"b{i}") for i in range(n))


def serial(folder, port):
    with socket.create_connection(("127.0.0.1", port), timeout=10) as plain:
        with context(folder, "gate").wrap_socket(plain, server_hostname="localhost") as link:
            return link.getpeercert()["serialNumber"]


def told(served, event, n):
    for _ in range(400):
        if (served.folder / "log").read_text().count(f'"{event}"') >= n:
            return True
        time.sleep(0.02)
    return False


def reload_files(check, served, folder, port, token_line, token):
    """SIGHUP: a new certificate and other rights, also on connections that are open; what is broken
    changes nothing."""
    access, before = Path(folder, "access.txt"), serial(folder, port)
    link = http.client.HTTPSConnection("127.0.0.1", port, context=context(folder, "gate"), timeout=10)
    link.request("POST", "/v1/decisions", event(10))
    check.that(link.getresponse().read() != b"", "an open connection decides")
    certificate(folder, "ca", "server", "DNS:localhost,IP:127.0.0.1")
    access.write_text(token_line + "gate read uri:spiffe://bank/gate\n")
    served.process.send_signal(signal.SIGHUP)
    check.that(told(served, "credentials_read", 1), "the files are read again after SIGHUP")
    after = serial(folder, port)
    check.that(after != before, "new connections see the new certificate", (before, after))
    link.request("POST", "/v1/decisions", event(11))
    answer = link.getresponse()
    answer.read()
    check.that(answer.status == 403, "an open connection has the new rights", answer.status)
    access.write_text("gate everything uri:spiffe://bank/gate\n")
    certificate(folder, "ca", "server", "DNS:localhost,IP:127.0.0.1")
    served.process.send_signal(signal.SIGHUP)
    check.that(told(served, "credentials_refused", 1), "a broken access file is told")
    check.that(serial(folder, port) == after, "and the certificate stays, too")
    access.write_text(token_line)
    Path(folder, "server.key").write_text("no key\n")
    served.process.send_signal(signal.SIGHUP)
    check.that(told(served, "credentials_refused", 2), "a broken key is told")
    link.request("GET", "/metrics")
    answer = link.getresponse()
    answer.read()
    check.that(answer.status == 200, "and the rights stay", answer.status)
    check.that(ask(port, context(folder, "nameless"), "GET", "/metrics", token=token) == 200,
               "a token still counts")


def client_bytes(served):
    text = served.ask("GET", "/metrics")[2].splitlines()
    return {line.split()[0]: int(line.split()[1]) for line in text
            if line.startswith(("weir_client_bytes ", "weir_connections_shed_total "))}


def long_hellos(check, weir, folder):
    """What OpenSSL holds counts: a hundred bytes that begin a hello of the greatest length make it take 200 KiB."""
    limit, n = 4 << 20, 40
    hello = bytes([22, 3, 1, 0, 100, 1]) + (131396).to_bytes(3, "big") + bytes(96)
    port = free_port()
    with Served(weir, "--pack", str(ROOT / "packs" / "cards"), "--listen", f"tls:127.0.0.1:{port}", "--mode", "fast",
                "--tls-cert", f"{folder}/server.crt", "--tls-key", f"{folder}/server.key", "--client-memory", str(limit)) as served:
        before = client_bytes(served)["weir_client_bytes"]
        good = context(folder).wrap_socket(socket.create_connection(("127.0.0.1", port), timeout=10), server_hostname="localhost")
        good.sendall(b"GET /health HTTP/1.1\r\nHost: w\r\n\r\n")
        check.that(b"200" in good.recv(4096), "one connection that is in order")
        one = client_bytes(served)["weir_client_bytes"] - before
        check.that(8 << 10 < one < 64 << 10, "it counts with what OpenSSL holds for it", one)
        hostile, figures, most = [], {}, 0
        for _ in range(n):
            hostile.append(socket.create_connection(("127.0.0.1", port), timeout=10))
            hostile[-1].sendall(hello)
            figures = client_bytes(served)
            most = max(most, figures["weir_client_bytes"])
        for _ in range(200):
            figures = client_bytes(served)
            if figures["weir_connections_shed_total"] > 0 and figures["weir_client_bytes"] <= limit:
                break
            time.sleep(0.02)
        shed = figures["weir_connections_shed_total"]
        check.that(most > limit // 2 and figures["weir_client_bytes"] <= limit and n // 4 < shed < n, "they hold what they may",
                   (most, figures))
        good.sendall(b"GET /health HTTP/1.1\r\nHost: w\r\n\r\n")
        check.that(b"200" in good.recv(4096), "and it is not closed for them")
        for link in [good, *hostile]:
            link.close()
        check.that(served.stop() == 0, "the service ends cleanly")


def closed_after(link, trickle, most):
    """Seconds until the other side closes; of `trickle`, a byte goes each half second."""
    began = time.monotonic()
    link.settimeout(0.5)
    while time.monotonic() - began < most:
        try:
            if trickle:
                link.sendall(trickle[:1])
                trickle = trickle[1:]
            if link.recv(4096) == b"":
                break
        except TimeoutError:
            pass
        except ConnectionError:
            break
    return time.monotonic() - began


def slow_handshakes(check, weir, folder):
    """A handshake has 5 s from the connection on; behind it, silence is no haste."""
    hello = bytes([22, 3, 1, 1, 0, 1, 0, 0, 252]) + bytes(252)
    port = free_port()
    with Served(weir, "--pack", str(ROOT / "packs" / "cards"), "--listen", f"tls:127.0.0.1:{port}", "--mode", "fast",
                "--tls-cert", f"{folder}/server.crt", "--tls-key", f"{folder}/server.key") as served:
        def dial():
            return socket.create_connection(("127.0.0.1", port), timeout=10)
        good = context(folder).wrap_socket(dial(), server_hostname="localhost")
        with ThreadPoolExecutor(2) as pool:
            took = list(pool.map(lambda trickle: closed_after(dial(), trickle, 12), (b"", hello)))
        check.that(all(4.5 < s < 7 for s in took), "a silent handshake and one that trickles end after 5 s", took)
        good.sendall(b"GET /health HTTP/1.1\r\nHost: w\r\n\r\n")
        check.that(b"200" in good.recv(4096), "who has shaken hands may be silent for longer")
        good.close()
        text = served.ask("GET", "/metrics")[2]
        check.that("\nweir_connections_slow_closed_total 2\n" in text, "they count as slow", text[-2000:])
        check.that(served.stop() == 0, "the service ends cleanly")


def main():
    weir, check = sys.argv[1], Checks("secure")
    folder = tempfile.mkdtemp()
    authority(folder, "ca")
    authority(folder, "stranger")
    certificate(folder, "ca", "server", "DNS:localhost,IP:127.0.0.1")
    certificate(folder, "ca", "gate", "URI:spiffe://bank/gate")
    certificate(folder, "ca", "nameless", "DNS:somebody")
    certificate(folder, "stranger", "foreign", "URI:spiffe://bank/gate")
    made = subprocess.run([weir, "token", "audit", "read"], capture_output=True, text=True, check=True)
    token = made.stderr.strip()
    check.that(token.startswith("weir_") and token not in made.stdout, "a token is told apart from its line")
    access = Path(folder, "access.txt")
    access.write_text(made.stdout + "gate decide uri:spiffe://bank/gate\n")
    tls = ("--tls-cert", f"{folder}/server.crt", "--tls-key", f"{folder}/server.key",
           "--tls-client-ca", f"{folder}/ca.crt", "--access", str(access), "--mode", "fast")
    port = free_port()
    with Served(weir, "--pack", str(ROOT / "packs" / "cards"), "--listen", f"tls:127.0.0.1:{port}",
                *tls) as served:
        check.that(ask(port, context(folder), "GET", "/health") == "refused", "no certificate: no connection")
        check.that(ask(port, context(folder, "foreign"), "GET", "/health") == "refused",
                   "a certificate of another authority: no connection")
        gate, nameless = context(folder, "gate"), context(folder, "nameless")
        check.that(ask(port, gate, "POST", "/v1/decisions", event(1)) == 200, "the gate may decide")
        check.that(ask(port, gate, "GET", "/metrics") == 403, "and no more")
        check.that(ask(port, nameless, "POST", "/v1/decisions", event(2)) == 401, "a certificate without a known URI is nobody")
        check.that(ask(port, nameless, "GET", "/metrics", token=token) == 200, "until it shows a token")
        check.that(ask(port, nameless, "POST", "/v1/decisions", event(3), token=token) == 403, "which has its own scopes")
        check.that(ask(port, nameless, "GET", "/health") == 200, "health is for all who may connect")
        check.that(ask(port, gate, "POST", "/v1/decisions:batch", big_batch(3000)) == 200,
                   "a body of many records and its answer pass whole")
        old = context(folder, "gate")
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        check.that(ask(port, old, "GET", "/health") == "refused", "TLS 1.2 is refused")
        plain = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            plain.request("GET", "/health")
            status = plain.getresponse().status
        except (ConnectionError, http.client.HTTPException):
            status = "refused"
        check.that(status == "refused", "plain HTTP gets nothing there", status)
        reload_files(check, served, folder, port, made.stdout, token)
        check.that(served.stop() == 0, "the service ends cleanly")
    out = subprocess.run([weir, "serve", "--listen", "tls:127.0.0.1:0", "--state", f"{folder}/s"],
                         capture_output=True, text=True)
    check.that(out.returncode == 1 and "--tls-cert" in out.stderr, "tls: without a certificate is told", out.stderr)
    certificate(folder, "ca", "server", "DNS:localhost,IP:127.0.0.1")
    long_hellos(check, weir, folder)
    slow_handshakes(check, weir, folder)
    return check.end()


sys.exit(main())
