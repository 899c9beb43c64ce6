//! ELF files: vmlinux and PVH kernels.
//! Sources: the System V ABI's ELF chapter; Xen's docs/misc/pvh.pandoc.

use object::read::elf::{FileHeader, ProgramHeader};
use object::{Endianness, ReadRef, elf};

use super::{Image, ImageError, Protocol, Segment};

const MAGIC: &[u8] = b"\x7fELF";
const XEN: &[u8] = b"Xen";
/// The note that holds the address of the 32-bit entry point.
const XEN_ELFNOTE_PHYS32_ENTRY: u32 = 18;

type Elf32 = elf::FileHeader32<Endianness>;
type Elf64 = elf::FileHeader64<Endianness>;

pub(super) fn is_elf<'data>(data: impl ReadRef<'data>) -> bool {
    data.read_bytes_at(0, MAGIC.len() as u64) == Ok(MAGIC)
}

pub(super) fn has_pvh_note<'data>(data: impl ReadRef<'data>) -> bool {
    is_elf(data) && matches!(pvh_entry(data), Ok(Some(_)))
}

/// A 64-bit kernel that is entered at the ELF file's entry point.
pub(super) fn inspect_linux<'data>(data: impl ReadRef<'data>) -> Result<Image, ImageError> {
    if !is_elf(data) {
        return Err(ImageError::NotThisProtocol {
            protocol: Protocol::Linux64,
            reason: "it is neither a bzImage nor an ELF file",
        });
    }
    let header = Elf64::parse(data).map_err(|_| match parse32(data) {
        Ok(_) => ImageError::Unsupported("a 32-bit ELF file without a Multiboot header"),
        Err(damaged) => damaged,
    })?;
    let (segments, entry) = read::<Elf64, _>(header, data)?;
    Ok(Image {
        protocol: Protocol::Linux64,
        segments,
        entry,
        setup: None,
    })
}

pub(super) fn inspect_pvh<'data>(data: impl ReadRef<'data>) -> Result<Image, ImageError> {
    let missing = |reason| ImageError::NotThisProtocol {
        protocol: Protocol::Pvh,
        reason,
    };
    if !is_elf(data) {
        return Err(missing("it is not an ELF file"));
    }
    let entry = pvh_entry(data)?.ok_or(missing("it has no XEN_ELFNOTE_PHYS32_ENTRY note"))?;
    let (segments, _) = read_any(data)?;
    Ok(Image {
        protocol: Protocol::Pvh,
        segments,
        entry,
        setup: None,
    })
}

/// The segments to load, and the entry point's physical address.
pub(super) fn read_any<'data>(
    data: impl ReadRef<'data>,
) -> Result<(Vec<Segment>, u64), ImageError> {
    match Elf64::parse(data) {
        Ok(header) => read::<Elf64, _>(header, data),
        Err(_) => read::<Elf32, _>(parse32(data)?, data),
    }
}

fn parse32<'data>(data: impl ReadRef<'data>) -> Result<&'data Elf32, ImageError> {
    Elf32::parse(data).map_err(|_| ImageError::Damaged("the ELF header is broken or cut short"))
}

fn read<'data, E, R>(header: &E, data: R) -> Result<(Vec<Segment>, u64), ImageError>
where
    E: FileHeader<Endian = Endianness>,
    R: ReadRef<'data>,
    E: 'data,
{
    use ImageError::{Damaged, Unsupported};
    let endian = header.endian().map_err(|_| Damaged("unknown byte order"))?;
    if !endian_is_little(endian) || !is_x86(header.e_machine(endian)) {
        return Err(Unsupported("an ELF file for another machine than x86"));
    }
    let headers = header
        .program_headers(endian, data)
        .map_err(|_| Damaged("the ELF program headers are cut short"))?;
    if headers.iter().any(|p| p.p_type(endian) == elf::PT_INTERP) {
        return Err(Unsupported(
            "an ELF program with an interpreter, not a kernel",
        ));
    }
    let loaded = || headers.iter().filter(|p| p.p_type(endian) == elf::PT_LOAD);
    let segments = loaded().map(|p| segment(p, endian)).collect();
    let entry: u64 = header.e_entry(endian).into();
    Ok((
        segments,
        loaded()
            .find_map(|p| to_physical(p, endian, entry))
            .unwrap_or(entry),
    ))
}

fn endian_is_little(endian: Endianness) -> bool {
    endian == Endianness::Little
}

fn is_x86(machine: elf::Machine) -> bool {
    machine == elf::EM_X86_64 || machine == elf::EM_386
}

fn segment<P: ProgramHeader<Endian = Endianness>>(header: &P, endian: Endianness) -> Segment {
    Segment {
        address: header.p_paddr(endian).into(),
        size: header.p_memsz(endian).into(),
        file_offset: header.p_offset(endian).into(),
        file_size: header.p_filesz(endian).into(),
    }
}

/// `entry` as a physical address, if it is a virtual one of this segment.
fn to_physical<P: ProgramHeader<Endian = Endianness>>(
    header: &P,
    endian: Endianness,
    entry: u64,
) -> Option<u64> {
    let offset = entry.checked_sub(header.p_vaddr(endian).into())?;
    let inside = offset < header.p_memsz(endian).into();
    inside
        .then(|| offset.checked_add(header.p_paddr(endian).into()))
        .flatten()
}

fn pvh_entry<'data>(data: impl ReadRef<'data>) -> Result<Option<u64>, ImageError> {
    match Elf64::parse(data) {
        Ok(header) => find_pvh_note::<Elf64, _>(header, data),
        Err(_) => find_pvh_note::<Elf32, _>(parse32(data)?, data),
    }
}

fn find_pvh_note<'data, E, R>(header: &E, data: R) -> Result<Option<u64>, ImageError>
where
    E: FileHeader<Endian = Endianness> + 'data,
    R: ReadRef<'data>,
{
    let damaged = |_| ImageError::Damaged("the ELF notes are cut short");
    let endian = header.endian().map_err(damaged)?;
    for program_header in header.program_headers(endian, data).map_err(damaged)? {
        let Some(mut notes) = program_header.notes(endian, data).map_err(damaged)? else {
            continue;
        };
        while let Some(note) = notes.next().map_err(damaged)? {
            if note.name() == XEN && note.n_type(endian).0 == XEN_ELFNOTE_PHYS32_ENTRY {
                return physical_entry(note.desc()).map(Some);
            }
        }
    }
    Ok(None)
}

/// The note's value is as wide as a word of the file: 4 or 8 bytes.
fn physical_entry(value: &[u8]) -> Result<u64, ImageError> {
    let low = value.first_chunk().ok_or(ImageError::Damaged(
        "the PVH note does not have an entry point",
    ))?;
    Ok(u32::from_le_bytes(*low).into())
}
