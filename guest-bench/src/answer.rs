//! Which answer does system call 500 give on this kernel?

use contract::{Benchmark, NOOP_ANSWER, NOOP_SYSCALL};

use crate::syscall;

/// [`Benchmark::Scall`] where the kernel has the `noop` system call,
/// [`Benchmark::Enosys`] where it lacks it, `None` where another call answers.
pub fn ask() -> Option<Benchmark> {
    match syscall::call([NOOP_SYSCALL, 0, 0, 0, 0, 0]) {
        NOOP_ANSWER => Some(Benchmark::Scall),
        answer if answer == syscall::ENOSYS => Some(Benchmark::Enosys),
        _ => None,
    }
}
