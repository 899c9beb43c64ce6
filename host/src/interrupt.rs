//! Ctrl-C, and similar signals, as a flag.

use std::ffi::c_int;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::{fs, io};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

/// A flag that the first signal sets. A second Ctrl-C ends the process at once; repeated SIGHUP and
/// SIGTERM do not: a closing terminal sends two, and changes have to be undone first. An ignored
/// SIGHUP stays ignored (`nohup`); SIGINT does not, because shells start every background job with
/// it ignored, and `kill -INT` should still stop such a job.
pub fn flag() -> io::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    let impatient = Arc::new(AtomicBool::new(false));
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        if signal == SIGHUP && is_ignored(&status, signal) {
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

/// proc_pid_status(5): a mask in hexadecimal digits, whose lowest bit is signal 1.
fn is_ignored(status: &str, signal: c_int) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nohup_is_respected() {
        let status = "Name:\tx\nSigIgn:\t0000000000001001\nSigCgt:\t0\n";
        assert!(is_ignored(status, SIGHUP));
        assert!(!is_ignored(status, SIGINT));
        assert!(!is_ignored("", SIGHUP));
    }
}
