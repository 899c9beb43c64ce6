//! Multiboot 1's information.
//!
//! Source: "Multiboot Specification version 0.6.96", sections 3.1 to 3.3 (header, machine
//! state, information format). All fields are little-endian; EBX points to the structure.

use super::{BootInfo, BootInfoError, STRING_LIMIT};
use crate::memory::{AddressRange, MemoryMap, PhysicalMemory, u32_at, u64_at};

/// The first bytes of the kernel, by which a loader recognises it (section 3.1.2).
pub const HEADER_MAGIC: u32 = 0x1bad_b002;

/// The header's flags (section 3.1.2): 0, modules on page boundaries; 1, memory information
/// required; 16, the address fields are present. With them the loader does not need ELF; QEMU's
/// and other loaders refuse an ELF64 image without them.
pub const HEADER_FLAGS: u32 = 1 << 0 | 1 << 1 | 1 << 16;

/// What is in EAX at the kernel's entry (section 3.2).
pub const LOADER_MAGIC: u32 = 0x2bad_b002;

// Bits of the information's `flags` (section 3.3): which fields are valid.
const HAS_MEMORY_SIZE: u32 = 1 << 0;
const HAS_COMMAND_LINE: u32 = 1 << 2;
const HAS_MODULES: u32 = 1 << 3;
const HAS_MEMORY_MAP: u32 = 1 << 6;

// Offsets of the information (section 3.3), in bytes.
const FLAGS: usize = 0;
const MEMORY_UPPER: usize = 8; // KiB from 1 MiB on
const COMMAND_LINE: usize = 16;
const MODULE_COUNT: usize = 20;
const MODULE_LIST: usize = 24;
const MEMORY_MAP_LENGTH: usize = 44; // bytes
const MEMORY_MAP: usize = 48;
const INFO_SIZE: u64 = 52; // as far as it is read here

/// A module's entry: start, end, string, and a reserved word.
const MODULE_ENTRY_SIZE: u64 = 16;

/// A memory map entry's smallest `size` field: base, length and type; the field
/// does not count itself.
const MEMORY_MAP_ENTRY_SIZE: u64 = 20;
const MEMORY_MAP_SIZE_FIELD: u64 = 4;
const TYPE_RAM: u32 = 1;

/// Reads the structure at `address`.
pub fn read<M: PhysicalMemory>(memory: &M, address: u64) -> Result<BootInfo<'_>, BootInfoError> {
    let unreadable = BootInfoError::Unreadable("Multiboot information");
    let info = memory.bytes(address, INFO_SIZE).ok_or(unreadable)?;
    let field = |offset| u32_at(info, offset).ok_or(unreadable);
    let flags = field(FLAGS)?;

    let memory_map = if flags & HAS_MEMORY_MAP != 0 {
        let length = u64::from(field(MEMORY_MAP_LENGTH)?);
        read_memory_map(memory, u64::from(field(MEMORY_MAP)?), length)?
    } else if flags & HAS_MEMORY_SIZE != 0 {
        let mut map = MemoryMap::new();
        let size = u64::from(field(MEMORY_UPPER)?) << 10;
        map.push(AddressRange::sized(1 << 20, size), true)?;
        map
    } else {
        return Err(BootInfoError::NoMemoryMap);
    };
    let command_line = match flags & HAS_COMMAND_LINE {
        0 => &[],
        _ => read_string(memory, field(COMMAND_LINE)?, "command line")?,
    };
    let module_count = match flags & HAS_MODULES {
        0 => 0,
        _ => field(MODULE_COUNT)?,
    };
    let (module, module_name) = read_module(memory, field(MODULE_LIST)?, module_count)?;
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
    length: u64,
) -> Result<MemoryMap, BootInfoError> {
    let unreadable = BootInfoError::Unreadable("memory map");
    let mut rest = memory.bytes(address, length).ok_or(unreadable)?;
    let mut map = MemoryMap::new();
    while let Some(size) = u32_at(rest, 0) {
        let size = u64::from(size);
        if size < MEMORY_MAP_ENTRY_SIZE {
            return Err(unreadable);
        }
        let start = u64_at(rest, 4).ok_or(unreadable)?;
        let length = u64_at(rest, 12).ok_or(unreadable)?;
        let usable = u32_at(rest, 20).ok_or(unreadable)? == TYPE_RAM;
        map.push(AddressRange::sized(start, length), usable)?;
        let next = usize::try_from(size + MEMORY_MAP_SIZE_FIELD).map_err(|_| unreadable)?;
        rest = rest.get(next..).unwrap_or(&[]);
    }
    Ok(map)
}

