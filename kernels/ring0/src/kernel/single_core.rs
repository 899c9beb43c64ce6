//! Statics that change, on a machine where nothing runs at the same time.

use core::cell::UnsafeCell;

/// A static that changes. There is one CPU, interrupts are off for good, and the
/// handlers of exceptions end the machine, so no two accesses ever interleave in a
/// way that both go on.
#[repr(transparent)]
pub struct SingleCore<T>(UnsafeCell<T>);

// SAFETY: one CPU runs this kernel, without interrupts.
unsafe impl<T> Sync for SingleCore<T> {}

impl<T> SingleCore<T> {
    pub const fn new(value: T) -> Self {
        Self(UnsafeCell::new(value))
    }

    /// Runs `action` on the value.
    ///
    /// # Safety
    ///
    /// `action` must not come back to the same static.
    pub unsafe fn with<R>(&self, action: impl FnOnce(&mut T) -> R) -> R {
        // SAFETY: the caller rules out a second reference; the type, other CPUs.
        action(unsafe { &mut *self.0.get() })
    }

    pub const fn pointer(&self) -> *mut T {
        self.0.get()
    }
}
