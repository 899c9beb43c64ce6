//! What a kernel image is: which boot protocol it supports, where its bytes go, and where it is
//! entered. Nothing here touches a guest.

mod elf;
mod linux;
mod multiboot;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use linux_loader::loader::bootparam::setup_header;
use object::ReadRef;
use object::read::ReadCache;
use serde::{Deserialize, Serialize};

use crate::{layout, regular_file};

/// A way to enter a kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// Linux's 64-bit boot protocol (Documentation/arch/x86/boot.rst), for bzImage
    /// and for vmlinux.
    Linux64,
    /// PVH: Xen's direct boot of an ELF file with an ELF note (docs/misc/pvh.pandoc).
    Pvh,
    /// Multiboot 0.6.96, the first version of the specification.
    Multiboot,
}

/// One part of the file and its place in guest memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Guest physical address.
    pub address: u64,
    /// Bytes in memory; those that are not in the file are zero.
    pub size: u64,
    /// Where the part begins in the file.
    pub file_offset: u64,
    /// Bytes in the file.
    pub file_size: u64,
}

impl Segment {
    /// The first address after the segment. Cannot overflow in an inspected image.
    pub fn end(&self) -> u64 {
        self.address.saturating_add(self.size)
    }
}

/// An inspected image: everything in it was checked against the file.
#[derive(Clone, Debug)]
pub struct Image {
    /// The protocol by which to boot it.
    pub protocol: Protocol,
    /// Sorted by address; without overlaps, inside the file, at or above 1 MiB.
    pub segments: Vec<Segment>,
    /// Guest physical address of the first instruction.
    pub entry: u64,
    /// The setup header, if the image is a bzImage.
    pub setup: Option<setup_header>,
}

impl Image {
    /// The first address after everything that the kernel occupies when it starts.
    pub fn end(&self) -> u64 {
        self.segments.iter().map(Segment::end).max().unwrap_or(0)
    }
}

/// Why a file is refused as a kernel.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// The file cannot be read.
    #[error("cannot read the kernel image {path}: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The file has none of the protocols' marks.
    #[error(
        "not a bootable kernel: neither a bzImage, nor an x86 ELF file, \
         nor a file with a Multiboot header"
    )]
    Unknown,
    /// The protocol was forced, and the image does not support it.
    #[error("the image cannot be booted by {protocol:?}: {reason}")]
    NotThisProtocol {
        /// The forced protocol.
        protocol: Protocol,
        /// What is missing.
        reason: &'static str,
    },
    /// The image contradicts itself or its format.
    #[error("the kernel image is damaged: {0}")]
    Damaged(&'static str),
    /// The image is intact, but needs something that this VMM does not offer.
    #[error("the kernel image is not supported: {0}")]
    Unsupported(&'static str),
}

/// Opens and inspects the image at `path`.
///
/// # Errors
/// The file is not a kernel, or cannot be booted by `forced`.
pub fn open(path: &Path, forced: Option<Protocol>) -> Result<(File, Image), ImageError> {
    let unreadable = |source| ImageError::Unreadable {
        path: path.to_owned(),
        source,
    };
    let file = regular_file::open(path).map_err(unreadable)?;
    let image = inspect(&ReadCache::new(&file), forced)?;
    Ok((file, image))
}

/// Determines what the image `data` is.
///
/// An image that supports several protocols is booted by the first of PVH, Multiboot and
/// Linux's, unless one of them is `forced`.
///
/// # Errors
/// See [`ImageError`]; every input gets an answer.
pub fn inspect<'data>(
    data: impl ReadRef<'data>,
    forced: Option<Protocol>,
) -> Result<Image, ImageError> {
    let image = match forced {
        Some(Protocol::Linux64) if linux::is_bzimage(data) => linux::inspect(data),
        Some(Protocol::Linux64) => elf::inspect_linux(data),
        Some(Protocol::Pvh) => elf::inspect_pvh(data),
        Some(Protocol::Multiboot) => multiboot::inspect(data),
        None if linux::is_bzimage(data) => linux::inspect(data),
        None if elf::has_pvh_note(data) => elf::inspect_pvh(data),
        None if multiboot::find_header(data).is_some() => multiboot::inspect(data),
        None if elf::is_elf(data) => elf::inspect_linux(data),
        None => Err(ImageError::Unknown),
    }?;
    check(image, data)
}

/// What has to hold for every image and every protocol.
fn check<'data>(mut image: Image, data: impl ReadRef<'data>) -> Result<Image, ImageError> {
    use ImageError::Damaged;
    let file_size = data.len().map_err(|()| Damaged("its size is unknown"))?;
    image.segments.retain(|segment| segment.size > 0);
    image.segments.sort_by_key(|segment| segment.address);
    for segment in &image.segments {
        check_segment(segment, file_size)?;
    }
    if image.segments.windows(2).any(|s| s[0].end() > s[1].address) {
        return Err(Damaged("two segments overlap"));
    }
    if !image
        .segments
        .iter()
        .any(|s| (s.address..s.end()).contains(&image.entry))
    {
        return Err(Damaged("the entry point is not in any segment"));
    }
    Ok(image)
}

fn check_segment(segment: &Segment, file_size: u64) -> Result<(), ImageError> {
    use ImageError::{Damaged, Unsupported};
    let in_file = segment
        .file_offset
        .checked_add(segment.file_size)
        .is_some_and(|end| end <= file_size);
    if !in_file {
        return Err(Damaged(
            "a segment reaches past the end of the file (truncated?)",
        ));
    }
    if segment.file_size > segment.size {
        return Err(Damaged(
            "a segment has more bytes in the file than in memory",
        ));
    }
    if segment.address.checked_add(segment.size).is_none() {
        return Err(Damaged(
            "a segment reaches past the end of the address space",
        ));
    }
    if segment.address < layout::HIGH_MEMORY {
        return Err(Unsupported(
            "a segment is below 1 MiB, where boot data goes",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
