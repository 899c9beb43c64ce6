#!/usr/bin/env bash
# Installs the program, its manual pages and completions and, if it was built, the trace plugin.
#
#   PREFIX=/usr/local DESTDIR= ./install.sh PROGRAM
set -euo pipefail

program=$1
plugin=$(dirname "$program")/libtollgate-trace.so
root=${DESTDIR:-}${PREFIX:-/usr/local}

if [ ! -x "$program" ]; then
    echo "install: $program does not exist; run \`make tools\` first" >&2
    exit 1
fi

install -D -m 755 "$program" "$root/bin/tollgate"
if [ -e "$plugin" ]; then
    install -D -m 755 "$plugin" "$root/lib/tollgate/libtollgate-trace.so"
fi

made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT

"$program" man "$made"
install -d "$root/share/man/man1"
install -m 644 "$made"/*.1 "$root/share/man/man1"

complete() {
    "$program" completions "$1" > "$made/$1"
    install -D -m 644 "$made/$1" "$root/share/$2"
}
complete bash bash-completion/completions/tollgate
complete fish fish/vendor_completions.d/tollgate.fish
complete zsh zsh/site-functions/_tollgate
