//! The `kvm` engine: boots one guest under KVM, and reports how it ended.

mod console;
mod counters;
mod diagnosis;
mod error;
mod exits;
mod gate;
mod guest;
mod handover;
mod kick;
mod machine;
mod measuring;
mod monitor;
mod new_vm;
mod options;
mod ready_vm;
mod report;
mod seccomp;
mod sleep;
mod stats;
mod vcpu;
mod vm;
mod wake;

pub use crate::load::LoadError;
pub use error::KvmError;
pub use monitor::Io;
pub use new_vm::NewVm;
pub use options::{KvmOptions, Teardown};
pub use ready_vm::ReadyVm;
pub use report::Report;
pub use seccomp::Seccomp;
pub use stats::Stats;
pub(crate) use vm::open as open_device;

use std::fs::File;
use std::time::Instant;

use guest::Guest;

use crate::BootSpec;
use crate::image::{self, Image};
use crate::{load, protocol};

/// Boots the guest that `spec` describes and returns when it has ended.
///
/// Every failure is an [`End::EngineFailed`](crate::End::EngineFailed).
pub fn boot(spec: &BootSpec, options: &KvmOptions, io: Io<'_>) -> Report {
    let asked = Instant::now();
    let ready = || {
        let kernel = image::open(&spec.kernel, options.protocol)?;
        let ready = ReadyVm::new(NewVm::begin(), spec, options, asked)?;
        Ok((ready, kernel))
    };
    match ready() {
        Ok((ready, kernel)) => boot_image(ready, io, kernel),
        Err(error) => Report::never_started(&error, asked),
    }
}

/// Boots an image that is already open, and returns when the guest has ended. The `kernel` of
/// the machine's specification is not read.
pub fn boot_image(ready: ReadyVm<'_>, io: Io<'_>, kernel: (File, Image)) -> Report {
    let asked = ready.asked;
    Guest::load(ready, kernel)
        .and_then(|guest| guest.run(io))
        .unwrap_or_else(|error| Report::never_started(&error, asked))
}

/// Checks that an image's kernel accepts a command line, before anything is booted.
///
/// # Errors
/// It is longer than that, or contains a NUL.
pub fn check_cmdline(cmdline: &str, image: &Image) -> Result<(), LoadError> {
    load::check_cmdline(&protocol::cmdline(image.protocol, cmdline), image)
}
