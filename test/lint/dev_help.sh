#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# `./dev COMMAND --help` tells what the command does, and neither builds, installs nor removes for it.
# Run on a copy, so that a failure does none of that here.
set -eu
folder=$(mktemp -d)
trap '/bin/rm -rf "$folder"' EXIT
cp dev "$folder/dev"
mkdir "$folder/bin"
for tool in apt-get clang-format cmake dpkg git python3 rm sudo; do
    printf '#!/bin/sh\necho "%s $*" >>"%s/called"\nexit 1\n' "$tool" "$folder" >"$folder/bin/$tool"
    chmod +x "$folder/bin/$tool"
done
PATH="$folder/bin:$PATH"

n=0
for command in $("$folder/dev" help | awk '/^  [a-z]/ { print $1 }'); do
    for ask in "$command --help" "$command -h" "$command 5 --help" "help $command"; do
        # shellcheck disable=SC2086 # the words are meant to be split
        told=$("$folder/dev" $ask) || told=
        case $told in
        "usage: ./dev $command"*) ;;
        *)
            echo "dev_help: ./dev $ask told: $told" >&2
            exit 1
            ;;
        esac
    done
    n=$((n + 1))
done
if "$folder/dev" help nothing 2>/dev/null || "$folder/dev" nothing --help 2>/dev/null; then
    echo "dev_help: there is no such command" >&2
    exit 1
fi
if [ -e "$folder/called" ]; then
    echo "dev_help: asked for help, it ran:" >&2
    cat "$folder/called" >&2
    exit 1
fi
echo "dev_help: $n commands told what they do and did nothing"
[ "$n" -gt 8 ]
