#!/usr/bin/env bash
# The list of the tests that `make test` could not run. A step that cannot run some tests adds
# them with the reason, and the last step prints the list.
#
#   ./not-run.sh begin
#   ./not-run.sh add COUNT WHICH WHY    ./not-run.sh add 3 "tests of vmm" "no /dev/kvm"
#   ./not-run.sh end
set -euo pipefail
cd "$(dirname "$0")"

readonly list=${CARGO_TARGET_DIR:-target}/not-run.txt

main() {
    mkdir -p "$(dirname "$list")"
    case ${1:-} in
        begin) : > "$list" ;;
        add) echo "$2 $3: $4" | tee -a "$list" | sed 's/^/not run: /' ;;
        end) print ;;
        *) sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
    esac
}

print() {
    awk '{ count += $1 } END { print "not run: " count + 0 " tests" }' "$list"
    sed 's/^/    /' "$list"
}

main "$@"
