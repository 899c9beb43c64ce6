//! The part of bpf(2) that lists need.

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

use super::Hook;

/// Commands of bpf(2) (Linux, include/uapi/linux/bpf.h, enum bpf_cmd).
#[derive(Clone, Copy)]
#[repr(u32)]
pub(super) enum Command {
    ProgramById = 13,
    InfoOfDescriptor = 15,
    BtfById = 19,
    TaskDescriptorQuery = 20,
    LinkById = 30,
    LinkNextId = 31,
}

/// `union bpf_attr`, in which each command has its own fields. Unused fields have to be 0.
#[repr(C, align(8))]
pub(super) struct Attributes(pub [u8; 64]);

impl Attributes {
    /// These words, one after the other.
    fn words<const N: usize>(words: [u32; N]) -> Self {
        let mut attributes = Self([0; 64]);
        for (place, word) in attributes.0.chunks_exact_mut(4).zip(words) {
            place.copy_from_slice(&word.to_ne_bytes());
        }
        attributes
    }

    fn set_address(&mut self, at: usize, address: u64) {
        if let Some(place) = self.0.get_mut(at..at + 8) {
            place.copy_from_slice(&address.to_ne_bytes());
        }
    }

    fn word(&self, at: usize) -> u32 {
        word(&self.0, at)
    }
}

/// The word at that offset; 0 beyond the end.
pub(super) fn word(bytes: &[u8], at: usize) -> u32 {
    let bytes = bytes.get(at..).and_then(|rest| rest.first_chunk());
    bytes.map_or(0, |bytes| u32::from_ne_bytes(*bytes))
}

/// # Safety
///
/// Every address in the attributes must be that of memory which the command may fill, of the
/// given length.
unsafe fn call(command: Command, attributes: &mut Attributes) -> io::Result<i64> {
    let size = size_of::<Attributes>();
    // SAFETY: the kernel reads and writes `size` bytes of the attributes; the caller is
    // responsible for the addresses in them.
    let result = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            command as libc::c_long,
            attributes.0.as_mut_ptr(),
            size,
        )
    };
    match result {
        0.. => Ok(result),
        _ => Err(io::Error::last_os_error()),
    }
}

/// The numbers of all links, in ascending order.
pub(super) fn link_ids() -> io::Result<Vec<u32>> {
    /// `next_id` follows the number to start from.
    const NEXT_ID: usize = 4;
    let mut ids = Vec::new();
    let mut last = 0;
    loop {
        let mut attributes = Attributes::words([last]);
        // SAFETY: these attributes do not contain an address.
        match unsafe { call(Command::LinkNextId, &mut attributes) } {
            Ok(_) => last = attributes.word(NEXT_ID),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(ids),
            Err(error) => return Err(error),
        }
        ids.push(last);
    }
}

/// A descriptor for the program, link or BTF object with that number.
pub(super) fn open(command: Command, id: u32) -> io::Result<OwnedFd> {
    // SAFETY: these attributes do not contain an address.
    let fd = unsafe { call(command, &mut Attributes::words([id])) }?;
    let fd = RawFd::try_from(fd).map_err(|_| io::ErrorKind::InvalidData)?;
    // SAFETY: the kernel has just created it for us, and nobody else has its number.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// The kernel's description of a program, link or BTF object. `ask` has the addresses of
/// buffers to fill, and their lengths; with all zeros, none are filled.
///
/// # Safety
///
/// Every address in `ask` must be that of memory which the kernel may fill, of the given
/// length.
pub(super) unsafe fn describe<const N: usize>(
    descriptor: &OwnedFd,
    ask: [u8; N],
) -> io::Result<[u8; N]> {
    /// `info` follows the descriptor and the length.
    const INFO: usize = 8;
    let mut info = ask;
    let length = u32::try_from(N).unwrap_or(u32::MAX);
    let mut attributes = Attributes::words([descriptor.as_raw_fd() as u32, length]);
    attributes.set_address(INFO, info.as_mut_ptr() as u64);
    // SAFETY: the kernel writes at most N bytes to `info`; the caller is responsible for the
    // rest.
    unsafe { call(Command::InfoOfDescriptor, &mut attributes) }?;
    Ok(info)
}

/// What is attached by a perf event.
pub(super) struct Event {
    pub program: u32,
    pub hook: Hook,
    pub target: String,
}

/// What is attached by a descriptor of another process.
///
/// # Errors
///
/// ENOENT for a perf event without a program.
pub(super) fn query_descriptor(process: u32, fd: u32) -> io::Result<Event> {
    const NAME: usize = 256;
    const ADDRESS: usize = 16;
    const PROGRAM: usize = 24;
    const KIND: usize = 28;
    let mut name = [0; NAME];
    let mut attributes = Attributes::words([process, fd, 0, NAME as u32]);
    attributes.set_address(ADDRESS, name.as_mut_ptr() as u64);
    // SAFETY: the kernel writes at most NAME bytes to `name`.
    unsafe { call(Command::TaskDescriptorQuery, &mut attributes) }?;
    // enum bpf_task_fd_type.
    let hook = match attributes.word(KIND) {
        0 => Hook::RawTracepoint,
        1 => Hook::Tracepoint,
        2 | 3 => Hook::Kprobe,
        4 | 5 => Hook::Uprobe,
        _ => Hook::Other,
    };
    Ok(Event {
        program: attributes.word(PROGRAM),
        hook,
        target: text(&name),
    })
}

/// The text before the first zero.
pub(super) fn text(bytes: &[u8]) -> String {
    let text = CStr::from_bytes_until_nul(bytes).map(CStr::to_string_lossy);
    text.map(String::from).unwrap_or_default()
}
