//! What disturbs a benchmark: exits between its mark and its next access to the console.
//!
//! The benchmark keeps its results until it has all of them: when it writes to its console, it
//! no longer measures.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use super::counters::{Counters, Counts};

/// Whether a guest's benchmark is measuring, and what KVM has counted since it started.
#[derive(Debug, Default)]
pub struct Measuring {
    started: OnceLock<Instant>,
    is_on: AtomicBool,
    before: OnceLock<Counts>,
    after: OnceLock<Counts>,
}

impl Measuring {
    /// The benchmark sets its mark; only the first one counts.
    pub fn start(&self, counters: &Counters) {
        if self.started.set(Instant::now()).is_ok() {
            if let Some(counts) = counters.read() {
                let _ = self.before.set(counts);
            }
            self.is_on.store(true, Ordering::Relaxed);
        }
    }

    /// The guest accesses its console.
    pub fn stop(&self, counters: &Counters) {
        if self.is_on.swap(false, Ordering::Relaxed)
            && let Some(counts) = counters.read()
        {
            let _ = self.after.set(counts);
        }
    }

    /// Whether the benchmark is measuring.
    pub fn is_on(&self) -> bool {
        self.is_on.load(Ordering::Relaxed)
    }

    /// When it started, if it did.
    pub fn started(&self) -> Option<Instant> {
        self.started.get().copied()
    }

    /// KVM's counters that grew during the measurement, and by how much.
    pub fn counted(&self) -> Option<Counts> {
        let (before, after) = (self.before.get()?, self.after.get()?);
        let grown = after.iter().filter_map(|(name, after)| {
            let count = after.checked_sub(*before.get(name)?)?;
            (count > 0).then(|| (name.clone(), count))
        });
        Some(grown.collect())
    }
}
