#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What bash offers behind `weir WORDS<Tab>`: commands, verbs, options.
#   completion.sh WEIR
set -eu
command -v bash >/dev/null || exit 77
bash -s "$1" <<'END'
source <("$1" completion bash)
wrong=0
offers() { # offers "LIST" WORDS...: the last word is the one that is being typed
  local want=$1
  shift
  COMP_WORDS=(weir "$@") COMP_CWORD=$# COMPREPLY=()
  _weir
  [[ "${COMPREPLY[*]}" == "$want" ]] || { echo "weir $*: ${COMPREPLY[*]}, not $want"; wrong=1; }
}
offers "model" mod
offers "compile conform" model co
offers "compile info score explain conform" model ""
offers "check" pack ch
offers "backup" journal b
offers "--background" model --back
offers "--summary" decide --su
offers "packs/starter" model packs/s
offers "packs/starter" decide packs/s
exit $wrong
END
