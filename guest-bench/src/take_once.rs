//! Memory that exists from the start, for the one part of the program that takes it.
//!
//! Zeroing memory on the stack would be a call of `memset` through a table of addresses, each
//! of them a relocation in the image.

use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicBool, Ordering};

/// A value that can be taken once.
pub struct TakeOnce<T> {
    taken: AtomicBool,
    value: UnsafeCell<T>,
}

// SAFETY: the value is only borrowed once.
unsafe impl<T: Send> Sync for TakeOnce<T> {}

impl<T> TakeOnce<T> {
    pub const fn new(value: T) -> Self {
        Self {
            taken: AtomicBool::new(false),
            value: UnsafeCell::new(value),
        }
    }

    /// The value, on the first call; `None` afterwards.
    #[expect(clippy::mut_from_ref, reason = "given out once, see the flag")]
    pub fn take(&'static self) -> Option<&'static mut T> {
        let first = !self.taken.swap(true, Ordering::Relaxed);
        // SAFETY: `taken` was false, so that nobody else holds a reference.
        first.then(|| unsafe { &mut *self.value.get() })
    }
}
