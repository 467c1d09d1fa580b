#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Two images FROM scratch, as OCI layouts in build/images: native (the static binary) and wasm (the
# module for WasmEdge, compiled ahead of time when ./dev edge --aot has made that). Both hold
# packs/cards and its model at /model.wasm.
#
#   tools/images.sh [OUT]      after ./dev build and ./dev edge
set -eu
cd "$(dirname "$0")/.."
out=${1:-build/images}
module=build/wasm/risk-control.wasm
[ ! build/wasm/risk-control.aot.wasm -nt "$module" ] || module=build/wasm/risk-control.aot.wasm
rm -rf "$out"
mkdir -p "$out"
stripped=$(mktemp)
trap 'rm -f "$stripped"' EXIT
strip -o "$stripped" build/release/weir

python3 tools/oci_image.py "$out/native" --file "$stripped:weir:755" --file packs/cards:pack \
    --file packs/cards/models/fraud.wasm:model.wasm --file ":state:777" --file ":tmp:777" \
    --entrypoint /weir --entrypoint serve \
    --env WEIR_PACK=/pack --env WEIR_STATE=/state --env WEIR_LISTEN=0.0.0.0:8181 \
    --env MODEL_PATH=/model.wasm --env DECISION_TIMEOUT=50ms --port 8181
python3 tools/oci_image.py "$out/wasm" --platform wasi/wasm --file "$module:app.wasm:755" \
    --file packs/cards:pack --file packs/cards/models/fraud.wasm:model.wasm --file ":state:777" \
    --entrypoint /app.wasm \
    --env WEIR_PACK=/pack --env WEIR_STATE=/state --env WEIR_LISTEN=0.0.0.0:8181 \
    --env MODEL_PATH=/model.wasm --env DECISION_TIMEOUT=50ms --port 8181
