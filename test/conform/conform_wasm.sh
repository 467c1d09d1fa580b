#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# OPA's cases in the core's wasm build, under Node: all pass but those that need public-key
# cryptography, which must be refused by name. Arguments: the build folder, the list, the cases.
# Exit 77 when the wasm tools are not there.
set -eu
here=$(dirname "$0")
folder=$1
for tool in clang wasm-ld llvm-ar cmake node; do
    command -v $tool >/dev/null || { echo "conform_wasm: $tool is not installed; skipped" >&2; exit 77; }
done
[ -d /usr/include/wasm32-wasi ] || { echo "conform_wasm: wasi-libc is not installed; skipped" >&2; exit 77; }
[ -f "$folder/build.ninja" ] || cmake --preset wasm-core -B "$folder" >/dev/null
cmake --build "$folder" >"$folder/log" 2>&1 || { tail -30 "$folder/log" >&2; exit 1; }
exec node --no-warnings "$here/conform_wasm.mjs" "$folder/conform-rego.wasm" "$2" "$3"
