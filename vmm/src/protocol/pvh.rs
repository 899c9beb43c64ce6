//! PVH: `hvm_start_info` and the 32-bit entry.
//! Source: Xen's docs/misc/pvh.pandoc and xen/include/public/arch-x86/hvm/start_info.h.

use linux_loader::loader::elf::start_info::{
    hvm_memmap_table_entry, hvm_modlist_entry, hvm_start_info,
};
use vm_memory::{Bytes, GuestAddress};

use super::state::{CR0_ET, CR0_PE, RFLAGS_RESERVED};
use super::{EntryState, Mode};
use crate::layout;
use crate::load::{LoadError, Loaded};
use crate::memory::{Memory, map_entries};

/// "xEn3", bit 7 of its first byte set.
const MAGIC: u32 = 0x336e_c578;
/// The first version with a memory map.
const VERSION: u32 = 1;
const RAM: u32 = 1;
const RESERVED: u32 = 2;

/// "ebx: contains the physical memory address where the loader has placed the boot
/// start info structure"; cr0 has only PE (and the fixed ET), cr4 is clear, cs and
/// the data segments are flat 32-bit ones, tr is a 32-bit TSS, interrupts are off.
pub(super) fn entry(rip: u64) -> EntryState {
    EntryState {
        mode: Mode::Protected,
        cr0: CR0_PE | CR0_ET,
        cr3: 0,
        cr4: 0,
        efer: 0,
        rip,
        rax: 0,
        rbx: layout::BOOT_INFO,
        rsi: 0,
        rflags: RFLAGS_RESERVED,
    }
}

pub(super) fn write(memory: &Memory, loaded: &Loaded) -> Result<(), LoadError> {
    let entries = map_entries(memory);
    let info = hvm_start_info {
        magic: MAGIC,
        version: VERSION,
        cmdline_paddr: layout::CMDLINE,
        rsdp_paddr: layout::RSDP,
        nr_modules: loaded.initrd.map_or(0, |_| 1),
        modlist_paddr: loaded.initrd.map_or(0, |_| layout::MODULE_LIST),
        memmap_paddr: layout::MEMORY_MAP,
        memmap_entries: entries.len() as u32,
        ..Default::default()
    };
    memory.write_obj(info, GuestAddress(layout::BOOT_INFO))?;
    if let Some((paddr, size)) = loaded.initrd {
        let module = hvm_modlist_entry {
            paddr,
            size,
            ..Default::default()
        };
        memory.write_obj(module, GuestAddress(layout::MODULE_LIST))?;
    }
    let slots = (layout::MEMORY_MAP..).step_by(size_of::<hvm_memmap_table_entry>());
    for (slot, entry) in slots.zip(entries) {
        let entry = hvm_memmap_table_entry {
            addr: entry.begin,
            size: entry.end - entry.begin,
            type_: if entry.ram { RAM } else { RESERVED },
            reserved: 0,
        };
        memory.write_obj(entry, GuestAddress(slot))?;
    }
    Ok(())
}
