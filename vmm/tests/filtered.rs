//! Alone in its process, because it looks at all of its threads.

#![allow(clippy::unwrap_used, reason = "a failed preparation fails the test")]

mod run;
mod tiny;

use std::fs;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;

use run::spec;
use vmm::BootSpec;
use vmm::kvm::{Io, KvmOptions, boot};

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
    let spec = BootSpec {
        cpus: 2,
        pin: vec![0],
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
    // Other tests' vCPUs are seen too, and all of them are filtered (mode 2).
    assert!(
        modes.len() >= 2 && modes.iter().all(|mode| mode == "2"),
        "{modes:?}"
    );
}

/// A field of /proc's status of this process's threads, by the beginning of their names.
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
