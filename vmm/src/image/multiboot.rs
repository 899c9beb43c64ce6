//! Multiboot 1 headers.
//! Source: Multiboot Specification 0.6.96, section 3.1.

use object::{LittleEndian, ReadRef, U32};

use super::{Image, ImageError, Protocol, Segment, elf};

const MAGIC: u32 = 0x1bad_b002;
/// The header must be within so many bytes of the start of the file, at a multiple of four.
const SEARCHED: u64 = 8192;
/// Bits 0 to 15 are requirements; of these, page-aligned modules and memory information are
/// met. A video mode (bit 2) is only a preference: every kernel must work without it, because
/// the machine may not have a screen.
const MET_DEMANDS: u32 = 0b111;
const DEMANDS: u32 = 0xffff;
const HAS_ADDRESSES: u32 = 1 << 16;

type Word = U32<LittleEndian>;

/// A header that was found, and where.
pub(super) struct Header {
    offset: u64,
    flags: u32,
}

pub(super) fn find_header<'data>(data: impl ReadRef<'data>) -> Option<Header> {
    let searched = data.len().ok()?.min(SEARCHED);
    let head = data.read_bytes_at(0, searched).ok()?;
    let (words, _) = head.as_chunks::<4>();
    words.windows(3).enumerate().find_map(|(index, header)| {
        let [magic, flags, checksum] = [0, 1, 2].map(|i| u32::from_le_bytes(header[i]));
        let sum = magic.wrapping_add(flags).wrapping_add(checksum);
        let offset = index as u64 * 4;
        (magic == MAGIC && sum == 0).then_some(Header { offset, flags })
    })
}

pub(super) fn inspect<'data>(data: impl ReadRef<'data>) -> Result<Image, ImageError> {
    let header = find_header(data).ok_or(ImageError::NotThisProtocol {
        protocol: Protocol::Multiboot,
        reason: "it has no Multiboot header in its first 8 KiB",
    })?;
    if header.flags & DEMANDS & !MET_DEMANDS != 0 {
        return Err(ImageError::Unsupported(
            "its Multiboot header requires features that the specification does not define",
        ));
    }
    let (segments, entry) = if header.flags & HAS_ADDRESSES != 0 {
        by_addresses(&header, data)?
    } else {
        elf::read_any(data)?
    };
    if entry > u64::from(u32::MAX) {
        return Err(ImageError::Damaged("the Multiboot entry is above 4 GiB"));
    }
    Ok(Image {
        protocol: Protocol::Multiboot,
        segments,
        entry,
        setup: None,
    })
}

/// The header's own address fields, which take precedence over the ELF file's.
fn by_addresses<'data>(
    header: &Header,
    data: impl ReadRef<'data>,
) -> Result<(Vec<Segment>, u64), ImageError> {
    use ImageError::Damaged;
    let fields: &[Word] = data
        .read_slice_at(header.offset + 12, 5)
        .map_err(|()| Damaged("the Multiboot header's addresses are cut short"))?;
    let field = |index: usize| u64::from(fields[index].get(LittleEndian));
    let [header_address, address, load_end, bss_end, entry] = [0, 1, 2, 3, 4].map(field);
    let backwards = Damaged("the Multiboot header's addresses contradict each other");
    let Some(file_offset) = header_address
        .checked_sub(address)
        .and_then(|distance| header.offset.checked_sub(distance))
    else {
        return Err(backwards);
    };
    // 0 means "up to the end of the file" and "no BSS".
    let load_end = match load_end {
        0 => address + data.len().unwrap_or(0).saturating_sub(file_offset),
        end => end,
    };
    let end = match bss_end {
        0 => load_end,
        end => end,
    };
    let (Some(file_size), Some(size)) = (load_end.checked_sub(address), end.checked_sub(address))
    else {
        return Err(backwards);
    };
    Ok((
        vec![Segment {
            address,
            size,
            file_offset,
            file_size,
        }],
        entry,
    ))
}
