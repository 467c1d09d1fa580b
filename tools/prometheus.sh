#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Prometheus and promtool from Debian's package, in a folder of their own: installed, the package would
# start a service that listens to the world.
#
#   tools/prometheus.sh [PREFIX]      build/prometheus when left out; prints the prefix at the end
#
# Some 40 MB, through apt, which verifies the archive's signature. A second call does nothing.
set -eu
prefix=${1:-$(dirname "$0")/../build/prometheus}
mkdir -p "$prefix"
prefix=$(cd "$prefix" && pwd)
if ! [ -x "$prefix/usr/bin/promtool" ]; then
    (cd "$prefix" && apt-get -qq -o APT::Sandbox::User=root download prometheus)
    dpkg-deb -x "$prefix"/prometheus_*.deb "$prefix"
    rm -f "$prefix"/prometheus_*.deb
fi
"$prefix/usr/bin/promtool" --version >/dev/null
echo "$prefix"
