//! The program: a static PIE, checked before a byte of it is used.
//!
//! Source: "System V Application Binary Interface", chapters 4 and 5 (object files, program
//! loading), and its AMD64 supplement. Relocations are not applied: a static PIE relocates
//! itself, or has none.

use crate::memory::{MAPPED_END, PAGE_SIZE};
use core::fmt;
use elf::ElfBytes;
use elf::abi::{EM_X86_64, ET_DYN, ET_EXEC, PF_X, PT_INTERP, PT_LOAD};
use elf::endian::LittleEndian;
use elf::file::Class;
use elf::segment::{ProgramHeader, SegmentTable};

/// Size of an ELF64 program header, in bytes.
pub const PROGRAM_HEADER_SIZE: u64 = 56;

/// A checked program. All addresses are relative to its [`Program::size`] bytes of
/// memory, wherever those are placed.
#[derive(Debug)]
pub struct Program<'f> {
    file: &'f [u8],
    segments: SegmentTable<'f, LittleEndian>,
    /// The ELF file's address for the first byte of the memory.
    lowest: u64,
    /// Memory that it needs, in bytes; a multiple of the page size.
    pub size: u64,
    /// The alignment of the memory's address; a power of two, at least a page.
    pub alignment: u64,
    /// Where it starts to run.
    pub entry: u64,
    /// Where its program headers are, if it loads them.
    pub program_headers: Option<u64>,
    /// How many program headers it has.
    pub program_header_count: u64,
}

impl<'f> Program<'f> {
    /// Checks everything that running `file` relies on.
    pub fn check(file: &'f [u8]) -> Result<Self, ProgramError> {
        if !file.starts_with(&elf::abi::ELFMAGIC) {
            return Err(ProgramError::NotElf);
        }
        let elf = ElfBytes::<LittleEndian>::minimal_parse(file);
        let elf = elf.map_err(|_| ProgramError::Malformed)?;
        check_kind(&elf)?;
        let segments = elf.segments().ok_or(ProgramError::NothingToLoad)?;
        if segments.iter().any(|segment| segment.p_type == PT_INTERP) {
            return Err(ProgramError::Interpreter);
        }
        let extent = Extent::of(&segments, file.len())?;

        // The lowest address keeps its distance to the alignment's multiples.
        let lowest = extent.start - extent.start % extent.alignment;
        let entry = elf.ehdr.e_entry;
        let code = loaded(&segments).find(|s| s.p_flags & PF_X != 0 && holds(s, entry, 1));
        code.ok_or(ProgramError::EntryOutside)?;

        let table_size = PROGRAM_HEADER_SIZE * segments.len() as u64;
        let table = loaded(&segments).find_map(|segment| {
            let inside = elf.ehdr.e_phoff.checked_sub(segment.p_offset)?;
            let fits = inside.checked_add(table_size)? <= segment.p_filesz;
            fits.then(|| segment.p_vaddr + inside - lowest)
        });
        Ok(Self {
            file,
            segments,
            lowest,
            size: (extent.end - lowest).next_multiple_of(PAGE_SIZE),
            alignment: extent.alignment,
            entry: entry - lowest,
            program_headers: table,
            program_header_count: segments.len() as u64,
        })
    }

    /// Fills the program's memory, which is [`Program::size`] bytes long: segments
    /// from the file, zeroes everywhere else. Returns `None` for other sizes.
    pub fn load(&self, memory: &mut [u8]) -> Option<()> {
        if memory.len() as u64 != self.size {
            return None;
        }
        memory.fill(0);
        for segment in loaded(&self.segments) {
            let source = slice_of(segment.p_offset, segment.p_filesz)?;
            let target = slice_of(segment.p_vaddr.checked_sub(self.lowest)?, segment.p_filesz)?;
            let source = self.file.get(source)?;
            memory.get_mut(target)?.copy_from_slice(source);
        }
        Some(())
    }
}

fn check_kind(elf: &ElfBytes<'_, LittleEndian>) -> Result<(), ProgramError> {
    let header = &elf.ehdr;
    if header.class != Class::ELF64 || header.e_machine != EM_X86_64 {
        return Err(ProgramError::OtherMachine);
    }
    match header.e_type {
        ET_DYN => Ok(()),
        ET_EXEC => Err(ProgramError::FixedAddress),
        other => Err(ProgramError::OtherType(other)),
    }
}

