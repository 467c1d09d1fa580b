#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The 15 features of packs/cards over whole streams, against figures made elsewhere.

    handbook.py WEIR shared SHARED   the Handbook's 1,466,282 transactions against its golden rows and
                                     day sums (exit 77 where SHARED does not have them)
    handbook.py WEIR simulated       a simulated stream against a naive recomputation in this file

Counts must be equal, every other feature within 1e-9 relative; day sums to the digits given.
"""
import csv
import gzip
import io
import json
import math
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PACK = ROOT / "packs" / "cards"
DAY = 86400
FEATURES = (
    "tx_amount tx_during_weekend tx_during_night "
    "customer_id_nb_tx_1day_window customer_id_avg_amount_1day_window "
    "customer_id_nb_tx_7day_window customer_id_avg_amount_7day_window "
    "customer_id_nb_tx_30day_window customer_id_avg_amount_30day_window "
    "terminal_id_nb_tx_1day_window terminal_id_risk_1day_window "
    "terminal_id_nb_tx_7day_window terminal_id_risk_7day_window "
    "terminal_id_nb_tx_30day_window terminal_id_risk_30day_window").split()
EXACT = [i for i, name in enumerate(FEATURES) if "_nb_tx_" in name or "_during_" in name]


def decisions(weir, source):
    """Yields (transaction_id, features) from `weir decide`, in the order of the stream."""
    process = subprocess.Popen(
        [weir, "decide", "--pack", str(PACK), "--input", "csv", "--features"],
        stdin=source, stdout=subprocess.PIPE)
    for line in process.stdout:
        document = json.loads(line)
        if "error" in document:
            sys.exit(f"refused: {document}")
        for key in ("transaction_id", "outcome", "scores", "reasons", "features"):
            if key not in document:
                sys.exit(f"a decision lacks {key}: {document}")
        features = document["features"]
        yield document["transaction_id"], [features[name] for name in FEATURES]
    if process.wait() != 0:
        sys.exit(f"weir decide ended with {process.returncode}")


def differs(got, want, exact):
    if exact:
        return got != want
    return abs(got - want) > 1e-9 * max(abs(want), abs(got))


def compare_row(name, got, want, failures):
    for i, feature in enumerate(FEATURES):
        if differs(got[i], want[i], i in EXACT):
            failures.append(f"transaction {name}: {feature} is {got[i]!r}, not {want[i]!r}")


def read_golden(path):
    with gzip.open(path, "rt") as lines:
        return {row[0]: [float(cell) for cell in row[1:]]
                for row in list(csv.reader(lines))[1:]}


def check_day(day, sums, count, want, failures):
    """The digits given are ten; one unit of the last is left to the order of their summation."""
    for i, feature in enumerate(FEATURES):
        total, given = math.fsum(sums[i]), float(want[i + 1])
        if abs(total - given) > max(abs(given), 1e-300) * 1.0001e-9 * 0.5 + 1e-12:
            failures.append(f"day {day}: the sum of {feature} is {total:.10g}, not {want[i + 1]}")
    if count != int(want[len(FEATURES) + 1]):
        failures.append(f"day {day}: {count} transactions, not {want[len(FEATURES) + 1]}")


def against_shared(weir, shared):
    data = Path(shared) / "data"
    names = ["handbook-transactions-2018-04..08.csv.gz", "handbook-features-golden.csv.gz",
             "handbook-features-daysums.csv.gz"]
    if not all((data / name).is_file() for name in names):
        print("handbook: the shared data are not here; the simulated twin of this test runs instead")
        sys.exit(77)
    golden = read_golden(data / names[1])
    with gzip.open(data / names[2], "rt") as lines:
        daysums = list(csv.reader(lines))[1:]
    with gzip.open(data / names[0], "rt") as lines:
        days = [int(row[1]) // DAY for row in list(csv.reader(lines))[1:]]
    failures, seen, at = [], 0, 0
    unzip = subprocess.Popen(["gunzip", "-c", str(data / names[0])], stdout=subprocess.PIPE)
    sums, count = [[] for _ in FEATURES], 0
    for name, features in decisions(weir, unzip.stdout):
        if name in golden:
            compare_row(name, features, golden[name], failures)
            seen += 1
        for i, value in enumerate(features):
            sums[i].append(value)
        count += 1
        at += 1
        if at == len(days) or days[at] != days[at - 1]:
            check_day(days[at - 1], sums, count, daysums[days[at - 1]], failures)
            sums, count = [[] for _ in FEATURES], 0
    if at != len(days) or seen != len(golden):
        failures.append(f"{at} decisions for {len(days)} rows, {seen} golden rows of {len(golden)}")
    return failures, f"{at} transactions, {seen} golden rows, {len(daysums)} day sums"


def naive(rows):
    """The protocol's features straight from its definition; rows are (t, customer, terminal, ...)."""
    by_customer, by_terminal = defaultdict(list), defaultdict(list)
    for t, customer, terminal, amount, fraud in rows:
        by_customer[customer].append((t, amount))
        by_terminal[terminal].append((t, fraud))
        day, hour = t // DAY, t % DAY // 3600
        # Day 0 is 2018-04-01, a Sunday.
        features = [amount / 100, int((day + 6) % 7 >= 5), int(hour <= 6)]
        for width in (1, 7, 30):
            inside = [a for s, a in by_customer[customer] if t - width * DAY < s <= t]
            features += [len(inside), sum(inside) / len(inside) / 100]
        for width in (1, 7, 30):
            inside = [f for s, f in by_terminal[terminal]
                      if t - (7 + width) * DAY < s <= t - 7 * DAY]
            features += [len(inside), sum(inside) / len(inside) if inside else 0]
        yield features


def against_naive(weir):
    text = subprocess.run(
        [weir, "simulate", "--days", "50", "--customers", "300", "--terminals", "200", "--radius",
         "12", "--seed", "3"], stdout=subprocess.PIPE, check=True).stdout
    rows = [(int(r["TX_TIME_SECONDS"]), r["CUSTOMER_ID"], r["TERMINAL_ID"],
             round(float(r["TX_AMOUNT"]) * 100), int(r["TX_FRAUD"]))
            for r in csv.DictReader(io.StringIO(text.decode()))]
    if len(rows) < 20000 or sum(r[4] for r in rows) < 500:
        sys.exit(f"the simulation is too small to prove anything: {len(rows)} rows")
    failures = []
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as cat:
        import threading
        threading.Thread(target=lambda: (cat.stdin.write(text), cat.stdin.close())).start()
        got = list(decisions(weir, cat.stdout))
    for (name, features), want in zip(got, naive(rows)):
        compare_row(name, features, want, failures)
    if len(got) != len(rows):
        failures.append(f"{len(got)} decisions for {len(rows)} rows")
    return failures, f"{len(got)} simulated transactions against a naive recomputation"


def main():
    weir, mode = sys.argv[1], sys.argv[2]
    failures, what = against_shared(weir, sys.argv[3]) if mode == "shared" else against_naive(weir)
    for line in failures[:20]:
        print(line)
    print(f"handbook: {what}: {len(failures)} differences")
    return 1 if failures else 0


sys.exit(main())
