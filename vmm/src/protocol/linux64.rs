//! Linux's 64-bit boot protocol: the zero page, the page tables, the entry.
//! Source: Documentation/arch/x86/boot.rst, "64-bit Boot Protocol", and
//! zero-page.rst, of the Linux kernel.

use linux_loader::loader::bootparam::{boot_e820_entry, boot_params, setup_header};
use vm_memory::{Bytes, GuestAddress};

use super::state::{CR0_ET, CR0_PE, CR0_PG, CR4_PAE, EFER_LMA, EFER_LME, RFLAGS_RESERVED};
use super::{EntryState, Mode};
use crate::image::Image;
use crate::layout;
use crate::load::{LoadError, Loaded};
use crate::memory::{Memory, map_entries};

const BOOT_FLAG: u16 = 0xaa55;
const HEADER_MAGIC: u32 = u32::from_le_bytes(*b"HdrS");
/// A loader without a registered number.
const UNDEFINED_LOADER: u8 = 0xff;
const E820_RAM: u32 = 1;
const E820_RESERVED: u32 = 2;

const PAGE_PRESENT: u64 = 1 << 0;
const PAGE_WRITABLE: u64 = 1 << 1;
const PAGE_LARGE: u64 = 1 << 7;
const GIB: u64 = 1 << 30;
const LARGE_PAGE: u64 = 2 << 20;

/// "%rsi must hold the base address of the struct boot_params"; long mode with
/// paging, an identity map, `__BOOT_CS` 0x10 and `__BOOT_DS` 0x18, interrupts off.
pub(super) fn entry(rip: u64) -> EntryState {
    EntryState {
        mode: Mode::Long,
        cr0: CR0_PE | CR0_ET | CR0_PG,
        cr3: layout::PML4,
        cr4: CR4_PAE,
        efer: EFER_LME | EFER_LMA,
        rip,
        rax: 0,
        rbx: 0,
        rsi: layout::ZERO_PAGE,
        rflags: RFLAGS_RESERVED,
    }
}

pub(super) fn write(memory: &Memory, image: &Image, loaded: &Loaded) -> Result<(), LoadError> {
    write_page_tables(memory)?;
    let zero_page = zero_page(memory, image, loaded);
    memory.write_obj(zero_page, GuestAddress(layout::ZERO_PAGE))?;
    Ok(())
}

fn zero_page(memory: &Memory, image: &Image, loaded: &Loaded) -> boot_params {
    let mut params = boot_params {
        acpi_rsdp_addr: layout::RSDP,
        hdr: image.setup.unwrap_or_else(vmlinux_header),
        ..Default::default()
    };
    params.hdr.type_of_loader = UNDEFINED_LOADER;
    params.hdr.cmd_line_ptr = layout::CMDLINE as u32;
    if let Some((address, size)) = loaded.initrd {
        // Both are below the device gap, and so below 4 GiB.
        params.hdr.ramdisk_image = address as u32;
        params.hdr.ramdisk_size = size as u32;
    }
    let entries = map_entries(memory);
    params.e820_entries = entries.len() as u8;
    for (slot, entry) in params.e820_table.iter_mut().zip(&entries) {
        *slot = boot_e820_entry {
            addr: entry.begin,
            size: entry.end - entry.begin,
            r#type: if entry.ram { E820_RAM } else { E820_RESERVED },
        };
    }
    params
}

/// What a kernel without a setup header finds in its place.
fn vmlinux_header() -> setup_header {
    setup_header {
        boot_flag: BOOT_FLAG,
        header: HEADER_MAGIC,
        kernel_alignment: LARGE_PAGE as u32,
        ..Default::default()
    }
}

/// Maps the first 4 GiB to themselves, in pages of 2 MiB.
fn write_page_tables(memory: &Memory) -> Result<(), LoadError> {
    let table = PAGE_PRESENT | PAGE_WRITABLE;
    let large_page = table | PAGE_LARGE;
    let directories = layout::PAGE_DIRECTORIES..layout::PAGE_DIRECTORIES + 4 * 0x1000;
    let pages = (0..4 * GIB).step_by(LARGE_PAGE as usize);
    write_table(memory, layout::PML4, [layout::PDPT | table])?;
    write_table(
        memory,
        layout::PDPT,
        directories.step_by(0x1000).map(|at| at | table),
    )?;
    write_table(
        memory,
        layout::PAGE_DIRECTORIES,
        pages.map(|page| page | large_page),
    )
}

/// Writes all entries at once: one by one, this would take longer than creating a machine in
/// KVM.
fn write_table(
    memory: &Memory,
    address: u64,
    entries: impl IntoIterator<Item = u64>,
) -> Result<(), LoadError> {
    let bytes: Vec<u8> = entries.into_iter().flat_map(u64::to_le_bytes).collect();
    memory.write_slice(&bytes, GuestAddress(address))?;
    Ok(())
}
