//! How each protocol hands over the machine: the structures that it writes, and the CPU state
//! that the kernel finds.

mod linux64;
mod multiboot;
mod pvh;
mod state;

pub use state::{EntryState, Mode};

use crate::image::{Image, Protocol};
use crate::load::{LoadError, Loaded};
use crate::memory::Memory;

/// Writes what the kernel reads at its entry, and returns how to enter it.
///
/// # Errors
/// Guest memory is too small for the structures.
pub fn hand_over(memory: &Memory, image: &Image, loaded: &Loaded) -> Result<EntryState, LoadError> {
    state::write_gdt(memory, image.protocol)?;
    match image.protocol {
        Protocol::Linux64 => {
            linux64::write(memory, image, loaded)?;
            Ok(linux64::entry(image.entry))
        }
        Protocol::Pvh => {
            pvh::write(memory, loaded)?;
            Ok(pvh::entry(image.entry))
        }
        Protocol::Multiboot => {
            multiboot::write(memory, loaded)?;
            Ok(multiboot::entry(image.entry))
        }
    }
}

/// The command line in the form that the kernel's protocol expects.
pub fn cmdline(protocol: Protocol, cmdline: &str) -> String {
    match protocol {
        Protocol::Linux64 | Protocol::Pvh => cmdline.to_owned(),
        // Its first word is the kernel's own name, which kernels skip.
        Protocol::Multiboot => format!("kernel {cmdline}").trim_end().to_owned(),
    }
}

#[cfg(test)]
mod tests;
