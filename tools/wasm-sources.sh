#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The sources of the libraries that the wasm build links, from Debian 12's source packages: what the
# system has installed cannot be linked there.
#
#   tools/wasm-sources.sh [FOLDER]      build/wasm-sources when left out; a second call does nothing
#
#   FOLDER/zlib     inflate and deflate
#   FOLDER/libyaml  the YAML reader
#
# Fetched through apt, which verifies the archive's signature. Needs dpkg-dev.
set -eu
folder=${1:-$(dirname "$0")/../build/wasm-sources}
mirror=${WEIR_DEBIAN_MIRROR:-http://deb.debian.org/debian}
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
[ ! -f "$folder/done" ] || exit 0

apt=$folder/apt
mkdir -p "$apt/state/lists/partial" "$apt/cache/archives/partial"
: >"$apt/status"
printf 'deb-src [signed-by=%s] %s bookworm main\n' /usr/share/keyrings/debian-archive-keyring.gpg \
    "$mirror" >"$apt/sources.list"
run_apt() {
    apt-get -qq -o Dir::Etc::SourceList="$apt/sources.list" -o Dir::Etc::SourceParts=/dev/null \
        -o Dir::State="$apt/state" -o Dir::State::status="$apt/status" -o Dir::Cache="$apt/cache" \
        -o APT::Sandbox::User=root -o Debug::NoLocking=1 "$@"
}
cd "$apt"
run_apt update
run_apt source zlib libyaml >"$folder/log" 2>&1
mkdir -p "$folder/zlib" "$folder/libyaml"
cp zlib-*/*.c zlib-*/*.h "$folder/zlib/"
cp libyaml-*/src/*.c libyaml-*/src/*.h libyaml-*/include/yaml.h "$folder/libyaml/"
rm -rf "$apt"
: >"$folder/done"
