#!/bin/bash
# Boots guests under genuine KVM on a machine that may not have KVM: QEMU emulates an AMD CPU
# with SVM, a Debian kernel on it loads kvm_amd, and our own init runs the cases there that
# rig_host hands to it. Usage: vmm/rig/run.sh [PROGRAM [ARGUMENT…]]
#
# PROGRAM ARGUMENT… are the first words of a boot command: a static `tollgate` and `boot
# --engine kvm`, which then also runs an experiment there. Without them, the script uses this
# crate's example `boot`.
#
# The patched kernel, ring0 and guest-bench take part if they are in build/.
set -euo pipefail
cd "$(dirname "$0")/../.."

readonly target=${CARGO_TARGET_DIR:-target} build=build/rig
readonly musl=x86_64-unknown-linux-musl
# Seconds, from the moment when no other rig is running.
readonly patience=${RIG_TIMEOUT:-600}
program=${1:-}
boot=(/rig/boot "${@:2}")
source vmm/rig/cases.sh

main() {
    mkdir -p "$build"
    # Two simultaneous runs would overwrite each other's files.
    exec 9> "$build/lock"
    flock 9
    SECONDS=0
    if ! vmm/rig/debian-kernel.sh; then
        without_a_kernel
    fi
    build_programs
    assemble_root
    write_cases > "$build/root/rig/cases"
    pack "$build/root" "$build/rig.cpio"
    rm -f "$build"/console.*.log
    run_cases | tee "$build/said.log"
    compare_cpus
    compare_layouts
}

# Fails, unless the user allowed the rig to be left out.
without_a_kernel() {
    if [ "${RIG_MAY_BE_MISSING:-no}" != yes ]; then
        echo "rig: no Debian kernel to boot; to leave the rig out, run: RIG_MAY_BE_MISSING=yes make test" >&2
        exit 1
    fi
    ./not-run.sh add "$(write_cases | wc -l)" "cases of the rig" "no Debian kernel, and RIG_MAY_BE_MISSING=yes"
    exit
}

build_programs() {
    cargo build --quiet --release --package vmm --target "$musl" \
        --example boot --example probe --example attacks \
        --example rig_host --example rig_init --example rig_guest
    cargo run --quiet --release --package vmm --target "$musl" --example tiny_guests -- "$(tiny_folder)"
}

tiny_folder() {
    mkdir -p "$build/tiny"
    echo "$build/tiny"
}

