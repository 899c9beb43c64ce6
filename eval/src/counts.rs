//! Counts by level: target, benchmark, boot.

use std::collections::BTreeMap;

use contract::Benchmark;

use crate::quads::{RunQuad, instructions};
use crate::units::Instructions;

/// How many samples gave each count. `None`: samples that are not a whole number.
pub type Tally = BTreeMap<Option<Instructions>, u64>;

/// Tallies of one benchmark on one target, boot by boot.
pub type Tallies = BTreeMap<u32, Tally>;

/// A run's counts.
#[derive(Clone, Debug, Default)]
pub struct Counts(BTreeMap<String, BTreeMap<Benchmark, Tallies>>);

impl Counts {
    /// The targets that have counts, by name.
    pub fn targets(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// What was counted on a target, in the tables' order.
    pub fn benchmarks(&self, target: &str) -> impl Iterator<Item = (Benchmark, &Tallies)> {
        let benchmarks = self.0.get(target).into_iter().flatten();
        benchmarks.map(|(benchmark, boots)| (*benchmark, boots))
    }
}

impl<'q> FromIterator<&'q RunQuad> for Counts {
    fn from_iter<I: IntoIterator<Item = &'q RunQuad>>(quads: I) -> Self {
        let mut counts = Self::default();
        for RunQuad { target, boot, quad } in quads {
            let benchmarks = counts.0.entry(target.clone()).or_default();
            let boots = benchmarks.entry(quad.benchmark).or_default();
            let tally = boots.entry(*boot).or_default();
            *tally.entry(instructions(quad)).or_default() += 1;
        }
        counts
    }
}
