#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# After a change of packs/cards, packs/fleet or the manifests: copies their policies, and writes
# rendered/OVERLAY.yaml, what `kubectl kustomize` makes of each overlay (for clusters that are
# fed with plain files, and so that the tests can read the manifests where there is no kubectl), and
# the Deployment of the overlay wasmedge as a fixture of the gates. Wants kubectl with kustomize 5.
#
#   deploy/k3s/render.sh            into the tree
#   deploy/k3s/render.sh FOLDER     the rendered files alone, into FOLDER
set -eu
cd "$(dirname "$0")"
out=${1:-rendered}
mkdir -p "$out"
if [ $# -eq 0 ]; then
    cp ../../packs/cards/.manifest ../../packs/cards/*.rego ../../packs/cards/*.yaml base/policy
    cp ../../packs/fleet/.manifest ../../packs/fleet/*.rego ../../packs/fleet/*.yaml overlays/fleet/policy
fi
for overlay in overlays/*/; do
    name=$(basename "$overlay")
    { echo "# SPDX-License-Identifier: Apache-2.0"
      echo "# Made by deploy/k3s/render.sh from overlays/$name."
      kubectl kustomize "$overlay"; } >"$out/$name.yaml"
done
[ $# -eq 0 ] || exit 0
build=5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f
{ echo "# SPDX-License-Identifier: Apache-2.0"
  echo "# The Deployment of the overlay wasmedge with the digest of a build, by deploy/k3s/render.sh."
  awk -v build="$build" 'BEGIN { RS = "\n---\n" } /\nkind: Deployment\n/ {
      gsub(/sha256:0+/, "sha256:" build); print }' rendered/wasmedge.yaml
} >../gatekeeper/fixtures/allowed.yaml
