#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Writes rendered/OVERLAY.yaml, what `kubectl kustomize` makes of each overlay: for clusters that are
# fed with plain files, and so that the tests can read the manifests where there is no kubectl.
#   deploy/k3s/render.sh [FOLDER]
set -eu
cd "$(dirname "$0")"
out=${1:-rendered}
mkdir -p "$out"
for overlay in overlays/*/; do
    name=$(basename "$overlay")
    { echo "# SPDX-License-Identifier: Apache-2.0"
      echo "# Made by deploy/k3s/render.sh from overlays/$name."
      kubectl kustomize "$overlay"; } >"$out/$name.yaml"
done
