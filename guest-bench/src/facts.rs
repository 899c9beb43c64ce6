//! What the guest's own kernel says of itself, told when we are its init.

use core::ffi::CStr;
use core::fmt;

use contract::Encoder;

use crate::console::Console;
use crate::syscall::{self, File, UTSNAME_SIZE};
use crate::take_once::TakeOnce;

const VULNERABILITIES: &str = "/sys/devices/system/cpu/vulnerabilities/";
const KEY: &str = "vulnerability.";

struct Buffers {
    names: [u8; UTSNAME_SIZE],
    entries: [u8; 2048],
    path: [u8; 128],
    key: [u8; 128],
    content: [u8; 4096],
}

static BUFFERS: TakeOnce<Buffers> = TakeOnce::new(Buffers {
    names: [0; UTSNAME_SIZE],
    entries: [0; 2048],
    path: [0; 128],
    key: [0; 128],
    content: [0; 4096],
});

type Log<'c> = Encoder<&'c mut Console>;

/// Writes the kernel's name, its release, its mitigations, and what it says of the
/// processor, as `meta` records.
pub fn write(log: &mut Log<'_>) -> fmt::Result {
    let Some(buffers) = BUFFERS.take() else {
        return Ok(());
    };
    if let Some((system, release)) = syscall::uname(&mut buffers.names) {
        log.meta("system", printable(system))?;
        log.meta("release", printable(release))?;
    }
    if syscall::mount_sysfs() {
        vulnerabilities(log, buffers)?;
    }
    cpu(log, buffers)
}

/// What /proc/cpuinfo says of the first processor. Mitigations are chosen by it.
fn cpu(log: &mut Log<'_>, buffers: &mut Buffers) -> fmt::Result {
    let Some(file) = File::open(c"/proc/cpuinfo") else {
        return Ok(());
    };
    // One reading holds the first processor's lines; the others' are alike.
    let content = file.read(&mut buffers.content);
    let first = content
        .split(|&byte| byte == b'\n')
        .take_while(|line| !line.is_empty());
    for line in first {
        let mut parts = line.splitn(2, |&byte| byte == b':');
        let (Some(name), Some(value)) = (parts.next(), parts.next()) else {
            continue;
        };
        let (name, value) = (printable(name.trim_ascii()), printable(value.trim_ascii()));
        log.meta(join(&mut buffers.key, "cpu.", name), value)?;
    }
    Ok(())
}

fn vulnerabilities(log: &mut Log<'_>, buffers: &mut Buffers) -> fmt::Result {
    let Some(folder) = open(&mut buffers.path, "") else {
        return Ok(());
    };
    loop {
        let entries = folder.entries(&mut buffers.entries);
        if entries.is_empty() {
            return Ok(());
        }
        for name in names(entries).filter(|name| !name.starts_with('.')) {
            if let Some(file) = open(&mut buffers.path, name) {
                let content = file.read(&mut buffers.content);
                let key = join(&mut buffers.key, KEY, name);
                log.meta(key, printable(content.trim_ascii()))?;
            }
        }
    }
}

fn open(path: &mut [u8], name: &str) -> Option<File> {
    join(path, VULNERABILITIES, name);
    File::open(CStr::from_bytes_until_nul(path).ok()?)
}

/// Both texts behind each other and a zero byte; cut off where the buffer ends.
fn join<'b>(buffer: &'b mut [u8], prefix: &str, name: &str) -> &'b str {
    let room = buffer.len().saturating_sub(1);
    let text = prefix.bytes().chain(name.bytes()).take(room);
    let mut length = 0;
    for (slot, byte) in buffer.iter_mut().zip(text) {
        *slot = byte;
        length += 1;
    }
    if let Some(slot) = buffer.get_mut(length) {
        *slot = 0;
    }
    printable(buffer.get(..length).unwrap_or_default())
}

/// The names in a buffer of `struct linux_dirent64` (getdents64(2)).
fn names(mut entries: &[u8]) -> impl Iterator<Item = &str> {
    const LENGTH: usize = 16;
    const NAME: usize = 19;
    core::iter::from_fn(move || {
        let length = u16::from_le_bytes([*entries.get(LENGTH)?, *entries.get(LENGTH + 1)?]);
        let name = entries.get(NAME..usize::from(length))?;
        entries = entries.get(usize::from(length)..)?;
        Some(printable(syscall::until_zero(name)))
    })
}

/// The text if a log line can hold it.
fn printable(bytes: &[u8]) -> &str {
    match str::from_utf8(bytes) {
        Ok(text) if !text.bytes().any(|b| b.is_ascii_control()) => text,
        _ => "(not printable)",
    }
}
