//! Ctrl-C, and similar signals, as a flag.

use std::ffi::c_int;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::{io, ptr};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

/// A flag that the first signal sets. A second Ctrl-C ends the process at once; repeated SIGHUP and
/// SIGTERM do not: a closing terminal sends two, and changes have to be undone first. An ignored
/// SIGHUP stays ignored (`nohup`); SIGINT does not, because shells start every background job with
/// it ignored, and `kill -INT` should still stop such a job.
pub fn flag() -> io::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    let impatient = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        if signal == SIGHUP && is_ignored(signal) {
            continue;
        }
        if signal == SIGINT {
            // In this order: the first looks at what the second will have set.
            flag::register_conditional_default(signal, impatient.clone())?;
            flag::register(signal, impatient.clone())?;
        }
        flag::register(signal, stop.clone())?;
    }
    Ok(stop)
}

/// Whether the parent process had this signal ignored. (/proc/self/status says that as
/// well, in thirteen system calls.)
fn is_ignored(signal: c_int) -> bool {
    // SAFETY: all zeros are a sigaction.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: without a new action nothing changes, and the old one goes to memory that we own.
    let result = unsafe { libc::sigaction(signal, ptr::null(), &mut action) };
    result == 0 && action.sa_sigaction == libc::SIG_IGN
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ignored_signal_is_seen() {
        // Nothing else in these tests uses it.
        let signal = libc::SIGURG;
        assert!(!is_ignored(signal));
        // SAFETY: ignoring a signal runs no code.
        unsafe { libc::signal(signal, libc::SIG_IGN) };
        assert!(is_ignored(signal));
    }
}
