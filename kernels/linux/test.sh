#!/usr/bin/env bash
# Tests what build.sh left in build/linux, and that its system call path is the
# distribution's. Exit status 0: all hold; 1: some do not; 2: nothing to test.
#
#   BUILD_DIR=directory    where the build is (default: build/)
#   DISTRO_CONFIG=file     the configuration to compare with, plain or .xz
set -euo pipefail
export LC_ALL=C

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
out=$(realpath -m "${BUILD_DIR:-$here/../../build}")/linux
distro=${DISTRO_CONFIG:-/usr/src/linux-config-6.12/config.amd64_none_cloud-amd64.xz}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failures=0

main() {
    require_inputs
    check "every line of the fragments is explained" fragments_are_explained
    check "the list of options is what the source says" list_is_current
    check "every option on the path is the distribution's" options_equal
    check "every exception is still needed" exceptions_are_needed
    check "bzImage is one" bzimage_has_magic
    check "vmlinux has the PVH note" vmlinux_has_pvh_note
    check "system call 500 is in the kernel" noop_is_linked
    check "number 500 is in the table" noop_is_in_the_table
    check "a second build does nothing" second_build_does_nothing
    [[ $failures -eq 0 ]] || { echo "linux: $failures checks failed"; exit 1; }
}

require_inputs() {
    local file
    for file in "$out"/{bzImage,vmlinux,config,System.map,source/Kconfig}; do
        [[ -e $file ]] || { echo "linux: $file is missing; run $here/build.sh" >&2; exit 2; }
    done
    [[ -f $distro ]] || { echo "linux: $distro is missing; as root: apt-get install -y linux-config-6.12" >&2; exit 2; }
    case $distro in
        *.xz) xz -dc "$distro" ;;
        *) cat "$distro" ;;
    esac >"$scratch/distro"
}

# A check prints what is wrong, or nothing.
check() { # what should hold, the function that tests it
    local report
    report=$("$2" 2>&1) && [[ -z $report ]] && { echo "ok    linux: $1"; return; }
    echo "FAIL  linux: $1"
    printf '%s\n' "$report" | sed 's/^/        /'
    failures=$((failures + 1))
}

# --- The configuration -------------------------------------------------------

fragments_are_explained() {
    awk '/^(# )?CONFIG_/ && (before !~ /^# / || before ~ /^# CONFIG_/) { print FILENAME ": no comment before " $0 } { before = $0 }' \
        "$here"/*.config
}

list_is_current() {
    "$here/derive-syscall-options.sh" "$out/source" >"$scratch/options"
    diff "$here/syscall-options.txt" "$scratch/options"
}

# Each option that differs: "NAME distribution's ours".
differences() {
    local option theirs ours
    while read -r option _; do
        theirs=$(value "$option" "$scratch/distro")
        ours=$(value "$option" "$out/config")
        [[ $theirs == "$ours" ]] || echo "${option#CONFIG_} $theirs $ours"
    done <"$here/syscall-options.txt"
}

# An option that is off is "not set" where its menu is shown and absent elsewhere.
value() { # option, file
    sed -n "s/^$1=//p" "$2" | grep . || echo n
}

options_equal() {
    local option theirs
    differences | while read -r option theirs; do
        grep -q "^$option " "$here/exceptions.txt" ||
            echo "CONFIG_$option: the distribution's and ours are: $theirs"
    done
}

exceptions_are_needed() {
    local option
    differences >"$scratch/differences"
    grep -v '^#' "$here/exceptions.txt" | while read -r option _; do
        grep -q "^$option " "$scratch/differences" || echo "$option does not differ"
    done
}

# --- The images --------------------------------------------------------------

# "HdrS" at 0x202, the boot protocol's signature.
bzimage_has_magic() {
    [[ $(dd if="$out/bzImage" bs=1 skip=514 count=4 status=none) == HdrS ]] || echo "no HdrS at 0x202"
}

# Note type 18 of owner Xen is XEN_ELFNOTE_PHYS32_ENTRY.
vmlinux_has_pvh_note() {
    readelf --notes --wide "$out/vmlinux" 2>/dev/null | grep -qE '^ *Xen .*0x0*12\)' || echo "no PHYS32_ENTRY note"
}

noop_is_linked() {
    grep -q ' T __x64_sys_noop$' "$out/System.map" || echo "no __x64_sys_noop in System.map"
}

noop_is_in_the_table() {
    grep -qx '__SYSCALL(500, sys_noop)' "$out/obj/arch/x86/include/generated/asm/syscalls_64.h" ||
        echo "syscalls_64.h does not lead 500 to sys_noop"
}

# Not for a tree of the user's: its variables may be unset by now.
second_build_does_nothing() {
    "$here/build.sh" | grep -v 'up to date' || true
}

main "$@"
