#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs an OCI bundle under Debian 13's crun, in a root of its own: its C library is newer than ours.
#
#   unshare --mount --pid --fork sh crun.sh PREFIX BUNDLE NAME      as root; ends with crun's exit code
#
# PREFIX is what tools/wasmedge.sh made. Mounts are private to this process and end with it. crun
# refuses a host that mixes both versions of cgroups, so version 1's controllers are shown alone.
set -eu
root=$(cd "$1/root" && pwd)
mkdir -p "$root/proc" "$root/sys" "$root/dev" "$root/run" "$root/bundle"
mount --make-rprivate /
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/run"
mount --bind "$2" "$root/bundle"
if [ ! -e /sys/fs/cgroup/cgroup.controllers ]; then
    mount -t tmpfs tmpfs "$root/sys/fs/cgroup"
    for controller in /sys/fs/cgroup/*; do
        name=$(basename "$controller")
        [ -d "$controller" ] && [ "$name" != unified ] || continue
        mkdir "$root/sys/fs/cgroup/$name"
        mount --bind "$controller" "$root/sys/fs/cgroup/$name"
    done
fi
exec chroot "$root" /usr/bin/crun --cgroup-manager=cgroupfs run --bundle /bundle "$3"
