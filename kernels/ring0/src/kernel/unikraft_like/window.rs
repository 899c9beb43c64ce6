//! The memory that Unikraft 0.5 maps and expects (docs/BOOT.md, "Memory layout").

use crate::fault::refuse;
use crate::paging::remove_page;
use core::ops::Range;
use core::ptr::addr_of_mut;
use ring0::memory::{MemoryMap, PAGE_SIZE};

/// What is mapped below [`MEMORY`].
const LOADERS: Range<u64> = 0x9000..0x11000;
/// The start of the memory that it uses.
const MEMORY: u64 = 1 << 20;

/// Entries of the page directories for one GiB.
const ENTRIES_PER_GIB: usize = 512;

unsafe extern "C" {
    static mut page_directories: [u64; 4 * ENTRIES_PER_GIB];
}

/// Unmaps what Unikraft's page tables do not map.
pub fn unmap_all_else() {
    for page in (0..MEMORY).step_by(PAGE_SIZE as usize) {
        if !LOADERS.contains(&page) {
            remove_page(page);
        }
    }
    for index in ENTRIES_PER_GIB..4 * ENTRIES_PER_GIB {
        // SAFETY: the index is within the tables, and nothing of the kernel is there.
        unsafe { (*addr_of_mut!(page_directories))[index] = 0 };
    }
    x86_64::instructions::tlb::flush_all();
}

/// Refuses a memory map without an entry that begins at 1 MiB, and reads the last byte of that
/// memory, as the first push onto Unikraft's stack would: a page fault if it is beyond the page
/// tables.
pub fn check_memory_map(map: &MemoryMap) {
    let mut regions = map.regions().iter();
    let found = regions.find(|region| region.usable && region.range.start == MEMORY);
    let Some(region) = found.filter(|region| region.range.size() > 0) else {
        refuse(&"no entry of the memory map begins at exactly 1 MiB");
    };
    // SAFETY: the loader says that this is memory; reading it changes nothing.
    unsafe { core::ptr::read_volatile((region.range.end - 1) as *const u8) };
}
