//! Prometheus' text format, for the textfile collector of its node exporter.

use std::fmt::Write;

use super::{Context, instructions, only_counted, timed};
use crate::summary::Summary;
use crate::units::{TscHz, nanoseconds};

/// Gauges by target and benchmark. `context` becomes the labels of `tollgate_run_info`, and `ended`
/// is when the run ended, in seconds since 1970.
pub fn prometheus(summary: &Summary, context: &Context, ended: Option<f64>) -> String {
    let mut out = String::new();
    let labels: Vec<_> = context
        .iter()
        .map(|(k, v)| format!("{k}=\"{}\"", label(v)))
        .collect();
    head(&mut out, "run_info", "What was measured, and where.");
    let _ = writeln!(out, "tollgate_run_info{{{}}} 1", labels.join(","));
    if let Some(doctor) = &summary.info.doctor {
        head(
            &mut out,
            "machine_fit",
            "Whether the machine was fit for measuring.",
        );
        let _ = writeln!(out, "tollgate_machine_fit {}", u8::from(doctor.fit));
    }
    if let Some(ended) = ended {
        head(&mut out, "run_end_time_seconds", "When the run ended.");
        let _ = writeln!(out, "tollgate_run_end_time_seconds {ended}");
    }
    ticks(&mut out, summary);
    if let Some(tsc) = &summary.info.tsc {
        seconds(&mut out, summary, tsc.hz);
    }
    counts(&mut out, summary);
    out
}

fn ticks(out: &mut String, summary: &Summary) {
    head(
        out,
        "operation_ticks",
        "TSC ticks for one operation: the median of the boots' medians.",
    );
    for (target, row) in timed(summary) {
        let labels = labels(&target.info.name, row.benchmark.name());
        let value = row.ticks.median_of_boot_medians.0;
        let _ = writeln!(out, "tollgate_operation_ticks{{{labels}}} {value}");
    }
    head(out, "operation_ticks_bound", "Ends of its 95 % interval.");
    for (target, row) in timed(summary) {
        let labels = labels(&target.info.name, row.benchmark.name());
        if let Some(interval) = &row.interval {
            for (bound, end) in [("lower", interval.low), ("upper", interval.high)] {
                let value = end.0;
                let _ = writeln!(
                    out,
                    "tollgate_operation_ticks_bound{{{labels},bound=\"{bound}\"}} {value}"
                );
            }
        }
    }
}

fn seconds(out: &mut String, summary: &Summary, hz: TscHz) {
    head(out, "operation_seconds", "The same in seconds.");
    for (target, row) in timed(summary) {
        let labels = labels(&target.info.name, row.benchmark.name());
        let ns = nanoseconds(row.ticks.median_of_boot_medians, hz).0;
        let _ = writeln!(out, "tollgate_operation_seconds{{{labels}}} {}", ns / 1e9);
    }
}

fn counts(out: &mut String, summary: &Summary) {
    head(
        out,
        "operation_instructions",
        "Instructions for one operation.",
    );
    let of_timed = timed(summary).filter_map(|(target, row)| {
        let each = instructions(summary, target, row.benchmark)?;
        Some((target.info.name.as_str(), row.benchmark, each))
    });
    for (target, benchmark, each) in of_timed.chain(only_counted(summary)) {
        let labels = labels(target, benchmark.name());
        let _ = writeln!(out, "tollgate_operation_instructions{{{labels}}} {each}");
    }
}

fn head(out: &mut String, name: &str, help: &str) {
    let _ = writeln!(
        out,
        "# HELP tollgate_{name} {help}\n# TYPE tollgate_{name} gauge"
    );
}

fn labels(target: &str, call: &str) -> String {
    format!("target=\"{}\",benchmark=\"{}\"", label(target), label(call))
}

fn label(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('"', "\\\"");
    text.replace('\n', "\\n")
}
