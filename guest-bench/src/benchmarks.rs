//! A set of benchmarks.

use contract::Benchmark;

/// A set of benchmarks, with one bit for each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Benchmarks(u32);

impl Benchmarks {
    /// The benchmarks for which this returns true.
    pub fn that(is_in: impl Fn(Benchmark) -> bool) -> Self {
        let mut set = Self::default();
        for benchmark in Benchmark::ALL.into_iter().filter(|b| is_in(*b)) {
            set.insert(benchmark);
        }
        set
    }

    /// Adds one.
    pub fn insert(&mut self, benchmark: Benchmark) {
        self.0 |= bit(benchmark);
    }

    /// Whether it contains this one.
    pub fn contains(self, benchmark: Benchmark) -> bool {
        self.0 & bit(benchmark) != 0
    }

    /// How many there are.
    pub fn len(self) -> u64 {
        self.0.count_ones().into()
    }

    /// Whether it is empty.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

const fn bit(benchmark: Benchmark) -> u32 {
    1 << benchmark as u32
}
