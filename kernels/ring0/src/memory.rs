//! Physical memory: ranges of it, the loader's map, and finding room in it.

/// Size of the smallest page, in bytes.
pub const PAGE_SIZE: u64 = 4096;

/// Where programs may begin: the firmware's and the loader's data are below 1 MiB.
pub const LOWEST_PROGRAM_ADDRESS: u64 = 1 << 20;

/// End of the identity-mapped memory: the page tables cover the first 4 GiB.
pub const MAPPED_END: u64 = 4 << 30;

/// `start..end`, in bytes; empty when `end <= start`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AddressRange {
    /// First address.
    pub start: u64,
    /// First address after it.
    pub end: u64,
}

impl AddressRange {
    /// The range of `size` bytes from `start`, cut off at the end of the address space.
    pub fn sized(start: u64, size: u64) -> Self {
        let end = start.saturating_add(size);
        Self { start, end }
    }

    /// Number of bytes in it.
    pub fn size(&self) -> u64 {
        self.end.saturating_sub(self.start)
    }

    /// Whether it contains `address`.
    pub fn contains(&self, address: u64) -> bool {
        (self.start..self.end).contains(&address)
    }

    /// Whether the two share an address.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.start.max(other.start) < self.end.min(other.end)
    }
}

/// One entry of the loader's memory map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Region {
    /// Its addresses.
    pub range: AddressRange,
    /// Whether it is RAM that nothing else claims (E820 type 1).
    pub usable: bool,
}

/// The loader's memory map.
#[derive(Debug, Clone)]
pub struct MemoryMap {
    regions: [Region; Self::CAPACITY],
    count: usize,
}

/// The loader's memory map has more than [`MemoryMap::CAPACITY`] entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooManyRegions;

impl MemoryMap {
    /// As many entries as the E820 table in Linux's boot protocol has.
    pub const CAPACITY: usize = 128;

    /// A map without entries.
    pub fn new() -> Self {
        Self {
            regions: [Region::default(); Self::CAPACITY],
            count: 0,
        }
    }

    /// Adds an entry; order and overlap do not matter.
    pub fn push(&mut self, range: AddressRange, usable: bool) -> Result<(), TooManyRegions> {
        let slot = self.regions.get_mut(self.count).ok_or(TooManyRegions)?;
        *slot = Region { range, usable };
        self.count += 1;
        Ok(())
    }

    /// The entries, in the loader's order.
    pub fn regions(&self) -> &[Region] {
        self.regions.get(..self.count).unwrap_or(&[])
    }

    /// The lowest place for `size` bytes, aligned to `alignment` bytes (a power of
    /// two), in usable memory that is mapped, not low, and in no `reserved` range.
    ///
    /// Where entries of a sloppy map overlap, the one that says "not usable" counts.
    pub fn find_room(&self, size: u64, alignment: u64, reserved: &[AddressRange]) -> Option<u64> {
        let usable = self.regions().iter().filter(|region| region.usable);
        usable
            .filter_map(|region| self.find_room_in(region.range, size, alignment, reserved))
            .min()
    }

    fn find_room_in(
        &self,
        range: AddressRange,
        size: u64,
        alignment: u64,
        reserved: &[AddressRange],
    ) -> Option<u64> {
        let end = range.end.min(MAPPED_END);
        let mut start = range.start.max(LOWEST_PROGRAM_ADDRESS);
        loop {
            start = start.checked_next_multiple_of(alignment)?;
            let candidate = AddressRange {
                start,
                end: start.checked_add(size)?,
            };
            if candidate.end > end {
                return None;
            }
            match self.obstacle(&candidate, reserved) {
                // Its end is above `start`, so every turn makes progress.
                Some(obstacle) => start = obstacle.end,
                None => return Some(start),
            }
        }
    }

    fn obstacle(
        &self,
        candidate: &AddressRange,
        reserved: &[AddressRange],
    ) -> Option<AddressRange> {
        let unusable = self.regions().iter().filter(|region| !region.usable);
        unusable
            .map(|region| region.range)
            .chain(reserved.iter().copied())
            .find(|range| range.overlaps(candidate))
    }

    /// Bytes of usable memory in which programs could be placed at all, for messages.
    pub fn usable_bytes(&self) -> u64 {
        let usable = self.regions().iter().filter(|region| region.usable);
        usable
            .map(|region| {
                let start = region.range.start.max(LOWEST_PROGRAM_ADDRESS);
                region.range.end.min(MAPPED_END).saturating_sub(start)
            })
            .fold(0, u64::saturating_add)
    }
}

impl Default for MemoryMap {
    fn default() -> Self {
        Self::new()
    }
}

/// Read access to physical memory.
pub trait PhysicalMemory {
    /// The `length` bytes from `address`, or `None` if not all of them can be read.
    fn bytes(&self, address: u64, length: u64) -> Option<&[u8]>;

    /// The bytes from `address` up to the first zero, or `None` if the first `limit` bytes
    /// do not contain a zero.
    fn c_string(&self, address: u64, limit: u64) -> Option<&[u8]> {
        let is_end = |length: &u64| {
            let byte = address.checked_add(*length).map(|at| self.bytes(at, 1));
            !matches!(byte, Some(Some([byte])) if *byte != 0)
        };
        let length = (0..limit).find(is_end)?;
        self.bytes(address.checked_add(length)?, 1)?;
        self.bytes(address, length)
    }
}

