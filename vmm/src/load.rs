//! Puts a kernel, its initial ramdisk and its command line into guest memory.

use std::fs::File;
use std::io::{self, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use vm_memory::{Bytes, GuestAddress, GuestMemoryError};

use crate::image::{Image, Protocol};
use crate::memory::{Memory, end_of_low_ram};
use crate::{layout, regular_file};

const PAGE: u64 = 0x1000;

/// The places of a loaded guest's parts, as guest physical addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    /// The initial ramdisk's first address and its size, if there is one.
    pub initrd: Option<(u64, u64)>,
}

/// Why a guest cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The kernel ends above the RAM.
    #[error("the kernel needs memory up to {needed} MiB, and the guest has {available} MiB")]
    KernelTooBig {
        /// MiB, from address 0.
        needed: u64,
        /// MiB, from address 0.
        available: u64,
    },
    /// The initial ramdisk does not fit.
    #[error(
        "the initial ramdisk ({size} KiB) does not fit into the {room} KiB that the kernel leaves"
    )]
    InitrdTooBig {
        /// KiB.
        size: u64,
        /// KiB.
        room: u64,
    },
    /// The initial ramdisk cannot be read.
    #[error("cannot read the initial ramdisk {path}: {source}")]
    InitrdUnreadable {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The kernel accepts fewer bytes.
    #[error(
        "the command line has {length} bytes, but the kernel accepts {limit} (fix: shorten it)"
    )]
    CmdlineTooLong {
        /// Bytes, without the closing NUL.
        length: usize,
        /// Bytes, without the closing NUL.
        limit: usize,
    },
    /// A NUL would truncate it.
    #[error("the command line contains a NUL (fix: remove it)")]
    CmdlineNul,
    /// The kernel image cannot be read.
    #[error("cannot read the kernel image: {0}")]
    KernelUnreadable(#[from] io::Error),
    /// An address outside guest memory.
    #[error("outside guest memory: {0}")]
    OutsideMemory(#[from] GuestMemoryError),
}

/// Copies the kernel to its addresses; memory beyond the file's bytes is already zero.
///
/// # Errors
/// The kernel does not fit, or cannot be read.
pub fn kernel(memory: &Memory, file: &mut File, image: &Image) -> Result<(), LoadError> {
    let available = end_of_low_ram(memory);
    if image.end() > available {
        return Err(LoadError::KernelTooBig {
            needed: image.end().div_ceil(1 << 20),
            available: available >> 20,
        });
    }
    for segment in &image.segments {
        file.seek(SeekFrom::Start(segment.file_offset))?;
        let size = segment.file_size as usize;
        memory.read_exact_volatile_from(GuestAddress(segment.address), file, size)?;
    }
    Ok(())
}

/// Copies the initial ramdisk: for Linux to the highest page that the header allows and that
/// the kernel does not use; for the others right after the kernel, as low as possible.
///
/// # Errors
/// It does not fit, or cannot be read.
pub fn initrd(memory: &Memory, path: &Path, image: &Image) -> Result<Loaded, LoadError> {
    let unreadable = |source| LoadError::InitrdUnreadable {
        path: path.to_owned(),
        source,
    };
    let mut file = regular_file::open(path).map_err(unreadable)?;
    let size = file.seek(SeekFrom::End(0)).map_err(unreadable)?;
    file.seek(SeekFrom::Start(0)).map_err(unreadable)?;
    let address = place_initrd(image, end_of_low_ram(memory), size)?;
    memory
        .read_exact_volatile_from(GuestAddress(address), &mut file, size as usize)
        .map_err(|error| unreadable(io::Error::other(error)))?;
    Ok(Loaded {
        initrd: Some((address, size)),
    })
}

fn place_initrd(image: &Image, ram_end: u64, size: u64) -> Result<u64, LoadError> {
    let begin = image.end().next_multiple_of(PAGE);
    // `initrd_addr_max` is the last byte that the ramdisk may occupy.
    let limit = image
        .setup
        .map_or(u64::MAX, |setup| u64::from(setup.initrd_addr_max) + 1);
    let end = ram_end.min(limit) & !(PAGE - 1);
    let room = end.saturating_sub(begin);
    let pages = size.div_ceil(PAGE);
    if pages > room / PAGE {
        return Err(LoadError::InitrdTooBig {
            size: size.div_ceil(1024),
            room: room >> 10,
        });
    }
    Ok(match image.protocol {
        Protocol::Linux64 | Protocol::Pvh => end - pages * PAGE,
        Protocol::Multiboot => begin,
    })
}

/// Checks that the kernel accepts a command line.
///
/// # Errors
/// It is longer than that, or contains a NUL.
pub fn check_cmdline(cmdline: &str, image: &Image) -> Result<(), LoadError> {
    let room = layout::CMDLINE_ROOM - 1;
    let limit = image
        .setup
        .map_or(room, |setup| room.min(setup.cmdline_size as usize));
    if cmdline.len() > limit {
        return Err(LoadError::CmdlineTooLong {
            length: cmdline.len(),
            limit,
        });
    }
    if cmdline.contains('\0') {
        return Err(LoadError::CmdlineNul);
    }
    Ok(())
}

/// Writes the command line with its closing NUL to [`layout::CMDLINE`].
///
/// # Errors
/// Those of [`check_cmdline`].
pub fn cmdline(memory: &Memory, cmdline: &str, image: &Image) -> Result<(), LoadError> {
    check_cmdline(cmdline, image)?;
    let bytes = [cmdline.as_bytes(), b"\0"].concat();
    memory.write_slice(&bytes, GuestAddress(layout::CMDLINE))?;
    Ok(())
}

#[cfg(test)]
mod tests;
