//! Which pages guest memory got from the host: huge ones avoid TLB misses, including those of
//! the kernel under test. Source: Documentation/filesystems/proc.rst of the Linux kernel,
//! /proc/PID/smaps.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;

use serde::{Deserialize, Serialize};

/// The host's pages behind guest memory at the end of a boot.
///
/// Displayed as their size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GuestPages {
    /// KiB in pages of 2 MiB or more.
    pub huge_kib: u64,
    /// KiB in pages of 4 KiB.
    pub small_kib: u64,
}

impl fmt::Display for GuestPages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.huge_kib, self.small_kib) {
            (0, 0) => f.write_str("none"),
            (_, 0) => f.write_str("2 MiB"),
            (0, _) => f.write_str("4 KiB"),
            (huge, small) => write!(f, "2 MiB for {huge} KiB, 4 KiB for {small} KiB"),
        }
    }
}

/// The kernel's list of this process's mappings, already open, so that it can be read when the
/// filter no longer allows opening files.
#[derive(Debug)]
pub struct PageCounter(File);

impl PageCounter {
    /// # Errors
    /// /proc does not exist.
    pub fn open() -> io::Result<Self> {
        File::open("/proc/self/smaps").map(Self)
    }

    /// The pages behind these addresses now. Can be called once.
    pub fn count(self, ranges: &[Range<usize>]) -> io::Result<GuestPages> {
        let mut text = String::new();
        // This does not use the file itself, which would ask for its size first: that call is
        // not on the filter's list.
        self.0.take(u64::MAX).read_to_string(&mut text)?;
        Ok(pages(&text, ranges))
    }
}

/// Adds up the mappings of `smaps` that are inside one of these ranges.
fn pages(smaps: &str, ranges: &[Range<usize>]) -> GuestPages {
    let mut pages = GuestPages::default();
    let (mut is_ours, mut resident) = (false, 0);
    for line in smaps.lines() {
        if let Some(mapped) = addresses(line) {
            is_ours = ranges
                .iter()
                .any(|range| range.start <= mapped.start && mapped.end <= range.end);
        }
        if !is_ours {
            continue;
        }
        match kib(line) {
            Some(("Rss", kib)) => resident = kib,
            Some(("AnonHugePages", kib)) => {
                pages.huge_kib += kib;
                pages.small_kib += resident.saturating_sub(kib);
            }
            _ => {}
        }
    }
    pages
}

/// The first line of a mapping: `7f0000000000-7f0000200000 rw-p …`.
fn addresses(line: &str) -> Option<Range<usize>> {
    let (begin, end) = line.split_whitespace().next()?.split_once('-')?;
    let address = |text| usize::from_str_radix(text, 16).ok();
    Some(address(begin)?..address(end)?)
}

/// The other lines: `Rss:   2048 kB`.
fn kib(line: &str) -> Option<(&str, u64)> {
    let (name, value) = line.split_once(':')?;
    Some((name, value.trim().strip_suffix(" kB")?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMAPS: &str = "\
7f0000000000-7f0000600000 rw-p 00000000 00:00 0 
Size:               6144 kB
KernelPageSize:        4 kB
Rss:                5120 kB
Anonymous:          5120 kB
AnonHugePages:      4096 kB
THPeligible:           1
VmFlags: rd wr mr mw me nr hg 
7f0000600000-7f0000800000 rw-p 00000000 00:00 0 
Rss:                  64 kB
AnonHugePages:         0 kB
7f0000a00000-7f0000c00000 rw-p 00000000 00:00 0                          [heap]
Rss:                2048 kB
AnonHugePages:      2048 kB
";

    #[test]
    fn pages_are_counted_within_the_ranges() {
        let count = |begin, end| pages(SMAPS, std::slice::from_ref(&(begin..end)));
        let expected = |huge_kib, small_kib| GuestPages {
            huge_kib,
            small_kib,
        };
        assert_eq!(
            count(0x7f00_0000_0000, 0x7f00_0080_0000),
            expected(4096, 1088)
        );
        assert_eq!(count(0x7f00_0060_0000, 0x7f00_0080_0000), expected(0, 64));
        assert_eq!(count(0x7f00_0080_0000, 0x7f00_00c0_0000), expected(2048, 0));
        assert_eq!(count(0x1000, 0x2000), expected(0, 0));
    }

    #[test]
    fn pages_are_named_by_their_size() {
        let name = |huge_kib, small_kib| {
            let pages = GuestPages {
                huge_kib,
                small_kib,
            };
            pages.to_string()
        };
        assert_eq!(name(262_144, 0), "2 MiB");
        assert_eq!(name(0, 262_144), "4 KiB");
        assert_eq!(name(4096, 1024), "2 MiB for 4096 KiB, 4 KiB for 1024 KiB");
        assert_eq!(name(0, 0), "none");
    }
}
