//! The PVH boot protocol's information, `struct hvm_start_info`.
//!
//! Source: Xen's public header `xen/include/public/arch-x86/hvm/start_info.h`;
//! the entry state is in Xen's `docs/misc/pvh.pandoc`. All fields are
//! little-endian; EBX points to the structure.

use super::{BootInfo, BootInfoError, STRING_LIMIT};
use crate::memory::{AddressRange, MemoryMap, PhysicalMemory, u32_at, u64_at};

/// `XEN_HVM_START_MAGIC_VALUE`: "xEn3" with the top bit of the "E" set.
pub const MAGIC: u32 = 0x336e_c578;

/// `XEN_HVM_MEMMAP_TYPE_RAM`.
const TYPE_RAM: u32 = 1;

// Offsets of `struct hvm_start_info`, in bytes.
const VERSION: usize = 4;
const MODULE_COUNT: usize = 12;
const MODULE_LIST: usize = 16;
const COMMAND_LINE: usize = 24;
const MEMORY_MAP: usize = 40; // From version 1 on.
const MEMORY_MAP_COUNT: usize = 48; // From version 1 on.
const VERSION_0_SIZE: u64 = 40;
const VERSION_1_SIZE: u64 = 56;

// `struct hvm_modlist_entry`: address, size, string and a reserved word.
const MODULE_ENTRY_SIZE: u64 = 32;

// `struct hvm_memmap_table_entry`: address, size, type and a reserved half word.
const MEMORY_MAP_ENTRY_SIZE: u64 = 24;

/// Whether the structure at `address` is this one.
pub fn is_start_info<M: PhysicalMemory>(memory: &M, address: u64) -> bool {
    memory.bytes(address, 4) == Some(&MAGIC.to_le_bytes())
}

/// Reads the structure at `address`, which [`is_start_info`].
pub fn read<M: PhysicalMemory>(memory: &M, address: u64) -> Result<BootInfo<'_>, BootInfoError> {
    use BootInfoError::{NoMemoryMap, Unreadable};

    let head = memory.bytes(address, VERSION_0_SIZE);
    let head = head.ok_or(Unreadable("start info"))?;
    if u32_at(head, VERSION) == Some(0) {
        return Err(NoMemoryMap);
    }
    let info = memory
        .bytes(address, VERSION_1_SIZE)
        .ok_or(Unreadable("start info"))?;
    let word = |offset| u64_at(info, offset).ok_or(Unreadable("start info"));
    let half = |offset| u32_at(info, offset).ok_or(Unreadable("start info"));

    let memory_map = read_memory_map(memory, word(MEMORY_MAP)?, half(MEMORY_MAP_COUNT)?)?;
    let command_line = read_string(memory, word(COMMAND_LINE)?, "command line")?;
    let (module, module_name) = read_module(memory, word(MODULE_LIST)?, half(MODULE_COUNT)?)?;
    Ok(BootInfo {
        memory_map,
        command_line,
        module,
        module_name,
    })
}

fn read_memory_map<M: PhysicalMemory>(
    memory: &M,
    address: u64,
    count: u32,
) -> Result<MemoryMap, BootInfoError> {
    if address == 0 || count == 0 {
        return Err(BootInfoError::NoMemoryMap);
    }
    let unreadable = BootInfoError::Unreadable("memory map");
    let mut map = MemoryMap::new();
    for index in 0..u64::from(count) {
        let offset = index * MEMORY_MAP_ENTRY_SIZE;
        let entry = address
            .checked_add(offset)
            .and_then(|at| memory.bytes(at, MEMORY_MAP_ENTRY_SIZE))
            .ok_or(unreadable)?;
        let start = u64_at(entry, 0).ok_or(unreadable)?;
        let size = u64_at(entry, 8).ok_or(unreadable)?;
        let usable = u32_at(entry, 16) == Some(TYPE_RAM);
        map.push(AddressRange::sized(start, size), usable)?;
    }
    Ok(map)
}

