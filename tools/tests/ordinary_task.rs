//! The benchmark's task on Linux is an ordinary one: a system call costs as much as in a
//! program that does nothing else.
#![allow(clippy::unwrap_used, reason = "a test may stop anywhere")]

mod common;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::{Sandbox, built};

/// Linux under the emulator that counts instructions, on a processor that needs mitigations.
fn linux(name: &str, words: &str) -> String {
    let image = built("build/linux/bzImage");
    format!(
        "[[target]]\nname = \"{name}\"\nengine = \"qemu\"\nmethod = \"exact\"\n\
         cpu = \"Skylake-Server\"\nimage = \"{}\"\ntimeout-s = 60\n\
         cmdline = \"console=ttyS0 quiet reboot=k panic=-1 {words}\"\n",
        image.display()
    )
}

fn ordinary_program(sandbox: &Sandbox) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs/ordinary.c");
    let program = sandbox.path("ordinary");
    let gcc = Command::new("gcc")
        .args(["-O2", "-Wall", "-Werror", "-static-pie", "-nostdlib"])
        .args(["-ffreestanding", "-fno-stack-protector", "-o"])
        .args([&program, &source])
        .status();
    assert!(gcc.expect("gcc is needed: make deps").success());
    program
}

/// Instructions for one system call, on which nine tenths of a boot's samples agree.
#[track_caller]
fn instructions(sandbox: &Sandbox, boot: &str) -> i64 {
    let mut counts = BTreeMap::new();
    let mut samples = 0;
    for line in sandbox.read(&format!("run/console/{boot}.log")).lines() {
        let fields: Vec<_> = line.trim().split('\t').collect();
        let ["quad", "scall", _, _, numbers @ ..] = fields.as_slice() else {
            continue;
        };
        let numbers: Vec<i64> = numbers.iter().map(|n| n.parse().unwrap()).collect();
        let [copies, turns, n_t, n_2t, twice_t, twice_2t] = numbers[..] else {
            panic!("{line}");
        };
        let rest = twice_2t - twice_t - n_2t + n_t;
        *counts.entry((rest, copies * turns)).or_insert(0) += 1;
        samples += 1;
    }
    let (&(rest, operations), &most) = counts.iter().max_by_key(|(_, n)| **n).unwrap();
    assert!(most * 10 >= samples * 9, "{boot}: {counts:?}");
    assert_eq!(rest % operations, 0, "{boot}");
    rest / operations
}

#[test]
#[ignore = "needs the kernels: make test-commands"]
fn a_system_call_costs_the_benchmark_what_it_costs_any_program() {
    let ordinary = Sandbox::new();
    let program = ordinary_program(&ordinary);
    let targets = linux("plain", "") + &linux("kept", "keeps-port");
    ordinary.experiment(&program, 1, &targets);
    let run = ["run", "test.toml", "--run", "run"];
    ordinary.tollgate(&run).succeeded();
    let plain = instructions(&ordinary, "plain.0");
    // This shows what a task requests from the kernel.
    assert!(instructions(&ordinary, "kept.0") > plain);

    let benchmark = Sandbox::new();
    benchmark.experiment(&built("build/guest-bench"), 1, &linux("linux", ""));
    benchmark.tollgate(&run).succeeded();
    assert_eq!(instructions(&benchmark, "linux.0"), plain);
}