assemble_root() {
    local root=$build/root examples=$target/$musl/release/examples
    rm -rf "$root" "$build/guest"
    mkdir -p "$root"/{dev,proc,sys,tmp,rig/modules,rig/tiny} "$build/guest"/{dev,proc,sys}
    cp "$build"/debian/*.ko "$root/rig/modules/"
    cp "$build"/debian/vmlinuz "$root/rig/debian-bzImage"
    cp "$build"/tiny/* "$root/rig/tiny/"
    cp "$examples/rig_init" "$root/init"
    cp "${program:-$examples/boot}" "$root/rig/boot"
    cp "$examples/probe" "$examples/attacks" "$root/rig/"
    cp "$examples/rig_guest" "$build/guest/init"
    pack "$build/guest" "$root/rig/guest.cpio"
    make_mutants "$build/debian/vmlinuz" "$root/rig"
    if has_benchmark; then
        cp build/guest-bench build/initramfs.cpio.gz build/ring0 vmm/rig/table1.toml "$root/rig/"
        cp build/unikraft-like "$root/rig/"
    fi
    if has_patched_kernel; then
        cp build/linux/bzImage "$root/rig/patched-bzImage"
        add_qemu "$root"
        strip --strip-debug -o "$root/rig/patched-vmlinux" build/linux/vmlinux
    fi
}

# Copies of a bzImage, each with some bytes changed (Documentation/arch/x86/boot.rst).
make_mutants() {
    local kernel=$1 folder=$2
    local payload=$(((1 + $(od -An -tu1 -j 497 -N 1 "$kernel")) * 512))
    mutate "$kernel" "$folder/mutant-syssize" $((0x1f7)) '\x7f'
    mutate "$kernel" "$folder/mutant-xloadflags" $((0x236)) '\x00'
    mutate "$kernel" "$folder/mutant-payload" $((payload + 0x200000)) '\xff\x00\xff\x00\xff\x00\xff\x00'
    mutate "$kernel" "$folder/mutant-entry" $((payload + 0x200)) '\x0f\x0b'
}

mutate() {
    cp "$1" "$2"
    # shellcheck disable=SC2059
    printf "$4" | dd of="$2" bs=1 seek="$3" conv=notrunc status=none
}

# The host's own QEMU, its shared libraries, and the firmware of a microvm and a PC.
add_qemu() {
    local root=$1 qemu
    qemu=$(command -v qemu-system-x86_64)
    mkdir -p "$root/usr/share/qemu"
    ldd "$qemu" | grep -o '/[^ ]*' | sort -u | while read -r library; do
        install -D "$library" "$root$library"
    done
    install -D "$qemu" "$root/usr/bin/qemu-system-x86_64"
    cp -L /usr/share/qemu/qboot.rom /usr/share/qemu/{linuxboot,linuxboot_dma,multiboot_dma,pvh,kvmvapic}.bin \
        /usr/share/seabios/bios-256k.bin "$root/usr/share/qemu/"
}

has_patched_kernel() {
    [ -e build/linux/bzImage ] && [ -e build/linux/vmlinux ]
}

has_benchmark() {
    [ -e build/guest-bench ] && [ -e build/initramfs.cpio.gz ] && [ -e build/ring0 ] &&
        [ -e build/unikraft-like ]
}

pack() {
    (cd "$1" && find . | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0) > "$2"
}

write_cases() {
    standstill_case
    probe_case
    attacks_case
    tiny_cases
    pin_case
    # Start the longest ones early, so that no machine is left alone with them.
    if has_benchmark; then
        write_benchmark_cases
    fi
    linux_cases "Debian bzImage" debian-bzImage linux64
    power_off_case "Debian bzImage" debian-bzImage linux64
    too_little_memory_case debian-bzImage linux64
    smp_cases "Debian bzImage" debian-bzImage linux64
    mutant_cases
    if has_patched_kernel; then
        compare_cases patched-bzImage
        layout_cases patched-bzImage
        linux_cases "patched bzImage" patched-bzImage linux64
        linux_cases "patched vmlinux, 64-bit" patched-vmlinux linux64
        linux_cases "patched vmlinux, PVH" patched-vmlinux pvh
        smp_cases "patched bzImage" patched-bzImage linux64
        smp_cases "patched vmlinux, 64-bit" patched-vmlinux linux64
        smp_cases "patched vmlinux, PVH" patched-vmlinux pvh
        power_off_case "patched vmlinux, PVH" patched-vmlinux pvh
    fi
}

write_benchmark_cases() {
    if has_patched_kernel && [ -n "$program" ]; then
        table1_case
    fi
    ring0_case pvh
    ring0_case multiboot
    unikraft_like_case
    bench_case "Debian bzImage" debian-bzImage linux64 enosys
    if has_patched_kernel; then
        bench_case "patched bzImage" patched-bzImage linux64 noop
        bench_case "patched vmlinux, 64-bit" patched-vmlinux linux64 noop
        bench_case "patched vmlinux, PVH" patched-vmlinux pvh noop
    fi
}

run_cases() {
    "$target/$musl/release/examples/rig_host" "$build" $((patience - SECONDS)) 9>&- || {
        echo "rig: not every case passed; the consoles are in $build/console.*.log" >&2
        exit 1
    }
}

# The guests of the two engines may only differ in the lines of vmm/rig/cpu-differences.txt,
# each explained in docs/BOOT.md.
compare_cpus() {
    if ! has_patched_kernel; then
        return
    fi
    local cpus
    for cpus in 1 2; do
        facts_of "compare ours $cpus" > "$build/cpu.ours"
        facts_of "compare qemu $cpus" > "$build/cpu.qemu"
        echo "# $cpus vCPU(s): < ours, > qemu -cpu host"
        diff "$build/cpu.ours" "$build/cpu.qemu" | grep '^[<>]' || true
    done > "$build/cpu-differences.txt"
    diff vmm/rig/cpu-differences.txt "$build/cpu-differences.txt" || {
        echo "rig: the guest's CPU differs from QEMU's in other lines than it should" >&2
        exit 1
    }
}

# Boots of one kernel must not all find it at the same address.
compare_layouts() {
    if ! has_patched_kernel; then
        return
    fi
    local engine
    for engine in ours qemu; do
        if [ "$(facts_of "compare layouts $engine" | grep -c _text)" -ne 3 ] ||
            [ "$(facts_of "compare layouts $engine" | grep _text | sort -u | wc -l)" -lt 2 ]; then
            echo "rig: three boots ($engine) do not show KASLR at work:" >&2
            facts_of "compare layouts $engine" >&2
            exit 1
        fi
    done
}

facts_of() {
    # Each outer machine measures the TSC's frequency itself.
    sed -n "s/^RIG $1: //p" "$build/said.log" |
        sed 's/^\(cpuid 40000010 00\) [0-9a-f]*/\1 TSC-kHz/'
}

main "$@"; exit
