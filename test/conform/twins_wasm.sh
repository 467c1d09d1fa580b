#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Seeded policies give the same answers natively and in the core's wasm build under Node: the digests
# of both programs are equal. Arguments: the wasm build folder, the native program. With
# WEIR_TEST_ALL=1 more policies. Exit 77 when the wasm tools are not there.
set -eu
folder=$1 native=$2
for tool in clang wasm-ld llvm-ar cmake node; do
    command -v $tool >/dev/null || { echo "twins_wasm: $tool is not installed; skipped" >&2; exit 77; }
done
[ -d /usr/include/wasm32-wasi ] || { echo "twins_wasm: wasi-libc is not installed; skipped" >&2; exit 77; }
count=1000
[ -z "${WEIR_TEST_ALL:-}" ] || count=20000
[ -f "$folder/build.ninja" ] || cmake --preset wasm-core -B "$folder" >/dev/null
cmake --build "$folder" --target rego-twins >"$folder/log" 2>&1 || { tail -30 "$folder/log" >&2; exit 1; }
want=$("$native" 500000 "$count")
got=$(node --no-warnings --input-type=module -e '
import { readFileSync } from "node:fs";
import { WASI } from "node:wasi";
const [module, ...args] = process.argv.slice(1);
const wasi = new WASI({ version: "preview1", args: ["rego-twins", ...args], returnOnExit: true });
const wasm = await WebAssembly.compile(readFileSync(module));
process.exitCode = wasi.start(await WebAssembly.instantiate(wasm, {wasi_snapshot_preview1: wasi.wasiImport}));
' "$folder/rego-twins.wasm" 500000 "$count")
echo "native: $want"
echo "wasm:   $got"
[ -n "$want" ] && [ "$want" = "$got" ]
