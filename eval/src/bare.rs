//! Statistics of bare console logs, without a run: `tollgate stats LOG…`.

use std::fmt::Write;

use contract::{Benchmark, Method};
use serde::Serialize;

use crate::counts::Counts;
use crate::log::Log;
use crate::quads;
use crate::stats::{Sorted, StatsError};
use crate::summary::{self, Count};
use crate::units::{Instructions, Ticks};

/// Statistics of one kind of line over all logs, in TSC ticks for one operation.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LineStats {
    /// The name of the lines.
    #[serde(rename = "line", with = "crate::names::benchmark")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub benchmark: Benchmark,
    /// How many there are.
    #[serde(rename = "lines")]
    pub count: u64,
    /// Their mean.
    pub mean: Ticks,
    /// Their median.
    pub median: Ticks,
    /// Their first quartile.
    pub q1: Ticks,
    /// Their third quartile.
    pub q3: Ticks,
}

/// Statistics over the samples of all logs together.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BareStats {
    /// The logs' names.
    pub logs: Vec<String>,
    /// The unit of all values.
    pub unit: &'static str,
    /// One entry for each kind of line, in the tables' order.
    pub stats: Vec<LineStats>,
    /// The same for logs of the exact method, each of them a boot; counts do not have a mean.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub counts: Vec<Count>,
}

/// Pools the samples of named logs.
///
/// # Errors
///
/// [`StatsError::NotFinite`]; a parsed log never contains such a value.
pub fn stats(logs: &[(String, Log)]) -> Result<BareStats, StatsError> {
    let stats = Benchmark::ALL
        .into_iter()
        .filter_map(|benchmark| line_stats(benchmark, logs).transpose())
        .collect::<Result<_, _>>()?;
    let counts = counts(logs);
    Ok(BareStats {
        logs: logs.iter().map(|(name, _)| name.clone()).collect(),
        unit: if counts.is_empty() {
            "TSC ticks for one operation"
        } else {
            "instructions for one operation"
        },
        stats,
        counts,
    })
}

fn counts(logs: &[(String, Log)]) -> Vec<Count> {
    let exact = logs
        .iter()
        .filter(|(_, log)| log.method == Some(Method::Exact));
    let quads = (0..)
        .zip(exact)
        .flat_map(|(boot, (_, log))| quads::of_log("", boot, log).1);
    let quads: Vec<_> = quads.collect();
    let counts: Counts = quads.iter().collect();
    let (counts, _) = summary::counts(counts.benchmarks(""), logs.len() as u32);
    counts
}

fn line_stats(
    benchmark: Benchmark,
    logs: &[(String, Log)],
) -> Result<Option<LineStats>, StatsError> {
    let values: Vec<f64> = logs
        .iter()
        .flat_map(|(_, log)| &log.samples)
        .filter(|sample| sample.benchmark == benchmark)
        .map(|sample| sample.value.0)
        .collect();
    if values.is_empty() {
        return Ok(None);
    }
    let sorted = Sorted::new(values)?;
    Ok(Some(LineStats {
        benchmark,
        count: sorted.values().len() as u64,
        mean: Ticks(sorted.mean()),
        median: Ticks(sorted.median()),
        q1: Ticks(sorted.q1()),
        q3: Ticks(sorted.q3()),
    }))
}

/// The statistics as a Markdown table with six decimals; counts as they are.
pub fn text(stats: &BareStats) -> String {
    if !stats.counts.is_empty() {
        return counted(&stats.counts);
    }
    let mut out =
        String::from("| line | lines | mean | median | q1 | q3 |\n|---|---|---|---|---|---|\n");
    for line in &stats.stats {
        // Writing into a `String` cannot fail.
        let _ = writeln!(
            out,
            "| {} | {} | {:.6} | {:.6} | {:.6} | {:.6} |",
            line.benchmark.name(),
            line.count,
            line.mean.0,
            line.median.0,
            line.q1.0,
            line.q3.0
        );
    }
    out
}

fn counted(counts: &[Count]) -> String {
    let mut out = String::from("| line | lines | instructions | agree |\n|---|---|---|---|\n");
    for count in counts {
        let (each, agree) = match count.instructions {
            Some(Instructions(each)) => (
                each.to_string(),
                format!("{:.1} %", 100.0 * count.agreement),
            ),
            None => ("–".into(), "–".into()),
        };
        // Writing into a `String` cannot fail.
        let _ = writeln!(
            out,
            "| {} | {} | {each} | {agree} |",
            count.benchmark.name(),
            count.samples,
        );
    }
    for count in counts {
        for finding in &count.findings {
            let _ = writeln!(out, "\n{}: {finding}", count.benchmark.name());
        }
    }
    out
}
