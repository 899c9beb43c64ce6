//! Boots one kernel image and reports how it ended.
//!
//! Every engine takes a [`BootSpec`] and returns a [`BootOutcome`], so that a target can be
//! moved from one engine to another without other changes. [`kvm::boot`] is the engine of this
//! crate; docs/BOOT.md describes what its guests find.
//! ```no_run
//! use std::sync::atomic::AtomicBool;
//! use std::time::Duration;
//!
//! use vmm::BootSpec;
//! use vmm::kvm::{Io, KvmOptions, boot};
//!
//! let spec = BootSpec {
//!     kernel: "vmlinux".into(),
//!     initrd: Some("initramfs.cpio.gz".into()),
//!     cmdline: "console=ttyS0 panic=-1".into(),
//!     memory_mib: 256,
//!     cpus: 1,
//!     pin: vec![],
//!     timeout: Duration::from_secs(60),
//! };
//! let io = Io {
//!     console: &mut |bytes| print!("{}", String::from_utf8_lossy(bytes)),
//!     input: None,
//!     stop: &AtomicBool::new(false),
//! };
//! let report = boot(&spec, &KvmOptions::default(), io);
//! eprintln!("{}", report.outcome.end);
//! ```

mod acpi;
mod boot;
mod cpu;
mod devices;
pub mod image;
pub mod kvm;
mod layout;
mod load;
mod memory;
pub mod panic;
mod permission;
pub mod probe;
mod protocol;
mod regular_file;

pub use boot::{BootOutcome, BootSpec, CONSOLE_LIMIT, End, Exits, Timings};
pub use image::Protocol;
pub use memory::GuestPages;

#[cfg(test)]
#[path = "../tests/tiny/mod.rs"]
mod tiny;