/// The little-endian `u32` at `offset`.
pub(crate) fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    let field = bytes.get(offset..offset.checked_add(4)?)?;
    Some(u32::from_le_bytes(field.try_into().ok()?))
}

/// The little-endian `u64` at `offset`.
pub(crate) fn u64_at(bytes: &[u8], offset: usize) -> Option<u64> {
    let field = bytes.get(offset..offset.checked_add(8)?)?;
    Some(u64::from_le_bytes(field.try_into().ok()?))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::vec;
    use std::vec::Vec;

    /// A part of memory that begins at `start`.
    pub(crate) struct TestMemory {
        pub(crate) start: u64,
        pub(crate) content: Vec<u8>,
    }

    impl TestMemory {
        /// The same memory with another `u32` at an offset.
        pub(crate) fn with(mut self, offset: usize, value: u32) -> Self {
            self.content[offset..offset + 4].copy_from_slice(&value.to_le_bytes());
            self
        }

        /// The same memory with other bytes, and cut to a length.
        pub(crate) fn damaged(mut self, changes: &[(usize, u8)], length: usize) -> Self {
            for &(offset, byte) in changes {
                self.content[offset] = byte;
            }
            self.content.truncate(length);
            self
        }
    }

    impl PhysicalMemory for TestMemory {
        fn bytes(&self, address: u64, length: u64) -> Option<&[u8]> {
            let from = usize::try_from(address.checked_sub(self.start)?).ok()?;
            let to = from.checked_add(usize::try_from(length).ok()?)?;
            self.content.get(from..to)
        }
    }

    fn range(start: u64, end: u64) -> AddressRange {
        AddressRange { start, end }
    }

    #[test]
    fn finds_the_first_gap_that_is_large_enough() {
        let mut map = MemoryMap::new();
        map.push(range(0, 0x9_f000), true).unwrap();
        map.push(range(0x10_0000, 0x800_0000), true).unwrap();
        let reserved = [range(0x10_0000, 0x11_0000), range(0x11_2000, 0x20_0001)];
        assert_eq!(map.find_room(0x2000, 4096, &reserved), Some(0x11_0000));
        assert_eq!(map.find_room(0x2001, 4096, &reserved), Some(0x20_1000));
        assert_eq!(map.find_room(1, 2 << 20, &reserved), Some(0x40_0000));
        assert_eq!(map.find_room(0x800_0000, 4096, &reserved), None);
    }

    #[test]
    fn does_not_use_low_or_unmapped_memory() {
        let mut map = MemoryMap::new();
        map.push(range(0, 0x9_f000), true).unwrap();
        map.push(range(MAPPED_END, MAPPED_END + (1 << 30)), true)
            .unwrap();
        assert_eq!(map.find_room(4096, 4096, &[]), None);
        assert_eq!(map.usable_bytes(), 0);
    }

    #[test]
    fn unusable_entries_win_where_entries_overlap() {
        let mut map = MemoryMap::new();
        map.push(range(0x10_0000, 0x40_0000), true).unwrap();
        map.push(range(0x10_0000, 0x30_0000), false).unwrap();
        assert_eq!(map.find_room(4096, 4096, &[]), Some(0x30_0000));
    }

    #[test]
    fn refuses_more_entries_than_it_holds() {
        let mut map = MemoryMap::new();
        for _ in 0..MemoryMap::CAPACITY {
            assert_eq!(map.push(range(0, 1), true), Ok(()));
        }
        assert_eq!(map.push(range(0, 1), true), Err(TooManyRegions));
    }

    #[test]
    fn c_strings_end_at_a_zero_within_the_limit() {
        let memory = TestMemory {
            start: 100,
            content: vec![b'a', b'b', 0, b'c'],
        };
        assert_eq!(memory.c_string(100, 10), Some(&b"ab"[..]));
        assert_eq!(memory.c_string(102, 10), Some(&b""[..]));
        assert_eq!(memory.c_string(100, 2), None);
        assert_eq!(memory.c_string(103, 10), None);
        assert_eq!(memory.c_string(u64::MAX, 10), None);
    }

    prop_compose! {
        fn any_range()(start in prop_oneof![0..MAPPED_END, any::<u64>()],
                       size in prop_oneof![0u64..0x100_0000, any::<u64>()]) -> AddressRange {
            AddressRange::sized(start, size)
        }
    }

    proptest! {
        #[test]
        fn room_is_usable_and_free(
            regions in prop::collection::vec((any_range(), any::<bool>()), 0..20),
            reserved in prop::collection::vec(any_range(), 0..5),
            size in prop_oneof![1u64..0x10_0000, any::<u64>()],
            alignment in (12u32..40).prop_map(|shift| 1u64 << shift),
        ) {
            let mut map = MemoryMap::new();
            for (range, usable) in &regions {
                map.push(*range, *usable).unwrap();
            }
            if let Some(start) = map.find_room(size, alignment, &reserved) {
                let found = range(start, start + size);
                prop_assert_eq!(start % alignment, 0);
                prop_assert!(start >= LOWEST_PROGRAM_ADDRESS && found.end <= MAPPED_END);
                prop_assert!(regions.iter().any(|(range, usable)| *usable
                    && range.start <= start && found.end <= range.end));
                prop_assert!(!regions.iter().any(|(range, usable)| !usable && range.overlaps(&found)));
                prop_assert!(!reserved.iter().any(|range| range.overlaps(&found)));
            }
        }
    }
}
