//! The guest's memory layout: one line and one reason for each address.
//!
//! What the kernel reads at its entry is between 0x9000 and 0x10fff. That is the only part of
//! the first MiB that Unikraft's boot page tables map, and no other kernel claims it.
//! docs/BOOT.md shows the same as a table.

/// Global descriptor table from which the segment registers were loaded; a kernel installs its
/// own before it loads one again.
pub const GDT: u64 = 0x9000;
/// PVH `hvm_start_info` or Multiboot information, whichever the kernel asks for.
pub const BOOT_INFO: u64 = 0x9100;
/// The one module's descriptor (PVH, Multiboot).
pub const MODULE_LIST: u64 = 0x9200;
/// Memory map (PVH, Multiboot); Linux's own is in the zero page.
pub const MEMORY_MAP: u64 = 0x9300;
/// Command line with its closing NUL.
pub const CMDLINE: u64 = 0x9800;
/// Room for the command line: x86 Linux's COMMAND_LINE_SIZE, up to the page tables.
pub const CMDLINE_ROOM: usize = 0x800;
/// Page map level 4 of the 64-bit entry.
pub const PML4: u64 = 0xa000;
/// Page directory pointers of the 64-bit entry.
pub const PDPT: u64 = 0xb000;
/// Page directories of the 64-bit entry: four, for 4 GiB in pages of 2 MiB.
pub const PAGE_DIRECTORIES: u64 = 0xc000;
/// Linux's zero page (`struct boot_params`), the last page of the window.
pub const ZERO_PAGE: u64 = 0x10000;

/// End of low memory: above it are a PC's extended BIOS data area and video memory, which
/// kernels avoid whatever the map says.
pub const LOW_MEMORY_END: u64 = 0x9fc00;
/// ACPI's root pointer: kernels that are not given a pointer to it search from 0xe0000 to
/// 0xfffff, at multiples of 16.
pub const RSDP: u64 = 0xe0000;
/// The other ACPI tables, one after another.
pub const ACPI_TABLES: u64 = 0xe0040;
/// High memory, where kernels are linked. Multiboot kernels may look for a map entry that
/// begins exactly here.
pub const HIGH_MEMORY: u64 = 0x10_0000;

/// The end of RAM in a Multiboot kernel's map: Unikraft's page tables map the first GiB, and it
/// puts its stack at the top of the RAM in its map.
pub const MULTIBOOT_RAM_END: u64 = 0x4000_0000;

/// RAM continues above 4 GiB: the addresses from here on belong to devices.
pub const DEVICE_GAP: u64 = 0xc000_0000;
/// RAM above the gap.
pub const ABOVE_DEVICE_GAP: u64 = 0x1_0000_0000;
/// The in-kernel I/O APIC, at the address of every PC.
pub const IO_APIC: u32 = 0xfec0_0000;
/// The in-kernel local APICs, at the address of every PC.
pub const LOCAL_APIC: u32 = 0xfee0_0000;
/// One page that KVM needs on Intel CPUs without unrestricted guest mode; the guest never sees
/// it.
pub const IDENTITY_MAP: u64 = 0xfffb_c000;
/// Three pages for the same purpose, next to it.
pub const TSS: usize = 0xfffb_d000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boot_data_lies_where_unikraft_maps_memory() {
        for (begin, size) in [
            (GDT, 0x100),
            (BOOT_INFO, 0x100),
            (MODULE_LIST, 0x100),
            (MEMORY_MAP, 0x500),
            (CMDLINE, CMDLINE_ROOM as u64),
        ] {
            assert!(begin >= 0x9000 && begin + size <= 0x11000, "{begin:#x}");
        }
    }

    #[test]
    fn nothing_overlaps() {
        let regions = [
            (GDT, 0x100),
            (BOOT_INFO, 0x100),
            (MODULE_LIST, 0x100),
            (MEMORY_MAP, 0x500),
            (CMDLINE, CMDLINE_ROOM as u64),
            (PML4, 0x1000),
            (PDPT, 0x1000),
            (PAGE_DIRECTORIES, 0x4000),
            (ZERO_PAGE, 0x1000),
            (RSDP, 0x40),
            (ACPI_TABLES, HIGH_MEMORY - ACPI_TABLES),
        ];
        for pair in regions.windows(2) {
            assert!(pair[0].0 + pair[0].1 <= pair[1].0, "{pair:x?}");
        }
    }
}
