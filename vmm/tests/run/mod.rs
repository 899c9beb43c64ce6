//! Boots tiny guests on the machine's own KVM.

#![allow(dead_code, reason = "each user takes what it needs")]

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use vmm::kvm::{Io, KvmOptions, Report, boot};
use vmm::{BootSpec, End};

use crate::tiny;

/// A finished boot.
pub struct Run {
    pub report: Report,
    /// What the caller received, piece by piece.
    pub heard: Vec<u8>,
}

impl Run {
    pub fn end(&self) -> &End {
        &self.report.outcome.end
    }
}

pub fn spec(kernel: PathBuf) -> BootSpec {
    BootSpec {
        kernel,
        initrd: None,
        cmdline: String::new(),
        memory_mib: 4,
        cpus: 1,
        pin: Vec::new(),
        timeout: Duration::from_secs(20),
    }
}

pub fn run_with(code: &[u8], options: &KvmOptions, change: impl FnOnce(&mut BootSpec)) -> Run {
    let folder = tempfile::tempdir().unwrap();
    let kernel = folder.path().join("kernel");
    fs::write(&kernel, tiny::vmlinux(code)).unwrap();
    let mut spec = spec(kernel);
    change(&mut spec);
    let mut heard = Vec::new();
    let stop = AtomicBool::new(false);
    let io = Io {
        console: &mut |bytes| heard.extend_from_slice(bytes),
        input: None,
        stop: &stop,
    };
    let report = boot(&spec, options, io);
    Run { report, heard }
}

pub fn run(code: &[u8]) -> Run {
    run_with(code, &KvmOptions::default(), |_| {})
}
