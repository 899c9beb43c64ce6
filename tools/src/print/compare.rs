//! A comparison of two runs for people, and for programs.

use eval::compare::Comparison;
use runs::stages::compare::Pair;
use serde::Serialize;

/// The table between what the doctor said of both machines: that one was unfit for
/// measuring comes first, as in every table.
pub fn with_doctor(table: String, pair: &Pair) -> String {
    let runs = [("before", &pair.before), ("after", &pair.after)];
    let doctors = runs
        .into_iter()
        .filter_map(|(when, run)| Some((when, run.info.doctor.as_ref()?)));
    let (mut above, mut below) = (String::new(), String::new());
    for (when, doctor) in doctors {
        if let Some(unfit) = doctor.headline() {
            above += &fill(&format!("The run {when}: {unfit}"));
        }
        below += &fill(&format!("Doctor, {when}: {}.", doctor.brief()));
    }
    above + &table + &below
}

fn fill(text: &str) -> String {
    const WIDTH: usize = 80;
    textwrap::fill(text, WIDTH) + "\n"
}

/// A line for each row that became slower by more than that share.
pub fn regressions(comparison: &Comparison, limit: f64) -> Vec<String> {
    let lines = comparison.regressions(limit).map(|row| {
        let change = row.ratio.map_or(f64::NAN, |ratio| 100.0 * (ratio - 1.0));
        let name = row.benchmark.name();
        format!("{}, {name}: {change:+.2} %", row.target)
    });
    lines.collect()
}

/// As JSON, with what else differs.
pub fn json(comparison: &impl Serialize, pair: &Pair) -> serde_json::Result<String> {
    #[derive(Serialize)]
    struct Output<'a, C> {
        version: u32,
        warnings: &'a [String],
        #[serde(flatten)]
        comparison: &'a C,
    }
    let output = Output {
        version: 1,
        warnings: &pair.warnings,
        comparison,
    };
    serde_json::to_string_pretty(&output).map(|json| json + "\n")
}
