//! Alone in its process, because it counts everything in it.

#![allow(clippy::unwrap_used, reason = "a failed preparation fails the test")]

mod run;
mod tiny;

use std::fs;

use run::run;
use vmm::End;

const BOOTS: u32 = 1000;
/// What the allocator may keep for later, in total.
const SLACK_KIB: u64 = 1024;

#[test]
#[ignore = "needs /dev/kvm: vmm/test.sh"]
fn a_thousand_boots_leak_nothing() {
    let boot = || assert_eq!(*run(&tiny::exit(0)).end(), End::Exited { status: 0 });
    for _ in 0..20 {
        boot();
    }
    let before = (count("fd"), count("task"), resident_kib());
    for _ in 0..BOOTS {
        boot();
    }
    let after = (count("fd"), count("task"), resident_kib());
    assert_eq!(
        (before.0, before.1),
        (after.0, after.1),
        "descriptors, threads"
    );
    assert!(
        after.2 < before.2 + SLACK_KIB,
        "memory: {} KiB, then {} KiB",
        before.2,
        after.2
    );
}

fn count(what: &str) -> usize {
    fs::read_dir(format!("/proc/self/{what}")).unwrap().count()
}

fn resident_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
