//! The boot loader's information, for both protocols.

pub mod multiboot;
mod pvh;

use crate::memory::{MemoryMap, PhysicalMemory, TooManyRegions};
use core::fmt;

/// The longest command line (and name of a module) that is read, in bytes.
pub const STRING_LIMIT: u64 = 64 << 10;

/// The boot loader's information; the slices are where the loader put them.
#[derive(Debug)]
pub struct BootInfo<'m> {
    /// The memory map.
    pub memory_map: MemoryMap,
    /// The kernel's command line, without its final zero.
    pub command_line: &'m [u8],
    /// The program's file.
    pub module: &'m [u8],
    /// The module's own string, if the loader gave it one.
    pub module_name: &'m [u8],
}

impl<'m> BootInfo<'m> {
    /// Reads the loader's information. `magic` and `info` are EAX and EBX at the kernel's
    /// entry.
    ///
    /// Multiboot announces itself in EAX, PVH in the structure. The structure is checked first,
    /// because qboot (the firmware of QEMU's microvm) enters PVH kernels with Multiboot's EAX.
    /// Multiboot's structure begins with flags, of which only the lowest 13 have a meaning, so
    /// it cannot look like PVH's.
    pub fn read<M: PhysicalMemory>(
        memory: &'m M,
        magic: u32,
        info: u64,
    ) -> Result<Self, BootInfoError> {
        if pvh::is_start_info(memory, info) {
            pvh::read(memory, info)
        } else if magic == multiboot::LOADER_MAGIC {
            multiboot::read(memory, info)
        } else {
            Err(BootInfoError::UnknownProtocol)
        }
    }
}

/// What is wrong with the loader's information.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BootInfoError {
    /// Neither protocol's magic number was found.
    UnknownProtocol,
    /// A structure, or a part to which it points, is outside the mapped memory.
    Unreadable(&'static str),
    /// The loader did not pass a memory map.
    NoMemoryMap,
    /// The memory map has too many entries.
    TooManyRegions,
    /// The module, and with it the program, is missing.
    NoModule,
    /// More than one module.
    SeveralModules(u32),
}

impl From<TooManyRegions> for BootInfoError {
    fn from(_: TooManyRegions) -> Self {
        Self::TooManyRegions
    }
}

impl fmt::Display for BootInfoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownProtocol => f.write_str(
                "entered by an unknown boot protocol: boot this image by PVH or Multiboot 1",
            ),
            Self::Unreadable(what) => write!(
                f,
                "the boot loader's {what} is not within the first 4 GiB: \
                 give the machine less memory, or correct the loader"
            ),
            Self::NoMemoryMap => f.write_str(
                "the boot loader did not pass a memory map: use a loader that does (PVH version 1)",
            ),
            Self::TooManyRegions => write!(
                f,
                "the boot loader's memory map has more than {} entries",
                MemoryMap::CAPACITY
            ),
            Self::NoModule => f.write_str("no program to run: pass the program as -initrd"),
            Self::SeveralModules(count) => write!(
                f,
                "{count} modules were passed, but only one program can run: pass one as -initrd"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::AddressRange;
    use std::vec::Vec;

    /// What the examples of both protocols hold: this usable memory, then some that is not,
    /// and a module "prog".
    pub(super) fn assert_parts(info: &BootInfo<'_>, command_line: &[u8], usable: AddressRange) {
        assert_eq!(info.command_line, command_line);
        assert_eq!(info.module, b"ELF");
        assert_eq!(info.module_name, b"prog");
        let regions = info.memory_map.regions();
        assert_eq!(regions[0].range, usable);
        let usable: Vec<_> = regions.iter().map(|region| region.usable).collect();
        assert_eq!(usable, [true, false]);
    }
}
