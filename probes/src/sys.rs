//! bpf(2) and perf_event_open(2).

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

/// Commands of bpf(2) (Linux, include/uapi/linux/bpf.h, enum bpf_cmd).
#[derive(Clone, Copy)]
#[repr(u32)]
pub enum Command {
    MapCreate = 0,
    MapUpdate = 2,
    ProgramLoad = 5,
    InfoOfDescriptor = 15,
    RawTracepointOpen = 17,
    LinkCreate = 28,
    EnableStatistics = 32,
}

/// `union bpf_attr` or `struct perf_event_attr`: fields at offsets; unused fields are 0.
#[repr(C, align(8))]
#[derive(Clone, Copy)]
pub struct Attributes([u8; 128]);

impl Attributes {
    pub const fn new() -> Self {
        Self([0; 128])
    }

    pub fn u32(self, at: usize, value: u32) -> Self {
        self.bytes(at, &value.to_ne_bytes())
    }

    pub fn u64(self, at: usize, value: u64) -> Self {
        self.bytes(at, &value.to_ne_bytes())
    }

    /// The address of a value that outlives the call.
    pub fn address<T: ?Sized>(self, at: usize, value: &T) -> Self {
        self.u64(at, std::ptr::from_ref(value).cast::<u8>() as u64)
    }

    pub fn fd(self, at: usize, fd: &OwnedFd) -> Self {
        self.u32(at, fd.as_raw_fd() as u32)
    }

    fn bytes(mut self, at: usize, bytes: &[u8]) -> Self {
        if let Some(place) = self.0.get_mut(at..at + bytes.len()) {
            place.copy_from_slice(bytes);
        }
        self
    }
}

/// # Safety
///
/// Every address in the attributes must be that of memory which the command may read or fill.
pub unsafe fn bpf(command: Command, attributes: &Attributes) -> io::Result<i64> {
    // SAFETY: the kernel reads `attributes`; the caller is responsible for the addresses in it.
    result(unsafe {
        libc::syscall(
            libc::SYS_bpf,
            command as libc::c_long,
            attributes.0.as_ptr(),
            size_of::<Attributes>(),
        )
    })
}

/// A command whose answer is a descriptor.
///
/// # Safety
///
/// As [`bpf`].
pub unsafe fn bpf_fd(command: Command, attributes: &Attributes) -> io::Result<OwnedFd> {
    // SAFETY: the caller has promised it.
    owned(unsafe { bpf(command, attributes) }?)
}

/// A perf event of a process (-1: of all) on a CPU (-1: on all), for a BPF program to be set.
///
/// # Safety
///
/// As [`bpf`].
pub unsafe fn perf_event(attributes: &Attributes, pid: i32, cpu: i32) -> io::Result<OwnedFd> {
    const SIZE: usize = 4;
    // linux/perf_event.h: PERF_FLAG_FD_CLOEXEC.
    const CLOSE_ON_EXEC: libc::c_ulong = 1 << 3;
    let attributes = attributes.u32(SIZE, 72);
    // SAFETY: the kernel reads 72 bytes; the caller is responsible for the addresses in them.
    let fd = result(unsafe {
        libc::syscall(
            libc::SYS_perf_event_open,
            attributes.0.as_ptr(),
            pid,
            cpu,
            -1,
            CLOSE_ON_EXEC,
        )
    })?;
    owned(fd)
}

/// Lets a program run at each of an event's occurrences.
pub fn set_program(event: &OwnedFd, program: &OwnedFd) -> io::Result<()> {
    // linux/perf_event.h: PERF_EVENT_IOC_SET_BPF, PERF_EVENT_IOC_ENABLE.
    const SET_BPF: libc::Ioctl = 0x4004_2408;
    const ENABLE: libc::Ioctl = 0x2400;
    // SAFETY: both requests take a number, not an address.
    unsafe {
        result(libc::ioctl(event.as_raw_fd(), SET_BPF, program.as_raw_fd()).into())?;
        result(libc::ioctl(event.as_raw_fd(), ENABLE, 0).into())?;
    }
    Ok(())
}

fn result(returned: libc::c_long) -> io::Result<i64> {
    match returned {
        0.. => Ok(returned),
        _ => Err(io::Error::last_os_error()),
    }
}

fn owned(fd: i64) -> io::Result<OwnedFd> {
    let fd = RawFd::try_from(fd).map_err(|_| io::ErrorKind::InvalidData)?;
    // SAFETY: the kernel has just created it for us, and nobody else has its number.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Mounts a file system that needs no device; one that is mounted already is fine.
pub fn mount(kind: &CStr, at: &CStr) -> io::Result<()> {
    // SAFETY: all are texts that end with a zero.
    let done = unsafe {
        libc::mount(
            kind.as_ptr(),
            at.as_ptr(),
            kind.as_ptr(),
            0,
            std::ptr::null(),
        )
    };
    match result(done.into()) {
        Err(error) if error.raw_os_error() == Some(libc::EBUSY) => Ok(()),
        done => done.map(|_| ()),
    }
}
