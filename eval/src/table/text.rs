//! `table.txt`, in the layout of the original's results file.

use std::fmt::Write;

use super::boots;
use super::number::python;
use crate::summary::{Figures, Row, Summary, TargetInfo, TargetSummary};
use crate::units::{Nanoseconds, Ticks};

/// The table as the original wrote it: a block a target, tabs between, two lines a
/// benchmark. Our additions are lines that its readers skip: notes, above and below,
/// begin with `#`,
/// and marks stand behind a target's name.
pub fn text(summary: &Summary) -> String {
    let mut out = String::new();
    comments(&mut out, &summary.info.headlines());
    for target in &summary.targets {
        block(&mut out, target, summary.is_mixed());
    }
    comments(&mut out, &boots::lines(summary));
    comments(&mut out, &summary.footnotes());
    out
}

// Writing into a `String` cannot fail, hence `let _` below.

fn comments(out: &mut String, notes: &[String]) {
    for note in notes {
        for line in note.lines() {
            let _ = writeln!(out, "# {line}");
        }
    }
}

fn block(out: &mut String, target: &TargetSummary, mixed: bool) {
    let _ = writeln!(out, "{}", heading(&target.info, mixed));
    if let Some(missing) = &target.info.missing {
        let _ = writeln!(out, "{}", one_line(&missing.hint));
    }
    if !target.rows.is_empty() {
        let _ = writeln!(out, "\t\tavg\tmed\tq1\tq3");
    }
    for row in &target.rows {
        lines(out, row);
    }
    out.push('\n');
}

/// The target's line. Its name is the original's whole line; the rest is in brackets.
fn heading(info: &TargetInfo, mixed: bool) -> String {
    let mut heading = one_line(&info.name);
    if mixed {
        let _ = write!(heading, " ({} method)", info.method_name());
    }
    if let Some(missing) = &info.missing {
        let _ = write!(heading, " ({})", one_line(&missing.what));
    }
    if info.emulated {
        let _ = write!(
            heading,
            " (emulated by {}: shows that the pipeline works, measures nothing)",
            one_line(&info.engine)
        );
    }
    if info.boots_failed > 0 {
        let all = u64::from(info.boots_ok) + u64::from(info.boots_failed);
        let _ = write!(heading, " ({} of {all} boots failed)", info.boots_failed);
    }
    heading
}

fn lines(out: &mut String, row: &Row) {
    let name = row.benchmark.name();
    let _ = writeln!(out, "{name}\t\t{}", columns(row.ticks, |Ticks(t)| t));
    if let Some(ns) = row.ns {
        let _ = writeln!(out, "{name}_nsec\t{}", columns(ns, |Nanoseconds(ns)| ns));
    }
}

fn columns<U>(figures: Figures<U>, number: impl Fn(U) -> f64) -> String {
    let f = figures.map(number);
    [f.mean, f.median, f.q1, f.q3].map(python).join("\t")
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
