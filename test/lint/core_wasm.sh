#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The core builds for wasm32-wasi from the same files, and a module made of all of it imports
# nothing. Argument: the build folder. Exit 77 when the wasm tools are not there.
set -eu
folder=$1
for tool in clang wasm-ld llvm-ar cmake node; do
    command -v $tool >/dev/null || { echo "core_wasm: $tool is not installed; skipped" >&2; exit 77; }
done
[ -d /usr/include/wasm32-wasi ] || { echo "core_wasm: wasi-libc is not installed; skipped" >&2; exit 77; }
[ -f "$folder/build.ninja" ] || cmake --preset wasm-core -B "$folder" >/dev/null
cmake --build "$folder" >"$folder/log" 2>&1 || { tail -30 "$folder/log" >&2; exit 1; }
clang --target=wasm32-wasi -nostdlibinc -isystem /usr/include/wasm32-wasi -mexec-model=reactor -O2 \
    -Wno-unused-command-line-argument -Wl,--whole-archive "$folder/libweir_core.a" -Wl,--no-whole-archive -Wl,--export-all -Wl,-s \
    -o "$folder/core.wasm"
node -e '
const m = new WebAssembly.Module(require("fs").readFileSync(process.argv[1]));
const imports = WebAssembly.Module.imports(m), exports = WebAssembly.Module.exports(m);
for (const i of imports) console.error(`core_wasm: the core must not import ${i.module}.${i.name}`);
if (exports.length < 50) { console.error(`core_wasm: only ${exports.length} exports`); process.exit(1); }
console.log(`core_wasm: ${exports.length} exports, ${imports.length} imports`);
process.exit(imports.length === 0 ? 0 : 1);
' "$folder/core.wasm"
