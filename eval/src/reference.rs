//! The paper's published values: Table 1 of "Unikraft: Fast, Specialized Unikernels the Easy
//! Way" (EuroSys'21). They are always shown separately from what was measured here.

use contract::Benchmark;

use crate::units::{Nanoseconds, Ticks, TscHz, nanoseconds};

/// The label of the paper's values.
pub const SOURCE: &str = "EuroSys'21 paper, Table 1";
/// The paper's machine.
pub const MACHINE: &str = "Intel Core i7-9700K at 3.6 GHz";
/// The frequency that turns the paper's ticks into its nanoseconds.
pub const TSC: TscHz = TscHz(3.6e9);

/// One row of the paper's table, in TSC ticks. The original cut decimals off before
/// its statistics.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Published {
    /// The platform, as the paper names it.
    pub platform: &'static str,
    /// What was timed.
    pub benchmark: Benchmark,
    /// Mean.
    pub mean: Ticks,
    /// Median.
    pub median: Ticks,
    /// First quartile.
    pub q1: Ticks,
    /// Third quartile.
    pub q3: Ticks,
}

impl Published {
    /// The median in nanoseconds on the paper's machine.
    pub fn median_ns(&self) -> Nanoseconds {
        nanoseconds(self.median, TSC)
    }
}

/// The paper's rows.
pub const PUBLISHED: [Published; 4] = [
    scall("Linux/KVM", 222.0, 222.0, 222.0, 222.0),
    scall("Linux/KVM, mitigations=off", 153.75, 154.0, 153.0, 154.0),
    scall("Unikraft/KVM", 84.0, 84.0, 84.0, 84.0),
    Published {
        benchmark: Benchmark::Fcall,
        ..scall("all", 4.06, 4.0, 4.0, 4.0)
    },
];

const fn scall(platform: &'static str, mean: f64, median: f64, q1: f64, q3: f64) -> Published {
    Published {
        platform,
        benchmark: Benchmark::Scall,
        mean: Ticks(mean),
        median: Ticks(median),
        q1: Ticks(q1),
        q3: Ticks(q3),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_give_the_papers_nanoseconds() {
        let printed = PUBLISHED.map(|p| format!("{:.2}", p.median_ns().0));
        assert_eq!(printed, ["61.67", "42.78", "23.33", "1.11"]);
    }
}
