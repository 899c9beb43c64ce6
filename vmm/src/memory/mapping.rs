//! Anonymous memory at a multiple of 2 MiB, so that the host can provide huge pages, and KVM
//! can map them for the guest as huge pages.

use std::ffi::c_void;
use std::ptr;

use rustix::io::Errno;
use rustix::mm::{MapFlags, MprotectFlags, ProtFlags, mmap_anonymous, mprotect, munmap};

const HUGE_PAGE: usize = 2 << 20;

/// A mapping between unused addresses, so that it never becomes part of a neighbouring one.
#[derive(Debug)]
pub struct Mapping {
    reserved: *mut c_void,
    reserved_size: usize,
    begin: *mut c_void,
    size: usize,
}

// SAFETY: the mapping does not belong to a thread, and nothing is accessed through it here.
unsafe impl Send for Mapping {}
// SAFETY: the same.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Readable and writable memory; the system provides pages when they are touched.
    ///
    /// # Errors
    /// The system does not have so many addresses.
    pub fn new(size: usize) -> Result<Self, Errno> {
        let reserved_size = size.checked_add(2 * HUGE_PAGE).ok_or(Errno::NOMEM)?;
        let how = MapFlags::PRIVATE | MapFlags::NORESERVE;
        // SAFETY: new addresses, which the system chooses.
        let reserved =
            unsafe { mmap_anonymous(ptr::null_mut(), reserved_size, ProtFlags::empty(), how) }?;
        let before = HUGE_PAGE - reserved.addr() % HUGE_PAGE;
        let mapping = Self {
            reserved,
            reserved_size,
            begin: reserved.wrapping_byte_add(before),
            size,
        };
        // SAFETY: the range is in the new mapping, which nobody uses yet.
        unsafe {
            mprotect(
                mapping.begin,
                size,
                MprotectFlags::READ | MprotectFlags::WRITE,
            )
        }?;
        Ok(mapping)
    }

    /// Its first byte.
    pub fn begin(&self) -> *mut c_void {
        self.begin
    }

    /// Its size in bytes.
    pub fn size(&self) -> usize {
        self.size
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: it is ours, and the owner guarantees that nothing uses it.
        let _ = unsafe { munmap(self.reserved, self.reserved_size) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mappings_lie_at_multiples_of_a_huge_page() {
        let sizes = [1 << 20, HUGE_PAGE, 3 << 20, 5 << 20];
        let mappings = sizes.map(|size| Mapping::new(size).unwrap());
        for (mapping, size) in mappings.iter().zip(sizes) {
            assert_eq!(mapping.begin().addr() % HUGE_PAGE, 0);
            assert_eq!(mapping.size(), size);
            // SAFETY: the last byte of our own mapping.
            unsafe { mapping.begin().cast::<u8>().add(size - 1).write(1) };
        }
        assert_eq!(Mapping::new(usize::MAX).unwrap_err(), Errno::NOMEM);
        assert!(Mapping::new(usize::MAX >> 1).is_err());
    }
}
