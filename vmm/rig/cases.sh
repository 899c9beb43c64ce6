# shellcheck shell=bash disable=SC2154
# The rig's cases, one per line: a name, what the commands print (several texts with " + "
# between them), and the commands, with ";" between two of them; all separated by tabs
# (vmm/examples/rig_init.rs). run.sh sets `boot`, the first words of a boot command. The cases
# run in any order, on several machines.

case_line() {
    local name=$1 expected=$2
    shift 2
    printf '%s\t%s' "$name" "$expected"
    printf '\t%s' "$@"
    printf '\n'
}

# Linux, entered as `$1 protocol`, with the rest as a command for PID 1.
linux_case() {
    local name=$1 expected=$2 kernel=$3 protocol=$4 command=$5
    shift 5
    case_line "$name" "$expected" "${boot[@]}" "/rig/$kernel" --protocol "$protocol" \
        --initrd /rig/guest.cpio --timeout 150 \
        --append "console=ttyS0 panic=-1 quiet -- $command" "$@"
}

tiny_cases() {
    local protocol
    for protocol in linux64 pvh multiboot-elf multiboot-flat; do
        case_line "tiny $protocol" "the guest exited with status 42" "${boot[@]}" "/rig/tiny/exit-$protocol"
    done
    case_line "triple fault" "the guest's CPU stopped on a triple fault" "${boot[@]}" /rig/tiny/triple-fault
    case_line "hang" "the guest was killed at its timeout" "${boot[@]}" /rig/tiny/hang --timeout 1
    case_line "cli and hlt" "the guest halted permanently" "${boot[@]}" /rig/tiny/halt
    case_line "panic" "the guest's kernel panicked: tiny" "${boot[@]}" /rig/tiny/panic
    case_line "wrong image" "not a bootable kernel" "${boot[@]}" /rig/cases
    case_line "a program as kernel" "not supported" "${boot[@]}" /init
    case_line "no image" "/nowhere + No such file" "${boot[@]}" /nowhere
}

# $1: a name for the kernel, $2: its file, $3: how it is entered.
linux_cases() {
    local name=$1 kernel=$2 protocol=$3
    linux_case "$name: exit 0" "the guest exited with status 0" "$kernel" "$protocol" "exit 0"
    linux_case "$name: exit 42" "the guest exited with status 42" "$kernel" "$protocol" "exit 42"
    linux_case "$name: init dies" "exitcode=0x00000300" "$kernel" "$protocol" "die 3"
    linux_case "$name: reboot" "the guest rebooted" "$kernel" "$protocol" "reboot"
}

# Needs working ACPI, which Linux has only with PCI support.
power_off_case() {
    linux_case "$1: power off" "the guest powered off" "$2" "$3" "power-off"
}

smp_cases() {
    local name=$1 kernel=$2 protocol=$3 cpus
    for cpus in 1 2 4; do
        linux_case "$name: $cpus CPUs" "REPORT online 0$([ "$cpus" = 1 ] || echo "-$((cpus - 1))")" \
            "$kernel" "$protocol" "report" --cpus "$cpus"
    done
}

# A kernel with one byte changed: refused, or booted to some end.
mutant_case() {
    case_line "$1" "$2" "${boot[@]}" "/rig/$3" --initrd /rig/guest.cpio --timeout 20 \
        --append "console=ttyS0 panic=-1 quiet -- exit 0"
}

mutant_cases() {
    mutant_case "mutant: syssize" "the file is shorter than its header says" mutant-syssize
    mutant_case "mutant: 64-bit entry hidden" "without a 64-bit entry point" mutant-xloadflags
    mutant_case "mutant: compressed kernel" "the guest" mutant-payload
    mutant_case "mutant: entry" "the guest" mutant-entry
}

# The outer machine falls silent, once: the rig has to start another one.
standstill_case() {
    case_line "standstill" "runs again" stand-still
}

probe_case() {
    case_line "probe" "nested: svm" /rig/probe
}

attacks_case() {
    case_line "attacks from inside the VMM" \
        "refused: a signal to another process + refused: executable memory" /rig/attacks
}

