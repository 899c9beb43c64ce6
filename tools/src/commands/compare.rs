//! `tollgate compare`: did it become faster or slower, or take more instructions?

mod differences;

use anyhow::{Result, bail};
use eval::compare::{self, Comparison};
use eval::summary::Summary;
use serde::Serialize;

use self::differences::Differences;
use crate::cli::{CompareArgs, Limit};
use crate::commands::{parse, report};
use crate::exit::Code;
use crate::output;
use runs::run::{Manifest, RunFolder};
use runs::trace::kept;

/// The runs differ in what no comparison may pass over.
#[derive(Debug, thiserror::Error)]
#[error(
    "these runs cannot be compared: {}; if that is what you want to compare, add --despite {}",
    .reasons.join("; "), .names.join(",")
)]
pub struct NotComparable {
    reasons: Vec<String>,
    names: Vec<&'static str>,
}

/// Compares two runs.
pub fn run(args: &CompareArgs) -> Result<Code> {
    let [before, after] = [&args.before, &args.after].map(|path| RunFolder::open(path));
    let (before, after) = (before?, after?);
    parse::check_manifest(&before)?;
    parse::check_manifest(&after)?;
    let manifests = (Manifest::read(&before)?, Manifest::read(&after)?);
    let summaries = (
        report::read_summary(&before)?,
        report::read_summary(&after)?,
    );
    let differences = match args.exact {
        true => Differences::of_counts(&manifests.0, &manifests.1),
        false => Differences::of(&manifests.0, &manifests.1),
    };
    let refused = differences
        .grave
        .iter()
        .filter(|d| !args.despite.contains(&d.0));
    let refused: Vec<_> = refused.collect();
    if !refused.is_empty() {
        bail!(NotComparable {
            reasons: refused.iter().map(|(_, reason)| reason.clone()).collect(),
            names: refused.iter().map(|(what, _)| what.name()).collect(),
        });
    }
    if args.exact {
        return exact(args, [&before, &after], &summaries, &differences);
    }
    let comparison = compare::compare(&summaries.0, &summaries.1);
    for warning in differences.warnings() {
        tell!("warning: {warning}");
    }
    output::print(&match args.json {
        true => json(&comparison, &differences)?,
        false => with_doctor(
            compare::table(&comparison, output::style()),
            [("before", &summaries.0), ("after", &summaries.1)],
        ),
    })?;
    Ok(match args.fail_on {
        Some(limit) => judge(&comparison, limit.share()),
        None => Code::Done,
    })
}

/// Compares instructions.
fn exact(
    args: &CompareArgs,
    runs: [&RunFolder; 2],
    summaries: &(Summary, Summary),
    differences: &Differences,
) -> Result<Code> {
    let least = args.fail_on.map(Limit::instructions);
    if least == Some(None) {
        tell!("tollgate: instructions are whole numbers; write --exact --fail-on 1");
        return Ok(Code::Usage);
    }
    let [before, after] = runs.map(|run| kept::read(run.path()));
    let comparison = compare::compare_exact((&summaries.0, &before?), (&summaries.1, &after?));
    for warning in differences.warnings() {
        tell!("warning: {warning}");
    }
    output::print(&match args.json {
        true => json(&comparison, differences)?,
        false => compare::exact_table(&comparison, output::style()),
    })?;
    let Some(least) = least.flatten() else {
        return Ok(Code::Done);
    };
    let mut longer = comparison.regressions(least).peekable();
    if longer.peek().is_some() {
        for row in longer {
            tell!("regression: {}", row.in_words());
        }
        return Ok(Code::Regression);
    }
    Ok(cannot_tell(&comparison.undecided()))
}

/// The table between what the doctor said of both machines: that one was unfit for
/// measuring comes first, as in every table.
fn with_doctor(table: String, runs: [(&str, &Summary); 2]) -> String {
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

fn judge(comparison: &Comparison, limit: f64) -> Code {
    let mut regressions = comparison.regressions(limit).peekable();
    if regressions.peek().is_some() {
        for row in regressions {
            let change = row.ratio.map_or(f64::NAN, |ratio| 100.0 * (ratio - 1.0));
            let name = row.benchmark.name();
            tell!("regression: {}, {name}: {change:+.2} %", row.target);
        }
        return Code::Regression;
    }
    cannot_tell(&comparison.undecided(limit))
}

/// Done, or each row of which it cannot be told.
fn cannot_tell(undecided: &[String]) -> Code {
    for row in undecided {
        tell!("cannot tell: {row}");
    }
    match undecided.is_empty() {
        true => Code::Done,
        false => Code::CannotTell,
    }
}

fn json(comparison: &impl Serialize, differences: &Differences) -> serde_json::Result<String> {
    #[derive(Serialize)]
    struct Output<'a, C> {
        version: u32,
        warnings: Vec<String>,
        #[serde(flatten)]
        comparison: &'a C,
    }
    let output = Output {
        version: 1,
        warnings: differences.warnings(),
        comparison,
    };
    serde_json::to_string_pretty(&output).map(|json| json + "\n")
}
