#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Compiles the scoring kernel to wasm32 and writes it as a C byte array, which the core embeds so
# that it can make model modules without a compiler at hand. The committed file is what clang 14 and
# wasi-libc of Debian 12 give; a test compares.
#   tools/make-kernel-wasm.sh [OUT]     default OUT: src/model/kernel_wasm.inc
#   tools/make-kernel-wasm.sh --scalar OUT.wasm    the same without SIMD, as a module: a test compares
# Exit 77 when clang 14, wasm-ld or wasi-libc are absent.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
simd=-msimd128
if [ "${1:-}" = --scalar ]; then
    simd=
    shift
fi
out=${1:-$root/src/model/kernel_wasm.inc}
if ! command -v clang >/dev/null || ! command -v wasm-ld >/dev/null ||
    [ ! -d /usr/include/wasm32-wasi ] || ! clang --version | grep -q 'version 14\.'; then
    echo "make-kernel-wasm: needs clang 14, lld and wasi-libc (Debian 12: clang lld wasi-libc)" >&2
    exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for part in base/fmath model/kernel model/kernel_map model/kernel_tree model/kernel_dense \
    model/kernel_wide model/packed model/explain_kernel model/explain_trees model/module_entry; do
    clang --target=wasm32-wasi -nostdlibinc -isystem /usr/include/wasm32-wasi -std=c17 -O2 \
        -ffp-contract=off -fno-strict-aliasing -fno-math-errno $simd -I"$root/src" \
        -c "$root/src/$part.c" -o "$work/$(basename "$part").o"
done
wasm-ld --no-entry --strip-all --gc-sections --stack-first -z stack-size=16384 \
    -L/usr/lib/wasm32-wasi -o "$work/kernel.wasm" "$work"/fmath.o "$work"/kernel.o \
    "$work"/kernel_map.o "$work"/kernel_tree.o "$work"/kernel_dense.o "$work"/kernel_wide.o "$work"/packed.o \
    "$work"/explain_kernel.o "$work"/explain_trees.o "$work"/module_entry.o -lc
if [ -z "$simd" ]; then
    cp "$work/kernel.wasm" "$out"
    exit
fi
{
    echo '/* SPDX-License-Identifier: Apache-2.0 */'
    echo '/* Made by tools/make-kernel-wasm.sh from the kernel; do not edit. */'
    od -An -v -tx1 "$work/kernel.wasm" | sed 's/ \([0-9a-f][0-9a-f]\)/0x\1,/g'
} >"$out"
