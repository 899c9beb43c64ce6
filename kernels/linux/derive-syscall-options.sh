#!/usr/bin/env bash
# Prints every configuration option that the system call path mentions, and the
# files that mention it:
#
#   derive-syscall-options.sh SOURCE > syscall-options.txt
#
# SOURCE is a tree of Linux 6.12; syscall-path.txt says where the path is in it.
set -euo pipefail
export LC_ALL=C

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

main() {
    [[ $# -eq 1 && -f $1/Kconfig ]] || { echo "usage: $0 SOURCE (a Linux source tree)" >&2; exit 2; }
    cd "$1"
    # Sorted by option: "option file" pairs become one line an option.
    mentions | sort -u | join - <(known_options | sort -u) |
        awk '$1 != last { if (last) print line; line = $1 "\t" $2; last = $1; next }
             { line = line " " $2 }
             END { if (last) print line }'
}

# "option place", for every line of syscall-path.txt.
mentions() {
    local place file
    while read -r place; do
        case $place in
            '' | '#'*) ;;
            CONFIG_*) echo "$place (by-hand)" ;;
            *:*) menu_options "${place%:*}" "${place#*:}" | sed "s|\$| $place|" ;;
            *)
                for file in $place; do
                    [[ -f $file ]] || { echo "$0: syscall-path.txt: no file $file" >&2; exit 1; }
                    file_options "$file" | sed "s|\$| $file|"
                done
                ;;
        esac
    done <"$here/syscall-path.txt"
}

file_options() { grep -oE '\bCONFIG_[A-Z0-9_]+' "$1" | sort -u || true; }

# The menu's own option and those that it encloses.
menu_options() { # Kconfig file, menu
    echo "CONFIG_$2"
    sed -n "/^menuconfig $2\$/,/^endif/s/^config /CONFIG_/p" "$1"
}

# Without these, CONFIG_SHELL and the options of other machines would count.
known_options() {
    find . -name 'Kconfig*' \( -path './arch/x86/*' -o -not -path './arch/*/*' \) -print0 |
        xargs -0 sed -nE 's/^[[:space:]]*(menu)?config[[:space:]]+([A-Z0-9_]+)[[:space:]]*$/CONFIG_\2/p'
}

main "$@"
