//! Multiboot 1: the information structure and the 32-bit entry. Source: Multiboot Specification
//! 0.6.96, sections 3.2 and 3.3.
//!
//! Unikraft reads the module list and the memory map without checking the flags, so both are
//! always present, even if they are empty.

use vm_memory::{Bytes, GuestAddress};

use super::state::{CR0_ET, CR0_PE, RFLAGS_RESERVED};
use super::{EntryState, Mode};
use crate::layout;
use crate::load::{LoadError, Loaded};
use crate::memory::{MapEntry, Memory, end_of_low_ram, map_entries};

const LOADER_MAGIC: u64 = 0x2bad_b002;
const HAS_MEMORY: u32 = 1 << 0;
const HAS_CMDLINE: u32 = 1 << 2;
const HAS_MODULES: u32 = 1 << 3;
const HAS_MEMORY_MAP: u32 = 1 << 6;
const RAM: u32 = 1;
const RESERVED: u32 = 2;
/// A map entry's size, without the size field itself.
const ENTRY_SIZE: u32 = 20;
/// The information structure up to and including the memory map.
const INFO_WORDS: usize = 13;

/// "EAX must contain the magic value 0x2BADB002; EBX must contain the 32-bit
/// physical address of the Multiboot information structure"; cs and the data
/// segments are flat 32-bit ones, cr0 has PE without PG, interrupts are off.
pub(super) fn entry(rip: u64) -> EntryState {
    EntryState {
        mode: Mode::Protected,
        cr0: CR0_PE | CR0_ET,
        cr3: 0,
        cr4: 0,
        efer: 0,
        rip,
        rax: LOADER_MAGIC,
        rbx: layout::BOOT_INFO,
        rsi: 0,
        rflags: RFLAGS_RESERVED,
    }
}

pub(super) fn write(memory: &Memory, loaded: &Loaded) -> Result<(), LoadError> {
    let map = memory_map(memory);
    let high_end = end_of_low_ram(memory).min(layout::MULTIBOOT_RAM_END);
    let info: [u32; INFO_WORDS] = [
        HAS_MEMORY | HAS_CMDLINE | HAS_MODULES | HAS_MEMORY_MAP,
        (layout::LOW_MEMORY_END >> 10) as u32,
        ((high_end - layout::HIGH_MEMORY) >> 10) as u32,
        0, // boot device
        layout::CMDLINE as u32,
        u32::from(loaded.initrd.is_some()),
        layout::MODULE_LIST as u32,
        0, // symbols
        0,
        0,
        0,
        map.len() as u32 * (ENTRY_SIZE + 4),
        layout::MEMORY_MAP as u32,
    ];
    write_words(memory, layout::BOOT_INFO, &info)?;
    let (begin, size) = loaded.initrd.unwrap_or_default();
    // Its name is the command line's closing NUL: an empty string.
    let name = layout::CMDLINE + layout::CMDLINE_ROOM as u64 - 1;
    let module = [begin as u32, (begin + size) as u32, name as u32, 0];
    write_words(memory, layout::MODULE_LIST, &module)?;
    for (slot, entry) in (layout::MEMORY_MAP..)
        .step_by(ENTRY_SIZE as usize + 4)
        .zip(map)
    {
        write_words(memory, slot, &map_words(entry))?;
    }
    Ok(())
}

/// The memory map, up to the address that a kernel's first page tables are sure to reach.
fn memory_map(memory: &Memory) -> Vec<MapEntry> {
    let limit = layout::MULTIBOOT_RAM_END;
    map_entries(memory)
        .into_iter()
        .filter(|entry| entry.begin < limit)
        .map(|entry| MapEntry {
            end: entry.end.min(limit),
            ..entry
        })
        .collect()
}

fn map_words(entry: MapEntry) -> [u32; 6] {
    let size = entry.end - entry.begin;
    let kind = if entry.ram { RAM } else { RESERVED };
    [
        ENTRY_SIZE,
        entry.begin as u32,
        (entry.begin >> 32) as u32,
        size as u32,
        (size >> 32) as u32,
        kind,
    ]
}

fn write_words(memory: &Memory, at: u64, words: &[u32]) -> Result<(), LoadError> {
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    memory.write_slice(&bytes, GuestAddress(at))?;
    Ok(())
}
