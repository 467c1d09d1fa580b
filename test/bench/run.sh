#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The measurements of docs/benchmarks.md. Needs build/release. Quote medians, say the machine.
set -eu
cd "$(dirname "$0")/../.."
release=build/release

echo "== machine"
sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | sort | uniq -c
uname -sr
cut -d' ' -f1-3 /proc/loadavg

echo "== whole pipeline in process, packs/cards (three runs)"
for _ in 1 2 3; do
    "$release/bench_pipeline" packs/cards 400000 200000
done

echo "== start to first decision"
"$release/bench_coldstart" "$release/weir" packs/cards 21

echo "== sizes"
stat -c '%n %s bytes' "$release/weir" packs/cards/models/fraud.wasm

if command -v valgrind >/dev/null; then
    echo "== instructions per decision (callgrind, 2,000 warm, 4 x 1,000 counted and all else included)"
    out=$(mktemp)
    valgrind --tool=callgrind --callgrind-out-file="$out" "$release/bench_pipeline" packs/cards 2000 1000 2>&1 |
        grep -E 'Collected|refs' || true
    rm -f "$out"
fi
