//! What becomes of a system call that the program only tries, with arguments that it refuses.

use crate::names::named;

/// The largest number that is tried, plus one. Linux's x32 calls begin there.
pub const CALLS: u64 = 512;

/// The status with which the program makes `exit` and `exit_group`.
pub const EXIT_STATUS: u64 = 100;

named! {
    /// What became of a system call.
    Tried {
        /// It returned a value.
        Value = "value",
        /// It returned an error: the error's number.
        Error = "error",
        /// It ended the process with [`EXIT_STATUS`], as `exit` is to do.
        Ended = "ended",
        /// It ended the process with a signal: the signal's number.
        Signal = "signal",
        /// It was not tried.
        Skipped = "skipped",
    }
}
