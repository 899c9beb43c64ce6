#!/usr/bin/env bash
# Runs the tests that need /dev/kvm: tiny guests, which any KVM can run, including one that
# emulates in software. Without a usable /dev/kvm, it counts them as not run.
set -euo pipefail
cd "$(dirname "$0")/.."

main() {
    if opens_kvm; then
        tests_of_vmm
        tests_of_tools
        return
    fi
    local count
    count=$({ tests_of_vmm --list && tests_of_tools --list; } | grep -c ': test$')
    ./not-run.sh add "$count" "tests of vmm and tools" "/dev/kvm does not open here; type vmm/test.sh where it does"
}

tests_of_vmm() {
    cargo test --quiet --package vmm --test '*' -- --ignored "$@"
}

tests_of_tools() {
    cargo test --quiet --package tools --test kvm -- --ignored on_kvm:: "$@"
}

opens_kvm() {
    [ -c /dev/kvm ] && (exec 3<> /dev/kvm) 2> /dev/null
}

main
