use comfy_table::{ColumnConstraint, Width};

use super::{ComparedRow, Comparison, Unit};
use crate::stats::LEVEL;
use crate::table::{Look, Style, ruled, wrap};

/// Platform and call.
const WORDS: usize = 2;
const NOTHING: &str = "–";

/// The comparison for a terminal of 80 columns.
pub fn table(comparison: &Comparison, style: Style) -> String {
    let unit = match comparison.unit {
        Unit::Ticks => "TSC ticks",
        Unit::Nanoseconds => "nanoseconds",
    };
    let mut out = wrap(&format!(
        "Medians of the boots' medians in {unit} for one operation; the change with its {:.0} % \
         interval (bootstrap over boots, each row by itself). Verdicts: Mann-Whitney over boots, corrected for \
         {} rows (Holm), any false one in at most {:.0} % of comparisons.",
        100.0 * LEVEL,
        comparison.rows.len(),
        100.0 * comparison.alpha
    ));
    let titles = [
        "platform", "call", "before", "after", "change %", "from, to", "verdict",
    ];
    let look = |row: &ComparedRow| match row.emulated {
        true => Look::Emulated,
        false => Look::Measured,
    };
    let mut above = None;
    let rows = comparison.rows.iter().map(|row| {
        // A platform is named once, above its rows.
        let platform = match above.replace(&row.target) == Some(&row.target) {
            true => "",
            false => &row.label,
        };
        (cells(platform, row).to_vec(), look(row))
    });
    let mut table = ruled(style, &titles, WORDS, rows);
    if let Some(verdict) = table.column_mut(titles.len() - 1) {
        // In two lines, so that the platform has room beside it.
        let width = Width::Fixed("no difference ".len() as u16);
        verdict.set_constraint(ColumnConstraint::UpperBoundary(width));
    }
    out += &table.to_string();
    out.push('\n');
    for line in notes(comparison) {
        out += &wrap(&line);
    }
    out
}

fn cells(platform: &str, row: &ComparedRow) -> [String; 7] {
    let change = |ratio: f64| format!("{:+.2}", 100.0 * (ratio - 1.0));
    let verdict = match row.emulated {
        true => format!("{} (emulated)", row.verdict.name()),
        false => row.verdict.name().into(),
    };
    [
        platform.into(),
        row.benchmark.name().into(),
        format!("{:.2}", row.before.median),
        format!("{:.2}", row.after.median),
        row.ratio.map_or(NOTHING.into(), change),
        row.interval.map_or(NOTHING.into(), |i| {
            format!("{}, {}", change(i.low), change(i.high))
        }),
        verdict,
    ]
}

fn notes(comparison: &Comparison) -> Vec<String> {
    let mut notes = Vec::new();
    if comparison.rows.is_empty() {
        notes.push("The runs have no row in common.".into());
    }
    if comparison.rows.iter().any(|row| row.emulated) {
        notes.push(
            "Rows marked “emulated” ran on an emulated processor: whatever their verdict, \
             they measure nothing."
                .into(),
        );
    }
    for row in &comparison.rows {
        let name = format!("{}, {}", row.label, row.benchmark.name());
        if let Some(reason) = &row.reason {
            notes.push(format!("{name}: cannot tell: {reason}."));
        }
        if row.before.method != row.after.method {
            let method = |side: super::Side| side.method.map_or("the original", |m| m.name());
            notes.push(format!(
                "{name}: measured by two methods, {} and {}: the methods differ, whatever \
                 the targets do.",
                method(row.before),
                method(row.after)
            ));
        }
    }
    for rows in comparison.rows.chunk_by(|a, b| a.target == b.target) {
        let Some(row) = rows.first() else { continue };
        for (side, when) in [(row.before, "before"), (row.after, "after")] {
            if side.boots_failed > 0 {
                notes.push(format!(
                    "{}: {} of its boots failed in the run {when} and are in no number.",
                    row.label, side.boots_failed
                ));
            }
        }
    }
    for (when, rows) in [
        ("before", &comparison.only_before),
        ("after", &comparison.only_after),
    ] {
        if !rows.is_empty() {
            notes.push(format!("Only in the run {when}: {}.", rows.join("; ")));
        }
    }
    notes
}
