//! What the guest's own kernel reports about itself, printed if we are its init.

use core::ffi::CStr;
use core::fmt;

use contract::Fact;

use crate::console::Log;
use crate::syscall::{self, File, UTSNAME_SIZE};
use crate::take_once::TakeOnce;

const VULNERABILITIES: &str = "/sys/devices/system/cpu/vulnerabilities/";

struct Buffers {
    names: [u8; UTSNAME_SIZE],
    entries: [u8; 2048],
    path: [u8; 128],
    content: [u8; 4096],
}

static BUFFERS: TakeOnce<Buffers> = TakeOnce::new(Buffers {
    names: [0; UTSNAME_SIZE],
    entries: [0; 2048],
    path: [0; 128],
    content: [0; 4096],
});

/// Writes the kernel's name, its release, its mitigations, and its description of the
/// processor, as `meta` records.
pub fn write(log: &mut Log<'_>) -> fmt::Result {
    let Some(buffers) = BUFFERS.take() else {
        return Ok(());
    };
    if let Some((system, release)) = syscall::uname(&mut buffers.names) {
        log.fact(Fact::System, printable(system))?;
        log.fact(Fact::Release, printable(release))?;
    }
    if syscall::mount_sysfs() {
        vulnerabilities(log, buffers)?;
    }
    cpu(log, buffers)
}

/// The lines of /proc/cpuinfo about the first processor, which decide the mitigations.
fn cpu(log: &mut Log<'_>, buffers: &mut Buffers) -> fmt::Result {
    let Some(file) = File::open(c"/proc/cpuinfo") else {
        return Ok(());
    };
    // One read covers the first processor's lines; those of the others are alike.
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
        log.fact_for(Fact::Cpu, name, value)?;
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
                let value = printable(content.trim_ascii());
                log.fact_for(Fact::Vulnerability, name, value)?;
            }
        }
    }
}

/// A file of that folder, or the folder itself; `None` also if the path is longer than `path`.
fn open(path: &mut [u8], name: &str) -> Option<File> {
    let text = VULNERABILITIES.bytes().chain(name.bytes()).chain([0]);
    for (slot, byte) in path.iter_mut().zip(text) {
        *slot = byte;
    }
    File::open(CStr::from_bytes_until_nul(path).ok()?)
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

/// The text, if a log line can contain it.
fn printable(bytes: &[u8]) -> &str {
    match str::from_utf8(bytes) {
        Ok(text) if !text.bytes().any(|b| b.is_ascii_control()) => text,
        _ => "(not printable)",
    }
}