fn loaded<'f>(
    segments: &SegmentTable<'f, LittleEndian>,
) -> impl Iterator<Item = ProgramHeader> + use<'f> {
    segments
        .iter()
        .filter(|segment| segment.p_type == PT_LOAD && segment.p_memsz != 0)
}

fn holds(segment: &ProgramHeader, address: u64, size: u64) -> bool {
    let inside = address.checked_sub(segment.p_vaddr);
    let end = inside.and_then(|inside| inside.checked_add(size));
    end.is_some_and(|end| end <= segment.p_memsz)
}

fn slice_of(start: u64, size: u64) -> Option<core::ops::Range<usize>> {
    let start = usize::try_from(start).ok()?;
    let end = start.checked_add(usize::try_from(size).ok()?)?;
    Some(start..end)
}

/// The addresses that all segments take up together.
struct Extent {
    start: u64,
    end: u64,
    alignment: u64,
}

impl Extent {
    fn of(
        segments: &SegmentTable<'_, LittleEndian>,
        file_size: usize,
    ) -> Result<Self, ProgramError> {
        let mut extent: Option<Self> = None;
        for segment in loaded(segments) {
            let (end, alignment) = check_segment(&segment, file_size)?;
            match &mut extent {
                None => {
                    extent = Some(Self {
                        start: segment.p_vaddr,
                        end,
                        alignment,
                    });
                }
                // The ABI requires ascending order.
                Some(extent) if segment.p_vaddr < extent.end => {
                    return Err(ProgramError::SegmentsOverlap);
                }
                Some(extent) => {
                    extent.end = end;
                    extent.alignment = extent.alignment.max(alignment);
                }
            }
        }
        extent.ok_or(ProgramError::NothingToLoad)
    }
}

/// A segment's end and its alignment, if it is valid by itself.
fn check_segment(segment: &ProgramHeader, file_size: usize) -> Result<(u64, u64), ProgramError> {
    let file_end = segment.p_offset.checked_add(segment.p_filesz);
    if file_end.is_none_or(|end| end > file_size as u64) {
        return Err(ProgramError::Truncated);
    }
    if segment.p_filesz > segment.p_memsz {
        return Err(ProgramError::SegmentSize);
    }
    let end = segment.p_vaddr.checked_add(segment.p_memsz);
    let end = end.filter(|end| *end <= MAPPED_END);
    let end = end.ok_or(ProgramError::TooLarge)?;
    let alignment = segment.p_align.max(1);
    if !alignment.is_power_of_two() || segment.p_vaddr % alignment != segment.p_offset % alignment {
        return Err(ProgramError::Alignment);
    }
    Ok((end, alignment.max(PAGE_SIZE)))
}

/// Why a file cannot be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProgramError {
    /// No ELF magic.
    NotElf,
    /// Headers that cannot be read.
    Malformed,
    /// Not ELF64 for x86-64.
    OtherMachine,
    /// ET_EXEC.
    FixedAddress,
    /// Neither ET_DYN nor ET_EXEC.
    OtherType(u16),
    /// Has a PT_INTERP.
    Interpreter,
    /// Has no PT_LOAD with any memory.
    NothingToLoad,
    /// A segment's bytes lie outside the file.
    Truncated,
    /// A segment has more bytes in the file than in memory.
    SegmentSize,
    /// A segment ends above 4 GiB.
    TooLarge,
    /// Segments overlap or are not in order.
    SegmentsOverlap,
    /// A segment's alignment is not a power of two, or its address and offset disagree.
    Alignment,
    /// The entry point is not in an executable segment.
    EntryOutside,
}

