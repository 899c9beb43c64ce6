//! `table.txt`, in the layout of the original's results file.

use std::fmt::Write;

use contract::Method;

use super::number::python;
use super::{boots, grid};
use crate::summary::{Figures, Platform, Row, Summary};
use crate::units::{Nanoseconds, Ticks};

/// The table as the original wrote it: one block per target, tabs between fields, two lines per
/// benchmark. Our additions are lines that its readers skip: notes above and below begin with
/// `#`, and marks follow a target's name.
pub fn text(summary: &Summary) -> String {
    let mut out = String::new();
    comments(&mut out, &summary.info.headlines());
    for platform in summary.platforms() {
        block(&mut out, &platform, summary.is_mixed());
    }
    comments(&mut out, &counts(summary));
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

fn block(out: &mut String, platform: &Platform<'_>, mixed: bool) {
    let target = platform.target;
    let _ = writeln!(out, "{}", heading(platform, mixed));
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

/// The target's line. In the original, the name is the whole line; the rest is in brackets.
fn heading(platform: &Platform<'_>, mixed: bool) -> String {
    let info = &platform.target.info;
    let mut heading = one_line(&info.name);
    if mixed && info.method != Some(Method::Exact) {
        let _ = write!(heading, " ({} method)", info.method_name());
    }
    if let Some(missing) = &info.missing {
        let _ = write!(heading, " ({})", one_line(&missing.what));
    }
    if platform.is_emulated() {
        let _ = write!(
            heading,
            " (emulated by {}: shows that the pipeline works, does not measure time)",
            one_line(&info.engine)
        );
    }
    if let Some(on) = platform
        .counted_on()
        .filter(|_| platform.target.rows.is_empty())
    {
        let _ = write!(heading, " ({})", one_line(&on));
    }
    if info.boots_failed > 0 {
        let all = u64::from(info.boots_ok) + u64::from(info.boots_failed);
        let _ = write!(heading, " ({} of {all} boots failed)", info.boots_failed);
    }
    heading
}

/// Instructions, one line per benchmark.
fn counts(summary: &Summary) -> Vec<String> {
    if !summary.has_counts() {
        return Vec::new();
    }
    let caption = "Instructions for one operation: the number on which nine tenths of the samples of \
                   every boot agree.";
    let mut lines = vec![caption.to_owned()];
    for platform in summary.platforms() {
        let on = platform.counted_on().unwrap_or_default();
        for line in platform.lines() {
            let Some(count) = line.count else { continue };
            let mut text = format!(
                "{} {}: {} instructions, {on}; {:.1} % of {} samples in {} boots agree",
                platform.target.info.name,
                line.benchmark.name(),
                grid::instructions(&line),
                100.0 * count.agreement,
                count.samples,
                count.boots
            );
            if line.instructions_per_cycle().is_some() {
                let _ = write!(
                    text,
                    "; {} per core cycle",
                    grid::per_core_cycle(&platform, &line)
                );
            }
            lines.push(text);
        }
    }
    lines.extend(grid::another_path(summary));
    lines.extend(models(summary));
    lines
}

/// Emulated processors, in groups with the same result.
fn models(summary: &Summary) -> Vec<String> {
    let groups = summary.model_groups();
    if groups.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![
        "CPU models as QEMU emulates them; models of a group have equal counts and features, and \
         Linux treats them alike."
            .to_owned(),
    ];
    for (group, number) in groups.iter().zip(1..) {
        let labels = group.labels().join("; ");
        lines.push(format!("Group {number}: {labels}: {}", group.counts()));
        lines.push(format!("  features: {}", group.features()));
        let more = group.mitigations().into_iter().chain(group.others());
        lines.extend(more.map(|line| format!("  {line}")));
    }
    lines
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
