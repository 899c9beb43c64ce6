//! Alone in its process, because it examines all of its threads.

#![allow(clippy::unwrap_used, reason = "a failed preparation fails the test")]

mod attacks;
mod run;
mod tiny;

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;

use attacks::{ATTACKS, GUEST_SAYS, attempt};
use run::spec;
use rustix::thread::CpuSet;
use vmm::BootSpec;
use vmm::kvm::{Io, KvmOptions, boot};

const ATTACK: &str = "VMM_TEST_ATTACK";
const KERNEL: &str = "VMM_TEST_KERNEL";

#[test]
#[ignore = "needs /dev/kvm: vmm/test.sh"]
fn every_vcpu_is_filtered_and_pinned_when_the_guest_runs() {
    let folder = tempfile::tempdir().unwrap();
    let kernel = folder.path().join("kernel");
    fs::write(
        &kernel,
        tiny::vmlinux(&[tiny::print("\n"), tiny::hang()].concat()),
    )
    .unwrap();
    let allowed = rustix::thread::sched_getaffinity(None).unwrap();
    let cpu = (0..CpuSet::MAX_CPU)
        .find(|&cpu| allowed.is_set(cpu))
        .unwrap();
    let spec = BootSpec {
        cpus: 2,
        pin: vec![cpu],
        ..spec(kernel)
    };
    let stop = AtomicBool::new(false);
    let (mut modes, mut cpus) = (Vec::new(), Vec::new());
    let io = Io {
        console: &mut |_| {
            modes = status_of("vcpu", "Seccomp:");
            cpus = status_of("vcpu", "Cpus_allowed_list:");
            stop.store(true, Relaxed);
        },
        input: None,
        stop: &stop,
    };
    boot(&spec, &KvmOptions::default(), io);
    // Mode 2 is a filter.
    assert_eq!(modes, ["2", "2"]);
    assert_eq!(cpus, vec![cpu.to_string(); 2]);
}

/// In its own process, because the filter may kill it.
fn try_in_a_child(attack: &str, kernel: &Path) -> ExitStatus {
    Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "attacks_on_the_host_end_the_process",
            "--ignored",
        ])
        .env(ATTACK, attack)
        .env(KERNEL, kernel)
        .output()
        .unwrap()
        .status
}

#[test]
#[ignore = "needs /dev/kvm: vmm/test.sh"]
fn attacks_on_the_host_end_the_process() {
    if let Ok(attack) = std::env::var(ATTACK) {
        return attempt(&attack, Path::new(&std::env::var(KERNEL).unwrap()));
    }
    let folder = tempfile::tempdir().unwrap();
    let kernel = folder.path().join("kernel");
    let code = [tiny::print(GUEST_SAYS), tiny::exit(0)].concat();
    fs::write(&kernel, tiny::vmlinux(&code)).unwrap();
    for attack in ATTACKS {
        let status = try_in_a_child(attack, &kernel);
        assert_eq!(status.signal(), Some(libc::SIGSYS), "{attack}");
    }
    assert!(try_in_a_child("none", &kernel).success());
}

/// A field of /proc's status of this process's threads whose names begin like this.
fn status_of(name: &str, field: &str) -> Vec<String> {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    tasks
        .filter_map(|task| fs::read_to_string(task.ok()?.path().join("status")).ok())
        .filter(|status| status.starts_with(&format!("Name:\t{name}")))
        .filter_map(|status| {
            let line = status.lines().find(|line| line.starts_with(field))?;
            Some(line.split_whitespace().nth(1)?.to_owned())
        })
        .collect()
}
