#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Looks at the compiled walk of the tree kernel: sixteen comparisons in a row must become data (setcc,
# adc or sbb), with no jump between them, by each compiler at hand. Exit 77 where none can be looked at.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
[ "$(uname -m)" = x86_64 ] && command -v objdump >/dev/null || exit 77
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
looked=77
for cc in gcc clang; do
    command -v "$cc" >/dev/null || continue
    "$cc" -std=c17 -O2 -ffp-contract=off -fno-strict-aliasing -I"$root/src" \
        -c "$root/src/model/kernel_tree.c" -o "$work/tree.o"
    best=$(objdump -d --no-show-raw-insn "$work/tree.o" | awk '
        $2 ~ /^(j[a-z]+|call|ret)/ { run = 0 }
        $2 ~ /^(set[a-z]+|adc|sbb)/ { run++; if (run > best) best = run }
        END { print best + 0 }')
    if [ "$best" -lt 16 ]; then
        echo "model_branches: $cc makes $best comparisons without a jump, not 16" >&2
        exit 1
    fi
    looked=0
done
exit $looked
