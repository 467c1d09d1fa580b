#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The core archive calls nothing beyond memory, strings and square-root-class functions.
# Argument: the archive. What sanitizers and hardening add is allowed by its prefix.
set -eu
archive=$1
allowed='memcpy memmove memset memcmp memchr strlen strcmp strncmp sqrt sqrtf fabs floor ceil trunc
rint fmod __memcpy_chk __memmove_chk __memset_chk __stack_chk_fail _GLOBAL_OFFSET_TABLE_'
nm -g "$archive" 2>/dev/null | awk '$2 ~ /^[TDRBVWC]$/ {print $3}' | sort -u >"${TMPDIR:-/tmp}/weir-defined.$$"
trap 'rm -f "${TMPDIR:-/tmp}/weir-defined.$$"' EXIT
outside=$(nm -u "$archive" 2>/dev/null | awk '$1 == "U" {print $2}' | sort -u |
    comm -23 - "${TMPDIR:-/tmp}/weir-defined.$$" | grep -Ev '^__(asan|ubsan|sanitizer)_' || true)
[ -s "${TMPDIR:-/tmp}/weir-defined.$$" ] || { echo "core_symbols: $archive defines nothing" >&2; exit 1; }
bad=0
for symbol in $outside; do
    case " $(echo $allowed) " in
    *" $symbol "*) ;;
    *)
        echo "core_symbols: the core must not call $symbol" >&2
        bad=1
        ;;
    esac
done
echo "core_symbols: $(echo "$outside" | wc -w) outside symbols, all allowed: $bad breaches"
exit $bad