# QEMU's smallest machine, with the port to which rig_guest writes its status.
# shellcheck disable=SC2054
qemu_command=(qemu-system-x86_64 -M microvm,acpi=off -accel kvm -cpu host -m 256
    -nodefaults -no-user-config -no-reboot -display none -serial stdio
    -device isa-debug-exit,iobase=0xf4,iosize=1)

# The same guest under our engine and under QEMU: run.sh compares what it reports.
compare_cases() {
    local kernel=$1 cpus
    for cpus in 1 2; do
        linux_case "compare ours $cpus" "REPORT online" "$kernel" linux64 report --cpus "$cpus"
        case_line "compare qemu $cpus" "REPORT online" "${qemu_command[@]}" -smp "$cpus" \
            -kernel "/rig/$kernel" -initrd /rig/guest.cpio \
            -append "console=ttyS0 panic=-1 quiet -- report"
    done
}

# KASLR: run.sh checks whether boots of one kernel differ. With some 500 places, three boots
# choose the same one once in 250,000 times.
layout_cases() {
    local kernel=$1 append="console=ttyS0 panic=-1 quiet -- layout"
    local ours=("${boot[@]}" "/rig/$kernel" --initrd /rig/guest.cpio --append "$append")
    local qemu=("${qemu_command[@]}" -kernel "/rig/$kernel" -initrd /rig/guest.cpio -append "$append")
    case_line "compare layouts ours" "T _text + Kernel code" "${ours[@]}" ";" "${ours[@]}" ";" "${ours[@]}"
    case_line "compare layouts qemu" "T _text + Kernel code" "${qemu[@]}" ";" "${qemu[@]}" ";" "${qemu[@]}"
}

# The outer machine has CPU 0, and room for CPU 1: only a thread that is pinned shows "0".
pin_case() {
    case_line "pin" "thread init on CPUs 0-1. + thread vcpu0 on CPUs 0. + killed at its timeout" \
        threads "${boot[@]}" /rig/tiny/hang --timeout 1 --pin 0
}

# The benchmark itself: $4 is the answer to system call 500.
bench_case() {
    local name=$1 kernel=$2 protocol=$3 answer=$4
    case_line "$name: guest-bench" "the guest exited with status 0 + $answer" \
        "${boot[@]}" "/rig/$kernel" --protocol "$protocol" --initrd /rig/initramfs.cpio.gz \
        --timeout 170 --append "console=ttyS0 panic=-1 quiet -- rounds=2"
}

ring0_case() {
    case_line "ring0, $1: guest-bench" "the guest exited with status 0 + noop" \
        "${boot[@]}" /rig/ring0 --protocol "$1" --initrd /rig/guest-bench \
        --timeout 170 --append "-- rounds=2"
}

# Its memory map, page tables, arguments and end are those of the paper's Unikraft image.
unikraft_like_case() {
    case_line "unikraft-like: guest-bench" "the guest powered off + noop" \
        "${boot[@]}" /rig/unikraft-like --initrd /rig/guest-bench \
        --timeout 120 --append "unikraft -- rounds=2"
}

too_little_memory_case() {
    linux_case "too little memory" "the guest has 8 MiB" "$1" "$2" "exit 0" --memory 8
}

# The paper's targets, from the experiment to the table: only `tollgate` can do that.
table1_case() {
    local expected=(
        "linux-nomitig: engine kvm, because /dev/kvm: nested: svm + all boots are in"
        "samples of 11 boots + 0 boots failed"
        "statistics are in"
        "linux-nomitig + ring0-full + unikraft-like + linux-nomitig-by-qemu + ring0-full-by-qemu + unikraft-like-by-qemu + enosys"
    )
    case_line "table1" "$(printf ' + %s' "${expected[@]}" | cut -c 4-)" \
        /rig/boot run /rig/table1.toml --run /tmp/run ";" \
        /rig/boot parse /tmp/run ";" \
        /rig/boot process /tmp/run ";" \
        /rig/boot report /tmp/run
}
