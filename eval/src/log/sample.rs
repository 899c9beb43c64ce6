use contract::Benchmark;

use crate::units::Ticks;

/// What was read from the counter for one sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// Only the result: the original program divides itself.
    ValueOnly,
    /// The paper's method: one batch.
    Batch {
        /// Operations; 0 for `tsc`.
        ops: u64,
        /// TSC ticks for all of them.
        ticks: u64,
    },
    /// The precise method: a batch of n operations, one of 2n, and the core's clock before and
    /// after.
    Slope {
        /// Offset of the loops' bodies from the start of a cache line, in bytes.
        align: u64,
        /// Operations of the first batch; 0 for `tsc`.
        ops_n: u64,
        /// Its TSC ticks.
        ticks_n: u64,
        /// Operations of the second batch; 0 for `tsc`.
        ops_2n: u64,
        /// Its TSC ticks.
        ticks_2n: u64,
        /// TSC ticks of the clock chain before the sample.
        chain_before: u64,
        /// TSC ticks of the clock chain after it.
        chain_after: u64,
    },
}

/// One sample of a log.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LogSample {
    /// What was timed.
    pub benchmark: Benchmark,
    /// Round, from 0.
    pub round: u32,
    /// What was read from the counter.
    pub reading: Reading,
    /// The cost of one operation; for `tsc`, of one empty measurement.
    pub value: Ticks,
}
