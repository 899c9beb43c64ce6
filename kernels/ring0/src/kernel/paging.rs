//! Page tables: addresses are physical addresses, up to 4 GiB.
//!
//! They are data in the image, so that the CPU can switch to long mode without code that builds
//! them. Pages have 2 MiB, except below 2 MiB. There, 4 KiB pages allow the kernel to set its
//! guard pages and read-only parts, and to unmap page 0 before the program runs, so that the
//! program's null pointers fault.

use core::arch::global_asm;
use core::ptr::addr_of_mut;
use ring0::memory::PAGE_SIZE;

const LARGE_PAGE_SIZE: u64 = 2 << 20;

// Bits of a page table entry (Intel SDM volume 3, "4-level paging").
const PRESENT: u64 = 1 << 0;
const WRITABLE: u64 = 1 << 1;
const LARGE: u64 = 1 << 7;

global_asm!(
    ".pushsection .data.page_tables, \"aw\"",
    ".balign 4096",
    ".global page_map_level_4",
    "page_map_level_4:",
    "  .quad page_directory_pointers + {table}",
    "  .fill 511, 8, 0",
    "page_directory_pointers:",
    "  .quad page_directories + {table}",
    "  .quad page_directories + 0x1000 + {table}",
    "  .quad page_directories + 0x2000 + {table}",
    "  .quad page_directories + 0x3000 + {table}",
    "  .fill 508, 8, 0",
    ".global page_directories",
    "page_directories:",
    "  .quad low_page_table + {table}",
    "  .set address, {large_page_size}",
    "  .rept 4 * 512 - 1",
    "    .quad address + {table} + {large}",
    "    .set address, address + {large_page_size}",
    "  .endr",
    ".global low_page_table",
    "low_page_table:",
    "  .set address, 0",
    "  .rept 512",
    "    .quad address + {table}",
    "    .set address, address + {page_size}",
    "  .endr",
    // Splits the large page that holds the program's guard page.
    ".global spare_page_table",
    "spare_page_table:",
    "  .fill 512, 8, 0",
    ".popsection",
    table = const PRESENT | WRITABLE,
    large = const LARGE,
    page_size = const PAGE_SIZE,
    large_page_size = const LARGE_PAGE_SIZE,
);

unsafe extern "C" {
    static mut page_directories: [u64; 4 * 512];
    static mut low_page_table: [u64; 512];
    static mut spare_page_table: [u64; 512];
    static image_start: u8;
    static read_only_end: u8;
}

/// Makes the kernel's code and constants read-only, and unmaps the pages below its own stacks.
pub fn protect_kernel() {
    let start = (&raw const image_start) as u64;
    let end = (&raw const read_only_end) as u64;
    for page in (start..end).step_by(PAGE_SIZE as usize) {
        change_low_page(page, |entry| entry & !WRITABLE);
    }
    for guard in crate::boot32::stack_guards() {
        change_low_page(guard, |_| 0);
    }
}

/// Unmaps the page at `address`. Outside the first 2 MiB this works once, since there is one
/// spare table.
pub fn remove_page(address: u64) {
    if address < LARGE_PAGE_SIZE {
        return change_low_page(address, |_| 0);
    }
    let start = address - address % LARGE_PAGE_SIZE;
    let tables = addr_of_mut!(spare_page_table);
    for index in 0..512 {
        let page = start + index as u64 * PAGE_SIZE;
        let gone = page == address - address % PAGE_SIZE;
        let entry = if gone { 0 } else { page | PRESENT | WRITABLE };
        // SAFETY: `index` is within the table; nothing refers to it.
        unsafe { (*tables)[index] = entry };
    }
    let index = (start / LARGE_PAGE_SIZE) as usize;
    // SAFETY: callers pass addresses below 4 GiB, so `index` is within the tables; the new
    // table maps the same addresses except for the one page.
    unsafe { (*addr_of_mut!(page_directories))[index] = tables as u64 | PRESENT | WRITABLE };
    // The TLB may hold the large page under any of its addresses.
    x86_64::instructions::tlb::flush_all();
}

fn change_low_page(address: u64, change: impl FnOnce(u64) -> u64) {
    let index = (address / PAGE_SIZE) as usize;
    // SAFETY: callers pass addresses below 2 MiB, so `index` is within the table;
    // the CPU sees the entry once it is flushed.
    unsafe {
        let entry = &raw mut (*addr_of_mut!(low_page_table))[index];
        entry.write_volatile(change(entry.read_volatile()));
    }
    x86_64::instructions::tlb::flush(x86_64::VirtAddr::new(address));
}
