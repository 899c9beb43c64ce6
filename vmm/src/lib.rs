//! Boots one kernel image and says how it ended.
//!
//! Every engine takes a [`BootSpec`] and gives back a [`BootOutcome`], so that a
//! target can be moved from one engine to another without touching anything else.
//! [`kvm::boot`] is the engine of this crate; docs/BOOT.md tells what its guests find.

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
pub mod probe;
mod protocol;
mod regular_file;

pub use boot::{BootOutcome, BootSpec, End, Timings};
pub use image::Protocol;

#[cfg(test)]
#[path = "../tests/tiny/mod.rs"]
mod tiny;
