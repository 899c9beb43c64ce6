//! The ring buffer, emptied by the measuring process itself between batches (Linux,
//! Documentation/bpf/ringbuf.rst).

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::sys::{self, Attributes, Command};

const PAGE: usize = 4096;
/// Room for 65,536 events of 16 bytes with their headers.
const SIZE: usize = 1 << 20;
/// What one event takes: a header and eight bytes.
const EVENT: u64 = 16;

/// The two positions of a ring buffer.
pub struct Ring {
    consumer: NonNull<AtomicU64>,
    producer: NonNull<AtomicU64>,
}

impl Ring {
    /// The most events that fit between two calls of [`Self::drain`].
    pub const ROOM: u64 = SIZE as u64 / EVENT;

    /// A map.
    pub fn map() -> io::Result<OwnedFd> {
        const RINGBUF: u32 = 27;
        let attributes = Attributes::new().u32(0, RINGBUF).u32(12, SIZE as u32);
        // SAFETY: these attributes do not contain an address.
        unsafe { sys::bpf_fd(Command::MapCreate, &attributes) }
    }

    /// The positions of a map.
    pub fn new(map: &OwnedFd) -> io::Result<Self> {
        Ok(Self {
            consumer: page(map, 0, libc::PROT_READ | libc::PROT_WRITE)?,
            producer: page(map, PAGE, libc::PROT_READ)?,
        })
    }

    /// Takes everything out; returns how many events were in it.
    pub fn drain(&self) -> u64 {
        // SAFETY: both point to positions in pages that stay mapped until drop, and that the
        // kernel also uses atomically.
        let (consumer, producer) = unsafe { (self.consumer.as_ref(), self.producer.as_ref()) };
        let end = producer.load(Ordering::Acquire);
        let begin = consumer.swap(end, Ordering::Release);
        end.wrapping_sub(begin) / EVENT
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        for page in [self.consumer, self.producer] {
            // SAFETY: it was mapped with this length, and nothing else points into it.
            unsafe { libc::munmap(page.as_ptr().cast(), PAGE) };
        }
    }
}

fn page(map: &OwnedFd, offset: usize, access: i32) -> io::Result<NonNull<AtomicU64>> {
    // SAFETY: a new mapping at a place that the kernel chooses.
    let page = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            PAGE,
            access,
            libc::MAP_SHARED,
            map.as_raw_fd(),
            offset as libc::off_t,
        )
    };
    if page == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    NonNull::new(page.cast()).ok_or_else(|| io::ErrorKind::InvalidData.into())
}
