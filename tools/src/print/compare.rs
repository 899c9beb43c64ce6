//! A comparison of two runs for people, and for programs.

use anyhow::Result;
use eval::compare::{self, ComparedRow};
use runs::stages::compare::Pair;
use serde::Serialize;

use crate::cli::Limit;
use crate::output;

/// A comparison as it is printed, and what `--fail-on` asks about it.
pub struct Judged {
    /// What is printed.
    pub text: String,
    /// A line for each row that became slower or longer by more than the limit.
    pub regressions: Vec<String>,
    /// A line for each row without a verdict.
    pub undecided: Vec<String>,
}

/// Compares times.
pub fn times(pair: &Pair, limit: Option<Limit>, wants_json: bool) -> serde_json::Result<Judged> {
    let comparison = pair.times();
    let text = if wants_json {
        json(&comparison, pair)?
    } else {
        with_doctor(compare::table(&comparison, output::style()), pair)
    };
    let limit = limit.and_then(Limit::share);
    let slower = limit.map(|limit| comparison.regressions(limit).map(change).collect());
    Ok(Judged {
        text,
        regressions: slower.unwrap_or_default(),
        undecided: limit.map_or_else(Vec::new, |limit| comparison.undecided(limit)),
    })
}

/// Compares instructions.
///
/// # Errors
///
/// A trace in a run's folder is damaged.
pub fn instructions(pair: &Pair, limit: Option<Limit>, wants_json: bool) -> Result<Judged> {
    let comparison = pair.instructions()?;
    let text = if wants_json {
        json(&comparison, pair)?
    } else {
        compare::exact_table(&comparison, output::style())
    };
    let least = limit.and_then(Limit::instructions);
    let longer = least.map(|least| comparison.regressions(least));
    Ok(Judged {
        text,
        regressions: longer
            .into_iter()
            .flatten()
            .map(|row| row.in_words())
            .collect(),
        // Without a count in common, nothing was compared.
        undecided: if least.is_some() || comparison.rows.is_empty() {
            comparison.undecided()
        } else {
            Vec::new()
        },
    })
}

/// By how much a row became slower.
fn change(row: &ComparedRow) -> String {
    let change = row.ratio.map_or(f64::NAN, |ratio| 100.0 * (ratio - 1.0));
    format!("{}, {}: {change:+.2} %", row.target, row.benchmark.name())
}

/// The table between what the doctor said of both machines: that one was unfit for
/// measuring comes first, as in every table.
fn with_doctor(table: String, pair: &Pair) -> String {
    let runs = [("before", &pair.before), ("after", &pair.after)];
    let doctors = runs
        .into_iter()
        .filter_map(|(when, run)| Some((when, run.info.doctor.as_ref()?)));
    let (mut above, mut below) = (String::new(), String::new());
    for (when, doctor) in doctors {
        if let Some(unfit) = doctor.headline() {
            above += &fill(&format!("The {when} run: {unfit}"));
        }
        below += &fill(&format!("Doctor, {when} run: {}.", doctor.brief()));
    }
    above + &table + &below
}

fn fill(text: &str) -> String {
    const WIDTH: usize = 80;
    textwrap::fill(text, WIDTH) + "\n"
}

/// The JSON of a comparison.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Compared<'a, C> {
    /// What differs between the runs apart from what is compared, one line each.
    warnings: &'a [String],
    #[serde(flatten)]
    comparison: &'a C,
}

fn json(comparison: &impl Serialize, pair: &Pair) -> serde_json::Result<String> {
    output::json(&Compared {
        warnings: &pair.warnings,
        comparison,
    })
}
