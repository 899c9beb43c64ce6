//! Bencher Metric Format (bencher.dev/docs/reference/bencher-metric-format): JSON by benchmark
//! and measure, with our own intervals as bounds.

use serde_json::{Map, Value, json};

use super::{instructions, only_counted, timed};
use crate::summary::Summary;
use crate::units::nanoseconds;

/// The measures `latency` (in nanoseconds, Bencher's unit for it), `ticks` and `instructions`.
pub fn bencher(summary: &Summary) -> Value {
    let mut all = Map::new();
    let hz = summary.info.tsc.as_ref().map(|tsc| tsc.hz);
    for (target, row) in timed(summary) {
        let ticks = row.ticks.median_of_boot_medians;
        let ends = row
            .interval
            .as_ref()
            .map(|interval| [interval.low, interval.high]);
        let mut measures = Map::new();
        measures.insert(
            "ticks".into(),
            metric(ticks.0, ends.map(|e| e.map(|t| t.0))),
        );
        if let Some(hz) = hz {
            let ns = |ticks| nanoseconds(ticks, hz).0;
            measures.insert("latency".into(), metric(ns(ticks), ends.map(|e| e.map(ns))));
        }
        if let Some(each) = instructions(summary, target, row.benchmark) {
            measures.insert("instructions".into(), metric(each as f64, None));
        }
        all.insert(
            name(&target.info.name, row.benchmark.name()),
            measures.into(),
        );
    }
    for (target, benchmark, each) in only_counted(summary) {
        let measures = json!({ "instructions": metric(each as f64, None) });
        all.insert(name(target, benchmark.name()), measures);
    }
    all.into()
}

fn name(target: &str, call: &str) -> String {
    format!("{target}/{call}")
}

fn metric(value: f64, ends: Option<[f64; 2]>) -> Value {
    match ends {
        Some([low, high]) => json!({ "value": value, "lower_value": low, "upper_value": high }),
        None => json!({ "value": value }),
    }
}
