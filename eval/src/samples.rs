//! Samples of a whole run, and `samples.csv`.
//!
//! A run has millions of samples, so target names are shared, not copied, and the file can be
//! written and read one sample at a time.

mod blocks;
mod columns;
mod error;
mod read;
mod row;
mod write;

use std::sync::Arc;

use contract::Benchmark;

pub(crate) use blocks::{Block, Blocks};
pub use error::SamplesError;
pub use read::Reader;
pub use write::Writer;

use crate::log::{Log, Reading};
use crate::units::Ticks;

/// One sample of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The target's name.
    pub target: Arc<str>,
    /// Which boot of the target.
    pub boot: u32,
    /// What was timed.
    pub benchmark: Benchmark,
    /// Round within the boot, from 0.
    pub round: u32,
    /// What was read from the counter.
    pub reading: Reading,
    /// The cost of one operation; for `tsc`, of one empty measurement.
    pub value: Ticks,
}

/// A boot's samples, from its log.
pub fn of_log(target: Arc<str>, boot: u32, log: &Log) -> impl Iterator<Item = Sample> {
    log.samples.iter().map(move |s| Sample {
        target: target.clone(),
        boot,
        benchmark: s.benchmark,
        round: s.round,
        reading: s.reading,
        value: s.value,
    })
}
