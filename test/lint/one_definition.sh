#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# No function or object has two definitions in the archives given: a linker takes the first it meets
# and says nothing.
set -eu
twice=$(nm -g --defined-only "$@" 2>/dev/null | awk '$2 ~ /^[TDRBC]$/ {print $3}' | sort | uniq -d)
count=$(nm -g --defined-only "$@" 2>/dev/null | awk '$2 ~ /^[TDRBC]$/' | wc -l)
[ "$count" -gt 100 ] || { echo "one_definition: only $count symbols in $*" >&2; exit 1; }
if [ -n "$twice" ]; then
    echo "one_definition: defined twice: $twice" >&2
    exit 1
fi
echo "one_definition: $count symbols, each defined once"
