//! Mutable statics, on a machine where nothing runs at the same time.

use core::cell::UnsafeCell;

/// A mutable static. There is one CPU, interrupts are permanently off, and exception handlers
/// end the machine, so two accesses never interleave such that both continue.
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
    /// `action` must not access the same static again.
    pub unsafe fn with<R>(&self, action: impl FnOnce(&mut T) -> R) -> R {
        // SAFETY: the caller rules out a second reference from here, the type one from another
        // CPU.
        action(unsafe { &mut *self.0.get() })
    }

    pub const fn pointer(&self) -> *mut T {
        self.0.get()
    }
}
