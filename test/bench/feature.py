#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The measurements of issue 5 (windows at scale): ./dev bench feature [PART...]

Parts: scale count hot silence table redis (default: all). `table` also draws docs/features-scale.svg.
Wall time of batches of 16; "least" is the elementwise minimum of identical runs, which leaves out
what the machine does in between. CARDS=100000 makes all of it smaller."""
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time

RELEASE = sys.argv[1]
CARDS = int(os.environ.get("CARDS", "1000000"))
SHARED = [f"cards={CARDS}", f"merchants={CARDS // 10}"]


def bench(mode, *options):
    out = subprocess.run([f"{RELEASE}/bench_feature", mode, *options], check=True,
                         capture_output=True, text=True).stdout
    print(out, end="", flush=True)
    return out


def field(out, name):
    return float(re.search(re.escape(name) + r"=([\d.]+)", out).group(1))


def scale():
    print("== scale: update and read of card and merchant, 6 windows x count, sum, avg, max each")
    for more in ([], ["zipf=1"], ["ms=1"], ["ms=1", "zipf=1"], ["windows=24"], ["distinct=1"]):
        bench("scale", *SHARED, *more)


def count():
    print("== instructions of each of 100,000 events (callgrind), after a day read")
    if shutil.which("valgrind") is None:
        print("valgrind is not installed")
        return
    with tempfile.TemporaryDirectory() as work:
        path = os.path.join(work, "out")
        subprocess.run(["valgrind", "--tool=callgrind", "--instr-atstart=no", "--combine-dumps=yes",
                        f"--callgrind-out-file={path}", f"{RELEASE}/bench_feature", "count",
                        f"cards={CARDS // 10}", f"merchants={CARDS // 100}", "events=100000"],
                       check=True, capture_output=True)
        with open(path, encoding="utf-8") as lines:
            n = sorted(int(line.split()[1]) for line in lines if line.startswith("totals:"))
    n = [v for v in n if v > 0]
    median = n[len(n) // 2]
    print(f"{len(n)} events: median {median}, P99 {n[len(n) * 99 // 100]}, worst {n[-1]} "
          f"= {n[-1] / median:.1f} x the median")


def hot():
    print("== a hot merchant (and card)")
    small = field(bench("hot", "n=10000", "events=262144"), "raw_p50")
    large = field(bench("hot", "n=5000000", "events=262144"), "raw_p50")
    print(f"5,000,000 live events cost {large / small:.2f} x 10,000")


def silence():
    print("== return after 31 days")
    for n in (30, 10000, 5000000):
        bench("silence", f"n={n}")


def restart():
    print("== restart from a snapshot of 1,000,000 cards, written beside events (bar: 1 s warm, 2 x faulting in)")
    bench("restart")


def table():
    print("== bytes per card and ns per event")
    rows = []
    for cards in (10**4, 10**5, 10**6, 10**7):
        days = 30 if cards < 10**7 else 10
        if cards > 10 * CARDS:
            continue
        runs = 3 if cards < 10**7 else 2
        out = bench("scale", f"cards={cards}", f"merchants={cards // 10}", f"days={days}", f"runs={runs}")
        rows.append((cards, days, field(out, "least_p50"), field(out, "bytes_per_card"),
                     field(out, "least_p99.9"), field(out, "after_MB")))
    print("| cards | days of history | ns per event (least p50) | least P99.9 | bytes per card, its merchants' "
          "share included | resident MB |\n|---|---|---|---|---|---|")
    for cards, days, ns, size, tail, mb in rows:
        print(f"| {cards:,} | {days} | {ns:,.0f} | {tail:,.0f} | {size:,.0f} | {mb:,.0f} |")
    draw(rows)


def draw(rows):
    """Two panels over the number of cards: time left, memory right."""
    parts = ['<svg xmlns="http://www.w3.org/2000/svg" width="760" height="300" '
             'font-family="sans-serif" font-size="12">',
             "<!-- SPDX-License-Identifier: Apache-2.0; drawn by ./dev bench feature table -->",
             '<rect width="760" height="300" fill="white"/>']
    for panel, (title, index) in enumerate((("ns per event", 2), ("bytes per card", 3))):
        left, top, width, height = 60 + 380 * panel, 40, 290, 200
        most = max(row[index] for row in rows) * 1.15
        parts.append(f'<text x="{left}" y="24" font-weight="bold">{title}</text>')
        for tick in range(5):
            y = top + height - height * tick / 4
            parts.append(f'<line x1="{left}" y1="{y}" x2="{left + width}" y2="{y}" '
                         'stroke="#ddd"/>'
                         f'<text x="{left - 6}" y="{y + 4}" text-anchor="end">'
                         f"{most * tick / 4:.0f}</text>")
        points = []
        for i, row in enumerate(rows):
            x = left + width * (i + 0.5) / len(rows)
            y = top + height - height * row[index] / most
            points.append(f"{x:.1f},{y:.1f}")
            parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="#1565c0"/>'
                         f'<text x="{x:.1f}" y="{y - 9:.1f}" text-anchor="middle">'
                         f"{row[index]:.0f}</text>"
                         f'<text x="{x:.1f}" y="{top + height + 18}" text-anchor="middle">'
                         f"{row[0]:,}</text>")
        parts.append(f'<polyline points="{" ".join(points)}" fill="none" stroke="#1565c0"/>')
        parts.append(f'<text x="{left + width / 2}" y="{top + height + 38}" '
                     'text-anchor="middle">cards</text>')
    parts.append("</svg>")
    with open("docs/features-scale.svg", "w", encoding="utf-8") as file:
        file.write("\n".join(parts) + "\n")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(port):
    for _ in range(300):
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise SystemExit("the Redis server did not start within 30 s")


def redis():
    print("== Redis beside: the same windows by sorted sets through a pipeline")
    server = shutil.which("redis-server")
    if server is None:
        print("no redis-server on PATH (Debian: redis-server)")
        return
    port = free_port()
    print(subprocess.run([server, "--version"], capture_output=True, text=True,
                         check=True).stdout.strip())
    with tempfile.TemporaryDirectory() as work:
        with subprocess.Popen([server, "--port", str(port), "--bind", "127.0.0.1", "--save", "",
                               "--appendonly", "no", "--dir", work],
                              stdout=subprocess.DEVNULL) as process:
            try:
                wait_for(port)
                subprocess.run([f"{RELEASE}/bench_feature_redis", str(port), str(process.pid)],
                               check=True)
            finally:
                process.terminate()


PARTS = {"scale": scale, "count": count, "hot": hot, "silence": silence, "table": table,
         "restart": restart, "redis": redis}
for part in sys.argv[2:] or PARTS:
    PARTS[part]()
