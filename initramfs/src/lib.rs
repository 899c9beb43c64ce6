//! Builds the archive that a Linux guest unpacks as its root file system: `/init` and what init
//! needs, in the "newc" format (Linux,
//! Documentation/driver-api/early-userspace/buffer-format.rst).
//!
//! The same input gives the same bytes: times, inode numbers, owners and the order are fixed.
//! Nothing is created on the host, so creating the device node does not need root.
//!
//! ```
//! use initramfs::{Compression, build};
//! let archive = build(b"\x7fELF...", Compression::None)?;
//! assert_eq!(&archive[..6], b"070701");
//! assert_eq!(archive, build(b"\x7fELF...", Compression::None)?);
//! # Ok::<(), std::io::Error>(())
//! ```

use std::io::{self, Write};

use cpio::newc::{self, ModeFileType};
use flate2::write::GzEncoder;

/// How the archive is compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// RFC 1952, at the highest level.
    #[default]
    Gzip,
    /// RFC 8878.
    Zstd,
}

/// The archive that makes `init` the first process of a Linux guest.
///
/// # Errors
///
/// `init` is larger than the format's 4 GiB. Writing to memory does not fail.
pub fn build(init: &[u8], compression: Compression) -> io::Result<Vec<u8>> {
    let archive = archive(init)?;
    match compression {
        Compression::None => Ok(archive),
        Compression::Gzip => gzip(&archive),
        Compression::Zstd => zstd::encode_all(archive.as_slice(), ZSTD_LEVEL),
    }
}

/// A small archive does not become smaller beyond this level.
const ZSTD_LEVEL: i32 = 19;

fn gzip(archive: &[u8]) -> io::Result<Vec<u8>> {
    // The header's time stays 0 unless it is set.
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(archive)?;
    encoder.finish()
}

/// `console`'s device number (Linux, Documentation/admin-guide/devices.txt).
const CONSOLE: (u32, u32) = (5, 1);

fn archive(init: &[u8]) -> io::Result<Vec<u8>> {
    use ModeFileType::{Char, Directory, Regular};
    let entries = [
        // Where the kernel looks for init's standard input and output.
        Entry::new("dev", Directory, 0o755),
        Entry::new("dev/console", Char, 0o600).device(CONSOLE),
        // Where init mounts the file systems in which the kernel describes itself.
        Entry::new("proc", Directory, 0o555),
        Entry::new("sys", Directory, 0o555),
        Entry::new("init", Regular, 0o755).content(init),
    ];
    let mut out = Vec::new();
    for (entry, inode) in entries.into_iter().zip(1..) {
        out = entry.append_to(out, inode)?;
    }
    newc::trailer(out)
}

struct Entry<'a> {
    path: &'static str,
    kind: ModeFileType,
    permissions: u32,
    device: (u32, u32),
    content: &'a [u8],
}

impl<'a> Entry<'a> {
    fn new(path: &'static str, kind: ModeFileType, permissions: u32) -> Self {
        Self {
            path,
            kind,
            permissions,
            device: (0, 0),
            content: &[],
        }
    }

    fn device(self, device: (u32, u32)) -> Self {
        Self { device, ..self }
    }

    fn content(self, content: &'a [u8]) -> Self {
        Self { content, ..self }
    }

    fn append_to(self, out: Vec<u8>, inode: u32) -> io::Result<Vec<u8>> {
        let size = u32::try_from(self.content.len()).map_err(|_| {
            let path = self.path;
            io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("{path} is larger than the 4 GiB that a newc archive can hold"),
            )
        })?;
        let (major, minor) = self.device;
        let mut entry = newc::Builder::new(self.path)
            .ino(inode)
            .mode(self.permissions)
            .set_mode_file_type(self.kind)
            .nlink(1)
            .rdev_major(major)
            .rdev_minor(minor)
            .write(out, size);
        entry.write_all(self.content)?;
        entry.finish()
    }
}
