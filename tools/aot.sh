#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Compiles a module ahead of time for any x86-64 processor since about 2009: a module as before, with
# machine code in a section that WasmEdge 0.14.1 runs; or, where OUT ends in .so, a shared library.
#
#   tools/aot.sh IN.wasm OUT.wasm [PREFIX]      PREFIX as tools/wasmedge.sh made it: build/wasmedge
#
# Why not wasmedge compile --generic-binary alone: tools/aot_baseline.c.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
prefix=${3:-$here/../build/wasmedge}
out=out.${2##*.}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cc -shared -fPIC -O2 -o "$folder/baseline.so" "$here/aot_baseline.c"
LD_PRELOAD="$folder/baseline.so" "$prefix/bin/wasmedge" compile --generic-binary "$1" "$folder/$out" \
    >"$folder/log" 2>&1 || { cat "$folder/log" >&2; exit 1; }
mv "$folder/$out" "$2"