fn read_module<M: PhysicalMemory>(
    memory: &M,
    address: u64,
    count: u32,
) -> Result<(&[u8], &[u8]), BootInfoError> {
    match count {
        0 => return Err(BootInfoError::NoModule),
        1 => {}
        _ => return Err(BootInfoError::SeveralModules(count)),
    }
    let unreadable = BootInfoError::Unreadable("module list");
    let entry = memory.bytes(address, MODULE_ENTRY_SIZE).ok_or(unreadable)?;
    let start = u64_at(entry, 0).ok_or(unreadable)?;
    let size = u64_at(entry, 8).ok_or(unreadable)?;
    let name = u64_at(entry, 16).ok_or(unreadable)?;
    let module = memory
        .bytes(start, size)
        .ok_or(BootInfoError::Unreadable("module"))?;
    Ok((module, read_string(memory, name, "module's string")?))
}

/// The string at `address`, where 0 means an empty one.
fn read_string<'m, M: PhysicalMemory>(
    memory: &'m M,
    address: u64,
    what: &'static str,
) -> Result<&'m [u8], BootInfoError> {
    if address == 0 {
        return Ok(&[]);
    }
    memory
        .c_string(address, STRING_LIMIT)
        .ok_or(BootInfoError::Unreadable(what))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boot_info::tests::assert_parts;
    use crate::memory::tests::TestMemory;
    use proptest::prelude::*;
    use std::vec::Vec;

    const START: u64 = 0x1000;

    /// Start info with two map entries, one module "prog" and "-- a" as command line.
    fn example() -> TestMemory {
        let mut content = Vec::new();
        content.extend(MAGIC.to_le_bytes());
        content.extend(1u32.to_le_bytes()); // version
        content.extend(0u32.to_le_bytes()); // flags
        content.extend(1u32.to_le_bytes()); // modules
        content.extend((START + 56).to_le_bytes()); // module list
        content.extend((START + 136).to_le_bytes()); // command line
        content.extend(0u64.to_le_bytes()); // RSDP
        content.extend((START + 88).to_le_bytes()); // memory map
        content.extend(2u32.to_le_bytes());
        content.extend(0u32.to_le_bytes());
        // Module list, at 56.
        for word in [START + 146, 3, START + 141, 0] {
            content.extend(word.to_le_bytes());
        }
        // Memory map, at 88.
        for (start, size, kind) in [(0u64, 0x9_f000u64, 1u64), (0xf_0000, 0x1_0000, 2)] {
            content.extend(start.to_le_bytes());
            content.extend(size.to_le_bytes());
            content.extend(kind.to_le_bytes());
        }
        content.extend(b"-- a\0prog\0ELF"); // at 136, 141 and 146
        TestMemory {
            start: START,
            content,
        }
    }

    #[test]
    fn reads_all_parts() {
        let memory = example();
        let info = BootInfo::read(&memory, 0, START).unwrap();
        let usable = AddressRange {
            start: 0,
            end: 0x9_f000,
        };
        assert_parts(&info, b"-- a", usable);
    }

    fn error_with(offset: usize, value: u32) -> BootInfoError {
        let memory = example().with(offset, value);
        BootInfo::read(&memory, 0, START).expect_err("must be refused")
    }

    #[test]
    fn refuses_what_it_cannot_use() {
        assert_eq!(error_with(0, 0), BootInfoError::UnknownProtocol);
        assert_eq!(error_with(4, 0), BootInfoError::NoMemoryMap);
        assert_eq!(error_with(12, 0), BootInfoError::NoModule);
        assert_eq!(error_with(12, 2), BootInfoError::SeveralModules(2));
        assert_eq!(error_with(24, 5), BootInfoError::Unreadable("command line"));
        assert_eq!(error_with(40, 0), BootInfoError::NoMemoryMap);
        assert_eq!(
            error_with(48, u32::MAX),
            BootInfoError::Unreadable("memory map")
        );
        assert_eq!(error_with(64, 100), BootInfoError::Unreadable("module"));
        let memory = example();
        let elsewhere = BootInfo::read(&memory, 0, START + 4);
        assert_eq!(elsewhere.err(), Some(BootInfoError::UnknownProtocol));
    }

    #[test]
    fn is_recognised_with_multiboots_magic_in_eax() {
        let memory = example();
        let info =
            BootInfo::read(&memory, crate::boot_info::multiboot::LOADER_MAGIC, START).unwrap();
        assert_eq!(info.module, b"ELF");
    }

    proptest! {
        #[test]
        fn hostile_information_does_not_panic(
            changes in prop::collection::vec((0usize..136, any::<u8>()), 0..20),
            cut in 0usize..150,
        ) {
            let memory = example().damaged(&changes, cut);
            let _ = BootInfo::read(&memory, 0, START);
        }
    }
}
