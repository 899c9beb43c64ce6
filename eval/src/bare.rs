//! Statistics of bare console logs, without a run around them: `tollgate stats LOG…`.

use std::fmt::Write;

use console_format::Benchmark;
use serde::Serialize;

use crate::log::Log;
use crate::stats::{Sorted, StatsError};
use crate::units::Ticks;

/// Statistics of one kind of line over all logs, in TSC ticks for one operation.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LineStats {
    /// The lines' name.
    #[serde(rename = "line", with = "crate::names::benchmark")]
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

/// Statistics over all logs' samples together.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BareStats {
    /// The logs' names.
    pub logs: Vec<String>,
    /// The unit of all values.
    pub unit: &'static str,
    /// One entry a kind of line, in the tables' order.
    pub stats: Vec<LineStats>,
}

/// Pools the samples of named logs.
///
/// # Errors
///
/// [`StatsError::NotFinite`]; no log that was parsed holds such a value.
pub fn stats(logs: &[(String, Log)]) -> Result<BareStats, StatsError> {
    let stats = Benchmark::ALL
        .into_iter()
        .filter_map(|benchmark| line_stats(benchmark, logs).transpose())
        .collect::<Result<_, _>>()?;
    Ok(BareStats {
        logs: logs.iter().map(|(name, _)| name.clone()).collect(),
        unit: "TSC ticks for one operation",
        stats,
    })
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

/// The statistics as a Markdown table with six decimals.
pub fn text(stats: &BareStats) -> String {
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

/// The statistics as JSON, nothing rounded.
///
/// # Errors
///
/// None that is known; `serde_json` could not write a value that is no finite number.
pub fn json(stats: &BareStats) -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(stats).map(|json| json + "\n")
}