fn read_module<M: PhysicalMemory>(
    memory: &M,
    address: u32,
    count: u32,
) -> Result<(&[u8], &[u8]), BootInfoError> {
    match count {
        0 => return Err(BootInfoError::NoModule),
        1 => {}
        _ => return Err(BootInfoError::SeveralModules(count)),
    }
    let unreadable = BootInfoError::Unreadable("module list");
    let entry = memory
        .bytes(u64::from(address), MODULE_ENTRY_SIZE)
        .ok_or(unreadable)?;
    let start = u32_at(entry, 0).ok_or(unreadable)?;
    let end = u32_at(entry, 4).ok_or(unreadable)?;
    let name = u32_at(entry, 8).ok_or(unreadable)?;
    let module = end
        .checked_sub(start)
        .and_then(|size| memory.bytes(u64::from(start), u64::from(size)))
        .ok_or(BootInfoError::Unreadable("module"))?;
    Ok((module, read_string(memory, name, "module's string")?))
}

/// The string at `address`, where 0 means an empty one.
fn read_string<'m, M: PhysicalMemory>(
    memory: &'m M,
    address: u32,
    what: &'static str,
) -> Result<&'m [u8], BootInfoError> {
    if address == 0 {
        return Ok(&[]);
    }
    memory
        .c_string(u64::from(address), STRING_LIMIT)
        .ok_or(BootInfoError::Unreadable(what))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boot_info::tests::assert_parts;
    use crate::memory::tests::TestMemory;
    use proptest::prelude::*;
    use std::vec;
    use std::vec::Vec;

    const START: u64 = 0x9000;
    const MODULES: u32 = 0x9000 + 64;
    const MAP: u32 = 0x9000 + 80;
    const STRINGS: u32 = 0x9000 + 128;

    /// Information with two map entries, one module "prog" and "k -- a" as command line.
    fn example() -> TestMemory {
        let mut content = vec![0; 128];
        let mut put = |offset: usize, value: u32| {
            content[offset..offset + 4].copy_from_slice(&value.to_le_bytes());
        };
        put(
            0,
            HAS_MEMORY_SIZE | HAS_COMMAND_LINE | HAS_MODULES | HAS_MEMORY_MAP,
        );
        put(8, 1024);
        put(16, STRINGS);
        put(20, 1);
        put(24, MODULES);
        put(44, 48);
        put(48, MAP);
        put(64, STRINGS + 12);
        put(68, STRINGS + 15);
        put(72, STRINGS + 7);
        for (entry, start, size, kind) in
            [(80, 0x10_0000, 0x70_0000, 1), (104, 0xf_0000, 0x1_0000, 2)]
        {
            put(entry, 20);
            put(entry + 4, start);
            put(entry + 12, size);
            put(entry + 20, kind);
        }
        content.extend(b"k -- a\0prog\0ELF"); // at 128, 135 and 140
        TestMemory {
            start: START,
            content,
        }
    }

    #[test]
    fn reads_all_parts() {
        let memory = example();
        let info = BootInfo::read(&memory, LOADER_MAGIC, START).unwrap();
        let usable = AddressRange {
            start: 0x10_0000,
            end: 0x80_0000,
        };
        assert_parts(&info, b"k -- a", usable);
    }

    #[test]
    fn uses_the_memory_size_without_a_map() {
        let memory = example().with(0, HAS_MEMORY_SIZE | HAS_MODULES);
        let info = read(&memory, START).unwrap();
        assert_eq!(info.memory_map.regions().len(), 1);
        assert_eq!(info.memory_map.usable_bytes(), 1 << 20);
        assert_eq!(info.command_line, b"");
    }

    #[test]
    fn refuses_what_it_cannot_use() {
        let error = |offset, value| {
            let memory = example().with(offset, value);
            read(&memory, START).expect_err("must be refused")
        };
        assert_eq!(error(0, HAS_MODULES), BootInfoError::NoMemoryMap);
        assert_eq!(error(0, HAS_MEMORY_MAP), BootInfoError::NoModule);
        assert_eq!(error(20, 0), BootInfoError::NoModule);
        assert_eq!(error(20, 3), BootInfoError::SeveralModules(3));
        assert_eq!(error(16, 5), BootInfoError::Unreadable("command line"));
        assert_eq!(error(44, 0x1000), BootInfoError::Unreadable("memory map"));
        assert_eq!(error(80, 0), BootInfoError::Unreadable("memory map"));
        assert_eq!(error(68, 0), BootInfoError::Unreadable("module"));
    }

    proptest! {
        #[test]
        fn hostile_information_does_not_panic(
            changes in prop::collection::vec((0usize..128, any::<u8>()), 0..20),
            cut in 0usize..144,
        ) {
            let memory = example().damaged(&changes, cut);
            let _ = BootInfo::read(&memory, LOADER_MAGIC, START);
        }
    }
}
