//! Reads a console: our own format, and the original program's.
//!
//! A console holds more than the program's lines: kernel messages, escape
//! sequences, carriage returns, bytes that are no UTF-8. They are skipped. What
//! the program itself printed is either complete or an error: our format ends
//! with a record that counts its lines and carries their checksum. The original's
//! has none; there, each benchmark's values are counted against the rounds that
//! the header names, and a changed digit goes unnoticed.

mod config;
mod error;
mod facts;
mod lines;
mod original;
mod quads;
mod reader;
mod round;
mod sample;
mod tollgate;

use std::collections::BTreeMap;

use contract::{Method, Quad};

pub use config::Config;
pub use error::LogError;
pub use round::LogRound;
pub use sample::{LogSample, Reading};

use crate::units::{CyclesPerTick, cycles_per_tick};

/// Name of the `meta` record that says which answer system call 500 gave.
pub const META_SYSCALL_500: &str = "syscall_500";
/// Name of the `meta` record that says how long the smaller batch was to be, in ticks.
pub const META_BATCH_TICKS: &str = "batch_ticks";
/// Name of the `meta` record that says how large the counter's step is, in ticks.
pub const META_TSC_STEP: &str = "tsc_step";
/// Name of the `meta` record that says how many multiplications stand between the
/// readings of the next two.
pub const META_FENCE_OPS: &str = "fence_ops";
/// Name of the `meta` record that says how many ticks pass at least where an LFENCE
/// comes before the second reading.
pub const META_FENCED: &str = "fenced_ticks";
/// Name of the `meta` record that says how many pass where none does.
pub const META_UNFENCED: &str = "unfenced_ticks";
/// Name of the `meta` record that says the counter's frequency by the guest's CPUID.
pub const META_TSC_KHZ: &str = "tsc_khz";
/// Name of the `meta` record that says how many multiplications a clock chain has.
pub const META_CHAIN_OPS: &str = "chain_ops";

/// Whose format a log is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// The EuroSys'21 program's: values only, no closing record.
    Original,
    /// Ours: raw ticks, facts and a closing record.
    Tollgate,
}

/// What one boot printed, complete and checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Log {
    /// Whose format it is in.
    pub dialect: Dialect,
    /// How the samples were taken; the original does not say.
    pub method: Option<Method>,
    /// The header.
    pub config: Config,
    /// The boot's facts, in the order in which they were printed.
    pub meta: Vec<(String, String)>,
    /// The samples, in the order in which they were printed.
    pub samples: Vec<LogSample>,
    /// The samples of the exact method; in the precise method, checks of its slope.
    pub quads: Vec<Quad>,
    /// What is known of the rounds beside their samples.
    pub rounds: BTreeMap<u32, LogRound>,
}

impl Log {
    /// The first fact of that name.
    pub fn meta(&self, key: &str) -> Option<&str> {
        self.meta
            .iter()
            .find_map(|(k, v)| (k == key).then_some(v.as_str()))
    }

    /// The core's clock before and after a sample, where the sample has clock
    /// chains and the log says how long they are.
    pub fn clock(&self, sample: &LogSample) -> Option<(CyclesPerTick, CyclesPerTick)> {
        let imuls = self.meta(META_CHAIN_OPS)?.parse().ok()?;
        match sample.reading {
            Reading::Slope {
                chain_before,
                chain_after,
                ..
            } => Some((
                cycles_per_tick(imuls, chain_before)?,
                cycles_per_tick(imuls, chain_after)?,
            )),
            _ => None,
        }
    }
}

/// Reads a whole console.
///
/// # Errors
///
/// [`LogError`] for everything but a complete, unchanged log of one boot.
pub fn parse(console: &[u8]) -> Result<Log, LogError> {
    let mut reader = reader::Reader::default();
    for line in lines::Lines::new(console) {
        reader.line(&line)?;
    }
    reader.finish()
}
