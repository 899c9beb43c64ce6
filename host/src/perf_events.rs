//! The perf events that processes hold, and whether one of them counts our own system calls:
//! `perf trace` works like that, and no switch in tracefs shows it.
//!
//! The kernel does not show what another process's event counts. But a process that may trace
//! the other one can get a copy of its descriptor (pidfd_getfd(2)), and reading a count does
//! not change it: an event that grows by the number of calls that we make counts them.

use std::collections::BTreeMap;
use std::os::fd::{AsRawFd, OwnedFd};

use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, getppid, pidfd_getfd, pidfd_open};

use crate::holders::{self, Held, Process};
use crate::tree::Tree;

/// The perf events of one process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PerfEvents {
    /// The process that holds them.
    pub process: Process,
    /// How many there are.
    pub events: usize,
    /// How many of them count a tracepoint.
    pub tracepoints: usize,
    /// Whether one of those counts each of our system calls on this CPU.
    pub counts_our_calls: bool,
}

/// The number of calls that reveal which event counts them: far more than other programs make
/// in the millisecond that it takes, and far fewer than the nanoseconds in that time.
const CALLS: u64 = 2_000;

/// All perf events of other processes. The calling thread should stay on one CPU during this
/// call. A process that this one may not trace is listed with 0 tracepoints.
pub fn of_others(tree: &Tree) -> Vec<PerfEvents> {
    let own = std::process::id();
    let mut found: BTreeMap<Process, (usize, Vec<OwnedFd>)> = BTreeMap::new();
    for holder in holders::all(tree) {
        if let Held::PerfEvent { fd } = holder.what
            && holder.process.id != own
        {
            let copy = copy(holder.process.id, fd);
            let (events, tracepoints) = found.entry(holder.process).or_default();
            *events += 1;
            tracepoints.extend(copy.filter(is_tracepoint));
        }
    }
    let before: Vec<_> = found.values().map(|(_, fds)| read_all(fds)).collect();
    if before.iter().any(|counts| !counts.is_empty()) {
        for _ in 0..CALLS {
            let _ = getppid();
        }
    }
    let found = found.into_iter().zip(before);
    found
        .map(|((process, (events, fds)), before)| PerfEvents {
            process,
            events,
            tracepoints: fds.len(),
            counts_our_calls: counts_calls(&before, &read_all(&fds)),
        })
        .collect()
}

/// A copy of another process's descriptor.
fn copy(process: u32, fd: u32) -> Option<OwnedFd> {
    let process = Pid::from_raw(process.try_into().ok()?)?;
    let process = pidfd_open(process, PidfdFlags::empty()).ok()?;
    pidfd_getfd(process, fd.try_into().ok()?, PidfdGetfdFlags::empty()).ok()
}

/// PERF_EVENT_IOC_QUERY_BPF, which answers EINVAL for every event without a tracepoint (Linux,
/// kernel/trace/bpf_trace.c, perf_event_query_prog_array).
fn is_tracepoint(event: &OwnedFd) -> bool {
    const QUERY_BPF: libc::c_ulong = 0xc008_240a;
    // No room for the programs' numbers, and a place for their count.
    let mut query = [0_u32; 2];
    // SAFETY: the kernel reads the first word and writes the second; with a first word of 0, it
    // accesses nothing else.
    let result = unsafe { libc::ioctl(event.as_raw_fd(), QUERY_BPF as _, query.as_mut_ptr()) };
    result >= 0 || std::io::Error::last_os_error().raw_os_error() != Some(libc::EINVAL)
}

/// What reading each event returns: its count, and what else was requested when it was opened
/// (perf_event_open(2), "Reading results").
fn read_all(events: &[OwnedFd]) -> Vec<Vec<u64>> {
    events.iter().map(read).collect()
}

fn read(event: &OwnedFd) -> Vec<u64> {
    let mut bytes = [0; 4096];
    let length = rustix::io::read(event, &mut bytes).unwrap_or(0);
    let words = bytes.get(..length).unwrap_or_default().chunks_exact(8);
    words
        .map(|word| {
            word.iter()
                .rev()
                .fold(0, |all, byte| all << 8 | u64::from(*byte))
        })
        .collect()
}

/// Whether any figure grew by at least our calls and at most half as much again. A figure of
/// time grows by fifty times as much or more.
fn counts_calls(before: &[Vec<u64>], after: &[Vec<u64>]) -> bool {
    let before = before.iter().flatten();
    let after = after.iter().flatten();
    before
        .zip(after)
        .map(|(before, after)| after.wrapping_sub(*before))
        .any(|grown| (CALLS..=CALLS + CALLS / 2).contains(&grown))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_that_grows_by_our_calls_counts_them() {
        let grew = |by: u64| counts_calls(&[vec![7, 500]], &[vec![7 + by, 500 + 300_000]]);
        assert!(grew(CALLS));
        assert!(grew(CALLS + 3));
        assert!(!grew(CALLS - 1));
        assert!(!grew(CALLS * 2));
        assert!(!counts_calls(&[vec![]], &[vec![]]));
    }
}
