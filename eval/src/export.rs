//! A run's numbers in formats of other tools. Times of an emulator are left out, because they
//! measure nothing; counts of instructions are not.

mod bencher;
mod benchfmt;
mod prometheus;

pub use bencher::bencher;
pub use benchfmt::benchfmt;
pub use prometheus::prometheus;

use contract::Benchmark;

use crate::summary::{Count, Row, Summary, TargetSummary};

/// What a format says about the run as a whole, by name.
pub type Context = Vec<(&'static str, String)>;

/// The instructions of a call on a target: its own, or those of the target that counts for it.
fn instructions(summary: &Summary, target: &TargetSummary, benchmark: Benchmark) -> Option<u64> {
    let counts_for = |other: &&TargetSummary| {
        other.info.name == target.info.name
            || other.info.counts_for.as_deref() == Some(&target.info.name)
    };
    let mut targets = summary.targets.iter().filter(counts_for);
    targets.find_map(|other| {
        let count: &Count = other.counts.iter().find(|c| c.benchmark == benchmark)?;
        Some(count.instructions?.0)
    })
}

/// What was timed on a CPU.
fn timed(summary: &Summary) -> impl Iterator<Item = (&TargetSummary, &Row)> {
    let real = summary
        .targets
        .iter()
        .filter(|target| !target.info.emulated);
    real.flat_map(|target| target.rows.iter().map(move |row| (target, row)))
}

/// What was only counted: no other target shows it.
fn only_counted(summary: &Summary) -> impl Iterator<Item = (&str, Benchmark, u64)> {
    let counted = summary.targets.iter();
    counted.flat_map(move |target| {
        let name = target.info.counts_for.as_ref().unwrap_or(&target.info.name);
        let counts = target.counts.iter().filter(move |count| {
            !timed(summary)
                .any(|(timed, row)| timed.info.name == *name && row.benchmark == count.benchmark)
        });
        counts.filter_map(move |count| Some((&**name, count.benchmark, count.instructions?.0)))
    })
}
