//! Guest memory, and its map for the guest.

mod mapping;
mod pages;

pub use pages::{GuestPages, PageCounter};

use std::ops::{Deref, Range};

use rustix::io::Errno;
use rustix::mm::{Advice, madvise};
use vm_memory::mmap::{FromRangesError, MmapRegion};
use vm_memory::{
    GuestAddress, GuestMemoryBackend, GuestMemoryMmap, GuestMemoryRegion, GuestRegionMmap,
};

use crate::layout;
use mapping::Mapping;

/// Guest memory. Every access by address goes through vm-memory's checks.
#[derive(Debug)]
pub struct Memory {
    guest: GuestMemoryMmap<()>,
    /// Its place in this process. Unmapped after it.
    mappings: Vec<Mapping>,
}

impl Deref for Memory {
    type Target = GuestMemoryMmap<()>;

    fn deref(&self) -> &Self::Target {
        &self.guest
    }
}

/// A range of guest physical addresses, and whether it is RAM that the kernel may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MapEntry {
    /// Its first address.
    pub begin: u64,
    /// The first address after it.
    pub end: u64,
    /// Whether it is RAM; otherwise it is reserved.
    pub ram: bool,
}

/// Why guest memory cannot be provided.
#[derive(Debug, thiserror::Error)]
pub enum MemoryError {
    /// Boot data is in the first MiB, and a kernel above it.
    #[error("a guest needs at least 2 MiB of memory, not {0}")]
    TooLittle(u32),
    /// The system has no address space for it.
    #[error("cannot map guest memory: {0}")]
    Map(#[from] Errno),
    /// The addresses do not form guest memory.
    #[error("cannot create guest memory: {0}")]
    Regions(#[from] FromRangesError),
    /// The system does not have so many pages, or cannot provide them in advance.
    #[error("cannot prefault guest memory: {0}")]
    Prefault(#[source] Errno),
}

/// Maps `mib` MiB of guest memory, around the gap for devices.
///
/// # Errors
/// Too little for any kernel, or more than the system has.
pub fn map(mib: u32) -> Result<Memory, MemoryError> {
    if mib < 2 {
        return Err(MemoryError::TooLittle(mib));
    }
    let size = u64::from(mib) << 20;
    let below = size.min(layout::DEVICE_GAP);
    let mut ranges = vec![(0, below)];
    if size > below {
        ranges.push((layout::ABOVE_DEVICE_GAP, size - below));
    }
    let (mut mappings, mut regions) = (Vec::new(), Vec::new());
    for (begin, size) in ranges {
        let mapping = Mapping::new(size as usize)?;
        regions.push(region(&mapping, GuestAddress(begin))?);
        mappings.push(mapping);
    }
    let guest = GuestMemoryMmap::from_regions(regions).map_err(FromRangesError::from)?;
    Ok(Memory { guest, mappings })
}

fn region(mapping: &Mapping, begin: GuestAddress) -> Result<GuestRegionMmap<()>, FromRangesError> {
    let access = libc::PROT_READ | libc::PROT_WRITE;
    let kind = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    // SAFETY: `Memory` keeps the mapping for longer than the region.
    let region =
        unsafe { MmapRegion::build_raw(mapping.begin().cast(), mapping.size(), access, kind) }?;
    GuestRegionMmap::new(region, begin).ok_or(FromRangesError::InvalidGuestRegion)
}

/// Asks for transparent huge pages. If the kernel has none, small ones are used; [`GuestPages`]
/// reports what memory got.
pub fn ask_for_huge_pages(memory: &Memory) {
    let _ = advise(memory, Advice::LinuxHugepage);
}

/// Takes all pages from the system now, so that none is missing while a guest measures.
///
/// # Errors
/// There is less free memory than the guest was promised, or the kernel is older than 5.14.
pub fn prefault(memory: &Memory) -> Result<(), MemoryError> {
    advise(memory, Advice::LinuxPopulateWrite).map_err(MemoryError::Prefault)
}

fn advise(memory: &Memory, advice: Advice) -> Result<(), Errno> {
    memory.mappings.iter().try_for_each(|mapping| {
        // SAFETY: the mapping is ours and has that size, and no advice used here changes what
        // can be read from it.
        unsafe { madvise(mapping.begin(), mapping.size(), advice) }
    })
}

/// Its place in this process.
pub fn addresses(memory: &Memory) -> Vec<Range<usize>> {
    let mappings = memory.mappings.iter();
    mappings
        .map(|mapping| {
            let begin = mapping.begin().addr();
            begin..begin + mapping.size()
        })
        .collect()
}

/// The memory map: low RAM, the BIOS area with the ACPI tables, RAM from exactly 1 MiB on, and
/// RAM above the device gap.
pub fn map_entries(memory: &Memory) -> Vec<MapEntry> {
    let low = MapEntry {
        begin: 0,
        end: layout::LOW_MEMORY_END,
        ram: true,
    };
    let bios = MapEntry {
        begin: layout::RSDP,
        end: layout::HIGH_MEMORY,
        ram: false,
    };
    let high = memory.iter().map(|region| MapEntry {
        begin: start(region).max(layout::HIGH_MEMORY),
        end: start(region) + region.len(),
        ram: true,
    });
    [low, bios].into_iter().chain(high).collect()
}

/// The first address after the RAM below the device gap.
pub fn end_of_low_ram(memory: &Memory) -> u64 {
    memory.iter().next().map_or(0, |region| region.len())
}

fn start(region: &GuestRegionMmap<()>) -> u64 {
    region.start_addr().0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_goes_around_the_device_gap() {
        let entries = map_entries(&map(4096).unwrap());
        let ram: Vec<_> = entries
            .iter()
            .filter(|e| e.ram)
            .map(|e| (e.begin, e.end))
            .collect();
        assert_eq!(
            ram,
            [
                (0, 0x9fc00),
                (0x10_0000, 0xc000_0000),
                (0x1_0000_0000, 0x1_4000_0000)
            ]
        );
    }

    #[test]
    fn one_mib_is_refused() {
        assert!(matches!(map(1), Err(MemoryError::TooLittle(1))));
        assert!(matches!(map(0), Err(MemoryError::TooLittle(0))));
    }

    #[test]
    fn prefaulted_memory_is_resident_and_its_pages_are_counted() {
        let memory = map(5).unwrap();
        let count = || {
            let pages = PageCounter::open().unwrap().count(&addresses(&memory));
            pages.unwrap()
        };
        assert_eq!(count(), GuestPages::default());
        ask_for_huge_pages(&memory);
        prefault(&memory).unwrap();
        let pages = count();
        assert_eq!(pages.huge_kib + pages.small_kib, 5 << 10);
        // `None` if the host has none to give; the last MiB does not fill a huge page.
        assert!(pages.huge_kib <= 4 << 10, "{pages}");
    }
}
