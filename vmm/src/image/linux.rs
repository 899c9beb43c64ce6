//! bzImage: Linux's setup header and what follows it.
//! Source: Documentation/arch/x86/boot.rst of the Linux kernel.

use linux_loader::loader::bootparam::setup_header;
use object::ReadRef;
use vm_memory::ByteValued;

use super::{Image, ImageError, Protocol, Segment};

const HEADER_AT: u64 = 0x1f1;
const MAGIC_AT: u64 = 0x202;
const MAGIC: &[u8] = b"HdrS";
/// The length of the header is 0x202 plus the byte here (the second one of a jump).
const JUMP_LENGTH_AT: u64 = 0x201;
/// Version 2.12, the first with `xloadflags`, which announces the 64-bit entry.
const OLDEST_VERSION: u16 = 0x020c;
const LOADED_HIGH: u8 = 1 << 0;
const XLF_KERNEL_64: u16 = 1 << 0;
/// Offset of the 64-bit entry from the start of the protected-mode code.
const ENTRY_64: u64 = 0x200;
const SECTOR: u64 = 512;

pub(super) fn is_bzimage<'data>(data: impl ReadRef<'data>) -> bool {
    data.read_bytes_at(MAGIC_AT, MAGIC.len() as u64) == Ok(MAGIC)
}

pub(super) fn inspect<'data>(data: impl ReadRef<'data>) -> Result<Image, ImageError> {
    use ImageError::{Damaged, Unsupported};
    let mut setup = read_header(data)?;
    if setup.version < OLDEST_VERSION || setup.loadflags & LOADED_HIGH == 0 {
        return Err(Unsupported("boot protocol older than 2.12"));
    }
    if setup.xloadflags & XLF_KERNEL_64 == 0 {
        return Err(Unsupported("a 32-bit kernel, without a 64-bit entry point"));
    }
    let file_offset = (u64::from(setup.setup_sects) + 1) * SECTOR;
    let file_size = data
        .len()
        .ok()
        .and_then(|len| len.checked_sub(file_offset))
        .filter(|&size| size > ENTRY_64)
        .ok_or(Damaged(
            "the file ends before the kernel proper (truncated?)",
        ))?;
    // The kernel proper must be as long as the header says, in 16-byte paragraphs: a truncated
    // kernel would start to decompress itself and then hang.
    if u64::from(setup.syssize) * 16 > file_size.next_multiple_of(16) {
        return Err(Damaged(
            "the file is shorter than its header says (truncated?)",
        ));
    }
    let address = setup.pref_address;
    setup.code32_start =
        u32::try_from(address).map_err(|_| Unsupported("the kernel must be loaded above 4 GiB"))?;
    let size = u64::from(setup.init_size).max(file_size);
    Ok(Image {
        protocol: Protocol::Linux64,
        segments: vec![Segment {
            address,
            size,
            file_offset,
            file_size,
        }],
        entry: address.saturating_add(ENTRY_64),
        setup: Some(setup),
    })
}

/// The header, as far as it is in the file; fields that an older one lacks are zero.
fn read_header<'data>(data: impl ReadRef<'data>) -> Result<setup_header, ImageError> {
    let damaged = |()| ImageError::Damaged("the setup header is cut short");
    let jump: &u8 = data.read_at(JUMP_LENGTH_AT).map_err(damaged)?;
    let length = MAGIC_AT + u64::from(*jump) - HEADER_AT;
    let bytes = data.read_bytes_at(HEADER_AT, length).map_err(damaged)?;
    let mut header = setup_header::default();
    let known = bytes.len().min(size_of::<setup_header>());
    header.as_mut_slice()[..known].copy_from_slice(&bytes[..known]);
    // The protocol's oldest rule: 0 means 4.
    if header.setup_sects == 0 {
        header.setup_sects = 4;
    }
    Ok(header)
}
