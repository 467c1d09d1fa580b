#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# WasmEdge 0.14.1 and a crun that can run it, from Debian 13's packages, in a folder of their own: they
# want a newer C library than Debian 12 has, and nothing of the system is touched.
#
#   tools/wasmedge.sh [PREFIX]      build/wasmedge when left out; prints the prefix at the end
#
# The prefix holds bin/wasmedge and bin/crun, which start the real programs through the packages' own
# loader. Some 50 MB are fetched, through apt, which verifies the archive's signature. A second call
# does nothing. Weighed: building WasmEdge from source (25 minutes), a whole Debian 13 root (slower,
# larger), the project's own installer (not a Debian package).
set -eu
prefix=${1:-$(dirname "$0")/../build/wasmedge}
mirror=${WEIR_DEBIAN_MIRROR:-http://deb.debian.org/debian}
mkdir -p "$prefix"
prefix=$(cd "$prefix" && pwd)
root=$prefix/root

if [ -x "$prefix/bin/wasmedge" ] && [ -x "$prefix/bin/crun" ] && [ -f "$root/usr/include/wasmedge/wasmedge.h" ]; then
    echo "$prefix"
    exit 0
fi

apt=$prefix/apt
mkdir -p "$apt/etc" "$apt/state/lists/partial" "$apt/cache/archives/partial" "$prefix/bin"
: >"$apt/status"
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
printf 'deb [signed-by=%s] %s trixie main\n' "$keyring" "$mirror" >"$apt/etc/sources.list"

run_apt() {
    apt-get -qq -o Dir::Etc::SourceList="$apt/etc/sources.list" -o Dir::Etc::SourceParts=/dev/null \
        -o Dir::State="$apt/state" -o Dir::State::status="$apt/status" -o Dir::Cache="$apt/cache" \
        -o APT::Install-Recommends=false -o APT::Sandbox::User=root -o Debug::NoLocking=1 "$@"
}
run_apt update
run_apt --download-only -y install wasmedge libwasmedge-dev crun >/dev/null
rm -rf "$root"
mkdir -p "$root"
for package in "$apt"/cache/archives/*.deb; do
    dpkg-deb -x "$package" "$root"
done
rm -rf "$apt"

start() { # start NAME: a script that starts $root/usr/bin/NAME through the root's own loader
    cat >"$prefix/bin/$1" <<SH
#!/bin/sh
exec "$root/lib64/ld-linux-x86-64.so.2" --library-path \\
    "$root/usr/lib/x86_64-linux-gnu:$root/lib/x86_64-linux-gnu" "$root/usr/bin/$1" "\$@"
SH
    chmod +x "$prefix/bin/$1"
}
[ -e "$root/lib64" ] || ln -s usr/lib64 "$root/lib64"
start crun
start wasmedge
"$prefix/bin/wasmedge" --version | grep -q ' 0\.14\.1' || {
    echo "wasmedge.sh: this is not WasmEdge 0.14.1: $("$prefix/bin/wasmedge" --version)" >&2
    rm -rf "$prefix/bin"
    exit 1
}
echo "$prefix"
