#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every C file is formatted as .clang-format says. Exit 77 when clang-format is not there.
set -eu
command -v clang-format >/dev/null || {
    echo "format: clang-format is not installed; skipped" >&2
    exit 77
}
files=$(find src include sim test fuzz -name '*.[ch]')
[ -n "$files" ] || { echo "format: no files found" >&2; exit 1; }
# shellcheck disable=SC2086 # names without spaces
clang-format --dry-run -Werror $files
printf 'format: %s files\n' "$(printf '%s\n' "$files" | wc -l)"