impl fmt::Display for ProgramError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const BUILD: &str = "build the program as a static PIE (gcc -static-pie)";
        match self {
            Self::NotElf => f.write_str("it is not an ELF file"),
            Self::Malformed => f.write_str("its ELF headers are damaged or cut off"),
            Self::OtherMachine => f.write_str("it is not a 64-bit program for x86-64"),
            Self::FixedAddress => write!(f, "it requires a fixed address (ET_EXEC): {BUILD}"),
            Self::OtherType(kind) => write!(f, "its ELF type is {kind}, not ET_DYN: {BUILD}"),
            Self::Interpreter => write!(f, "it requires a dynamic linker (PT_INTERP): {BUILD}"),
            Self::NothingToLoad => f.write_str("it has nothing to load (no PT_LOAD)"),
            Self::Truncated => f.write_str("a segment is outside the file: is it cut off?"),
            Self::SegmentSize => f.write_str("a segment is larger in the file than in memory"),
            Self::TooLarge => f.write_str("a segment ends above 4 GiB"),
            Self::SegmentsOverlap => f.write_str("its segments overlap or are not in order"),
            Self::Alignment => f.write_str("a segment is not aligned as its header says"),
            Self::EntryOutside => {
                write!(f, "its entry point is not in its code: {BUILD}")
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::vec;
    use std::vec::Vec;

    const CODE: usize = 64;
    const DATA: usize = 64 + 56;

    /// A program of two segments: code (with the headers) at 0, data with bss at 0x2000.
    pub(crate) fn example() -> Vec<u8> {
        let mut file = vec![0; 0x1010];
        file[..8].copy_from_slice(b"\x7fELF\x02\x01\x01\0");
        put(&mut file, 16, &3u16.to_le_bytes()); // ET_DYN
        put(&mut file, 18, &62u16.to_le_bytes()); // EM_X86_64
        put(&mut file, 20, &1u32.to_le_bytes());
        put(&mut file, 24, &0x100u64.to_le_bytes()); // entry
        put(&mut file, 32, &64u64.to_le_bytes()); // program headers
        put(&mut file, 52, &64u16.to_le_bytes());
        put(&mut file, 54, &56u16.to_le_bytes());
        put(&mut file, 56, &2u16.to_le_bytes());
        put(&mut file, 58, &64u16.to_le_bytes());
        put_segment(&mut file, CODE, 5, [0, 0, 0, 0x200, 0x200, 0x1000]);
        put_segment(
            &mut file,
            DATA,
            6,
            [0x1000, 0x2000, 0x2000, 0x10, 0x1800, 0x1000],
        );
        file[0x100] = 0xcc;
        file[0x1000..].fill(0xdd);
        file
    }

    fn put(file: &mut [u8], at: usize, bytes: &[u8]) {
        file[at..at + bytes.len()].copy_from_slice(bytes);
    }

    fn put_segment(file: &mut [u8], at: usize, flags: u32, words: [u64; 6]) {
        put(file, at, &1u32.to_le_bytes());
        put(file, at + 4, &flags.to_le_bytes());
        for (index, word) in words.iter().enumerate() {
            put(file, at + 8 + 8 * index, &word.to_le_bytes());
        }
    }

    /// The error after the `u64` at `at` was replaced.
    fn error_with(at: usize, value: u64) -> Option<ProgramError> {
        let mut file = example();
        put(&mut file, at, &value.to_le_bytes());
        Program::check(&file).err()
    }

    #[test]
    fn loads_segments_and_zeroes_the_rest() {
        let file = example();
        let program = Program::check(&file).unwrap();
        assert_eq!((program.size, program.alignment), (0x4000, 0x1000));
        assert_eq!((program.entry, program.program_headers), (0x100, Some(64)));
        let mut memory = vec![0xff; 0x4000];
        program.load(&mut memory).unwrap();
        assert_eq!(memory[..0x200], file[..0x200]);
        assert!(memory[0x200..0x2000].iter().all(|byte| *byte == 0));
        assert!(memory[0x2000..0x2010].iter().all(|byte| *byte == 0xdd));
        assert!(memory[0x2010..].iter().all(|byte| *byte == 0));
        assert_eq!(program.load(&mut memory[1..]), None);
    }

    #[test]
    fn a_lowest_address_above_zero_is_moved_down() {
        let mut file = example();
        put_segment(&mut file, CODE, 5, [0, 0x20_1000, 0, 0x200, 0x200, 0x1000]);
        put_segment(
            &mut file,
            DATA,
            6,
            [0x1000, 0x40_0000, 0, 0x10, 0x10, 0x1000],
        );
        put(&mut file, 24, &0x20_1100u64.to_le_bytes());
        let program = Program::check(&file).unwrap();
        assert_eq!((program.entry, program.program_headers), (0x100, Some(64)));
        assert_eq!(program.size, 0x40_1000 - 0x20_1000);
        // With a larger alignment the memory begins at a multiple of it.
        put_segment(
            &mut file,
            DATA,
            6,
            [0x1000, 0x40_0000, 0, 0x10, 0x10, 0x20_0000],
        );
        assert_eq!(Program::check(&file).err(), Some(ProgramError::Alignment));
        put_segment(&mut file, DATA, 6, [0, 0x40_0000, 0, 0x10, 0x10, 0x20_0000]);
        let program = Program::check(&file).unwrap();
        assert_eq!((program.alignment, program.entry), (0x20_0000, 0x1100));
        assert_eq!(program.size, 0x20_1000);
    }

    #[test]
    fn says_what_is_wrong() {
        use ProgramError::*;
        assert_eq!(Program::check(b"#!/bin/sh\n").err(), Some(NotElf));
        assert_eq!(Program::check(b"").err(), Some(NotElf));
        assert_eq!(Program::check(b"\x7fELF").err(), Some(Malformed));
        let kind = |kind: u64| error_with(16, kind | 62 << 16 | 1 << 32);
        assert_eq!(kind(3), None);
        assert_eq!(kind(2), Some(FixedAddress));
        assert_eq!(kind(1), Some(OtherType(1)));
        assert_eq!(error_with(16, 3 | 183 << 16 | 1 << 32), Some(OtherMachine));
        assert_eq!(error_with(4, 1), Some(Malformed)); // ELF32: fields lie elsewhere
        assert_eq!(error_with(32, 0), Some(NothingToLoad));
        assert_eq!(error_with(32, u64::MAX), Some(Malformed));
        assert_eq!(error_with(DATA, 3 | 6 << 32), Some(Interpreter));
        assert_eq!(error_with(24, 0x2004), Some(EntryOutside));
        assert_eq!(error_with(24, 0x200), Some(EntryOutside));
        assert_eq!(error_with(24, u64::MAX), Some(EntryOutside));
        assert_eq!(error_with(DATA + 8, 0x2000), Some(Truncated));
        assert_eq!(error_with(DATA + 8, u64::MAX), Some(Truncated));
        assert_eq!(error_with(DATA + 16, 0x1000), None);
        assert_eq!(error_with(DATA + 16, 0x1001), Some(Alignment));
        assert_eq!(error_with(DATA + 16, 0), Some(SegmentsOverlap));
        assert_eq!(error_with(DATA + 16, u64::MAX - 0xfff), Some(TooLarge));
        assert_eq!(error_with(DATA + 32, 0x11), Some(Truncated));
        assert_eq!(error_with(DATA + 40, 0xf), Some(SegmentSize));
        assert_eq!(error_with(DATA + 40, MAPPED_END), Some(TooLarge));
        assert_eq!(error_with(DATA + 48, 24), Some(Alignment));
        assert_eq!(error_with(DATA + 48, 0), None);
    }

    #[test]
    fn every_truncation_is_refused() {
        let file = example();
        for length in 0..file.len() {
            assert!(Program::check(&file[..length]).is_err(), "{length} bytes");
        }
    }

    proptest! {
        /// Changed headers are refused, or the program loads within its memory.
        #[test]
        fn hostile_headers_do_not_panic(
            changes in prop::collection::vec((0usize..176, any::<u8>()), 1..6),
            words in prop::collection::vec((0usize..21, any::<u64>()), 0..2),
        ) {
            let mut file = example();
            for (index, word) in words {
                put(&mut file, 8 * index, &word.to_le_bytes());
            }
            file[..4].copy_from_slice(b"\x7fELF");
            for (at, byte) in changes {
                file[at] = byte;
            }
            if let Ok(program) = Program::check(&file) {
                prop_assert!(program.entry < program.size);
                prop_assert!(program.alignment.is_power_of_two());
                if program.size < 1 << 24 {
                    let mut memory = vec![0; program.size as usize];
                    prop_assert_eq!(program.load(&mut memory), Some(()));
                }
            }
        }

        #[test]
        fn random_bytes_do_not_panic(file in prop::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(Program::check(&file).is_err());
            let elf = [&b"\x7fELF\x02\x01\x01"[..], &file].concat();
            let _ = Program::check(&elf);
        }
    }
}
