#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The measurements of docs/benchmarks.md. Needs build/release. Quote medians, say the machine.
#   run.sh           all but serve and soak
#   run.sh soak [OPTIONS]    ten minutes under load with labels and pack swaps
#   run.sh edge      the module under WasmEdge beside the native server (after ./dev edge --aot)
#   run.sh serve [OPTIONS]   the node under load beside the bare echo and, where installed, nginx and
#                    OPA (OPA=... or on PATH); serve.py tells its options
#   run.sh rego [DIR]   policies alone, beside plain C and, with OPA=... or on PATH, a real opa;
#                    DIR as test/bench/policies
#   run.sh model     trees beside compiled if-else code, Debian's XGBoost where installed, NODE_PEERS (a folder
#                    with onnxruntime-node) and what PEERS (a Python with xgboost,
#                    lightgbm, onnx, onnxruntime, treelite; any of them) holds
#   run.sh explain   explanations of trees beside XGBoost's pred_contribs, of PEERS or Debian's
#   run.sh feature [PART...]   windows at scale: scale count hot silence table redis (feature.py)
set -eu
cd "$(dirname "$0")/../.."
release=build/release

bench_rego() { # bench_rego [DIR]
    policies=${1:-test/bench/policies}
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    python3 test/bench/rego_plain.py "$policies" >"$work/plain.c"
    ${CC:-cc} -O2 -shared -fPIC -I test/bench -o "$work/plain.so" "$work/plain.c"
    echo "== policies, CPU time of one evaluation of data.risk on a parsed input (best of 60 windows)"
    "$release/bench_rego" "$policies" "$work/plain.so"
    opa=${OPA:-$(command -v opa || true)}
    if [ -z "$opa" ]; then
        echo "no opa beside: there is none on PATH, and OPA=... is not set"
        return
    fi
    echo "== $opa $("$opa" version | sed -n 's/^Version: //p'): opa bench, the same policies and inputs"
    v0=
    ! "$opa" bench --help 2>&1 | grep -q v0-compatible || v0=--v0-compatible
    for policy in seed rules50 rules1000; do
        input=rules_input.json
        [ "$policy" != seed ] || input=seed_input.json
        # shellcheck disable=SC2086 # v0 is one flag or none
        "$opa" bench $v0 -d "$policies/$policy.rego" -d "$policies/data.json" \
            -i "$policies/$input" --count 3 'data.risk' |
            awk -v policy="$policy" -F'|' '/ns\/op/ {gsub(/ /, ""); print policy, $2, $3}'
    done
}

if [ "${1:-}" = model ]; then
    exec python3 test/bench/model.py "$release"
fi
if [ "${1:-}" = explain ]; then
    exec python3 test/bench/explain.py "$release"
fi
if [ "${1:-}" = feature ]; then
    shift
    exec python3 test/bench/feature.py "$release" "$@"
fi
if [ "${1:-}" = rego ]; then
    shift
    bench_rego "$@"
    exit
fi

if [ "${1:-}" = serve ]; then
    shift
    exec python3 test/bench/serve.py "$release" "$@"
fi

if [ "${1:-}" = edge ]; then
    exec python3 test/bench/edge.py "$release"
fi

if [ "${1:-}" = soak ]; then
    shift
    exec python3 test/bench/soak.py "$release" "$@"
fi

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

echo "== lists: a million entries, and one lookup"
"$release/bench_lists"

echo "== sizes"
stat -c '%n %s bytes' "$release/weir" packs/cards/models/fraud.wasm

if command -v valgrind >/dev/null; then
    echo "== instructions per decision (callgrind, 2,000 warm, 4 x 1,000 counted and all else included)"
    out=$(mktemp)
    valgrind --tool=callgrind --callgrind-out-file="$out" "$release/bench_pipeline" packs/cards 2000 1000 2>&1 |
        grep -E 'Collected|refs' || true
    rm -f "$out"
fi

bench_rego
