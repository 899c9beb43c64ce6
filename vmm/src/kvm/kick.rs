//! Makes one of our threads leave `KVM_RUN`, with a signal. It is the only signal that the
//! filter allows, and only to threads of this process.

use std::io;

use rustix::thread::Pid;
use vmm_sys_util::signal::{SIGRTMIN, register_signal_handler};

use super::error::{KvmError, system};

/// The signal. Its only purpose is to interrupt `KVM_RUN`.
pub fn signal() -> libc::c_int {
    SIGRTMIN()
}

/// Makes the signal interrupt system calls, and do nothing else.
///
/// # Errors
/// The system refuses the handler.
pub fn expect() -> Result<(), KvmError> {
    register_signal_handler(signal(), on_kick)
        .map_err(|source| system("handle a signal")(io::Error::from(source)))
}

extern "C" fn on_kick(_: libc::c_int, _: *mut libc::siginfo_t, _: *mut libc::c_void) {}

/// Interrupts a thread of this process. A thread that is gone needs no kick.
///
/// It does not use the C library's `pthread_kill`: musl's calls `tkill`, which takes only the
/// thread's number and reaches every process.
pub fn kick(thread: Pid) {
    // SAFETY: the call does not access our memory, and the handler does nothing.
    unsafe {
        libc::syscall(
            libc::SYS_tgkill,
            std::process::id(),
            thread.as_raw_nonzero().get(),
            signal(),
        )
    };
}
