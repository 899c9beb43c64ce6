//! This process.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// When this process began, for a first thread that has only waited for its CPU and its own
/// pages since then: all of its time is CPU time.
pub fn start() -> Instant {
    let used = clock_gettime(ClockId::ThreadCPUTime);
    let used = Duration::try_from(used).unwrap_or_default();
    let now = Instant::now();
    now.checked_sub(used).unwrap_or(now)
}
