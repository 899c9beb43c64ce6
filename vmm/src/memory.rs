//! Guest memory, and what a guest is told about it.

use rustix::mm::{Advice, madvise};
use vm_memory::mmap::FromRangesError;
use vm_memory::{
    GuestAddress, GuestMemoryBackend, GuestMemoryMmap, GuestMemoryRegion, GuestRegionMmap,
};

use crate::layout;

/// Guest memory. Every access by address goes through its checks.
pub type Memory = GuestMemoryMmap<()>;

/// A stretch of guest physical addresses, and whether it is RAM for the kernel's use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MapEntry {
    /// Its first address.
    pub begin: u64,
    /// The first address after it.
    pub end: u64,
    /// RAM, or else reserved.
    pub ram: bool,
}

/// Why there is no guest memory.
#[derive(Debug, thiserror::Error)]
pub enum MemoryError {
    /// Boot data lies in the first MiB, and a kernel above it.
    #[error("a guest needs at least 2 MiB of memory, not {0}")]
    TooLittle(u32),
    /// The system gives no address space.
    #[error("cannot map guest memory: {0}")]
    Map(#[from] FromRangesError),
    /// The system does not do as it is told with the memory.
    #[error("cannot {what}: {source}")]
    Advise {
        /// What the memory was to become.
        what: &'static str,
        /// The system's reason.
        source: rustix::io::Errno,
    },
}

/// Maps `mib` MiB of guest memory, around the gap where devices lie.
///
/// # Errors
/// Too little for any kernel, or more than the system gives.
pub fn map(mib: u32) -> Result<Memory, MemoryError> {
    if mib < 2 {
        return Err(MemoryError::TooLittle(mib));
    }
    let size = u64::from(mib) << 20;
    let below = size.min(layout::DEVICE_GAP);
    let mut ranges = vec![(GuestAddress(0), below as usize)];
    if size > below {
        let above = GuestAddress(layout::ABOVE_DEVICE_GAP);
        ranges.push((above, (size - below) as usize));
    }
    Ok(Memory::from_ranges(&ranges)?)
}

/// Asks for transparent huge pages, so that a guest's TLB misses cost less.
///
/// # Errors
/// A kernel without transparent huge pages.
pub fn use_huge_pages(memory: &Memory) -> Result<(), MemoryError> {
    advise(
        memory,
        Advice::LinuxHugepage,
        "use huge pages for guest memory",
    )
}

/// Takes all pages from the system now, so that none is missing while a guest measures.
///
/// # Errors
/// Less free memory than the guest was promised, or a kernel before 5.14.
pub fn prefault(memory: &Memory) -> Result<(), MemoryError> {
    advise(memory, Advice::LinuxPopulateWrite, "prefault guest memory")
}

fn advise(memory: &Memory, advice: Advice, what: &'static str) -> Result<(), MemoryError> {
    for region in memory.iter() {
        // SAFETY: the region is a mapping of ours, of that size, and neither advice
        // changes what can be read from it.
        unsafe { madvise(region.as_ptr().cast(), region.size(), advice) }
            .map_err(|source| MemoryError::Advise { what, source })?;
    }
    Ok(())
}

/// The memory map: low RAM, the BIOS area with the ACPI tables, RAM from exactly
/// 1 MiB on, and RAM above the device gap.
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
    fn prefaulted_memory_is_resident() {
        prefault(&map(2).unwrap()).unwrap();
    }
}
