use super::{ComparedRow, Comparison, Unit};
use crate::stats::{Interval, LEVEL};
use crate::table::{Block, Look, Style, ruled, wrap};

const TITLES: [&str; 6] = [
    "platform, call",
    "before",
    "after",
    "change %",
    "from, to",
    "verdict",
];
/// The same without a verdict, because verdicts are about time.
const CYCLES_TITLES: [&str; 5] = ["platform, call", "before", "after", "change %", "from, to"];
const NOTHING: &str = "–";

/// The comparison for a terminal of 80 columns.
pub fn table(comparison: &Comparison, style: Style) -> String {
    let unit = match comparison.unit {
        Unit::Ticks => "TSC ticks",
        Unit::Nanoseconds => "nanoseconds",
    };
    let interval = if comparison.rows.iter().any(|row| row.interval.is_some()) {
        format!(
            " with its {:.0} % interval (bootstrap over boots, each row by itself)",
            100.0 * LEVEL
        )
    } else {
        String::new()
    };
    let mut out = wrap(&format!(
        "Medians of the boots' medians in {unit} for one operation; the change{interval}. \
         Verdicts: Mann-Whitney over boots, corrected for {} rows (Holm); a false verdict in at \
         most {:.0} % of comparisons.",
        comparison.rows.len(),
        100.0 * comparison.alpha
    ));
    out += &block(comparison, style, &TITLES, cells_in_time);
    if comparison.rows.iter().any(|row| row.cycles.is_some()) {
        out += &wrap(
            "The same in core cycles, from the clock chains around each sample: changes of the \
             core's clock do not affect them.",
        );
        out += &block(comparison, style, &CYCLES_TITLES, cells_in_cycles);
    }
    for line in notes(comparison) {
        out += &wrap(&line);
    }
    out
}

/// A table of the cells from `cells`, with a platform's rows under its name.
fn block<const N: usize>(
    comparison: &Comparison,
    style: Style,
    titles: &[&str; N],
    cells: impl Fn(&ComparedRow) -> Option<[String; N]>,
) -> String {
    let platforms = comparison.rows.chunk_by(|a, b| a.target == b.target);
    let blocks = platforms.filter_map(|rows| {
        let first = rows.first()?;
        let cells = rows.iter().filter_map(|row| Some(cells(row)?.to_vec()));
        let cells: Vec<_> = cells.collect();
        (!cells.is_empty()).then(|| Block {
            name: first.label.clone(),
            look: if first.emulated {
                Look::Emulated
            } else {
                Look::Measured
            },
            rows: cells,
        })
    });
    ruled(style, titles, &blocks.collect::<Vec<_>>())
}

fn cells_in_time(row: &ComparedRow) -> Option<[String; 6]> {
    let [call, before, after, ratio, interval] = cells(
        row,
        [row.before.median, row.after.median],
        row.ratio,
        row.interval,
    );
    let verdict = row.verdict.name().into();
    Some([call, before, after, ratio, interval, verdict])
}

fn cells_in_cycles(row: &ComparedRow) -> Option<[String; 5]> {
    let cycles = row.cycles.as_ref()?;
    let medians = [cycles.before.0, cycles.after.0];
    Some(cells(row, medians, cycles.ratio, cycles.interval))
}

fn cells(
    row: &ComparedRow,
    [before, after]: [f64; 2],
    ratio: Option<f64>,
    interval: Option<Interval<f64>>,
) -> [String; 5] {
    let change = |ratio: f64| format!("{:+.2}", 100.0 * (ratio - 1.0));
    let emulated = if row.emulated { " (emulated)" } else { "" };
    [
        format!("{}{emulated}", row.benchmark.name()),
        format!("{before:.2}"),
        format!("{after:.2}"),
        ratio.map_or(NOTHING.into(), change),
        interval.map_or(NOTHING.into(), |i| {
            format!("{}, {}", change(i.low), change(i.high))
        }),
    ]
}

fn notes(comparison: &Comparison) -> Vec<String> {
    let mut notes = Vec::new();
    if comparison.rows.is_empty() {
        notes.push("The runs have no row in common.".into());
    }
    if comparison.rows.iter().any(|row| row.emulated) {
        notes.push(
            "Rows marked “emulated” ran on an emulated processor and do not measure time, even \
             with a verdict."
                .into(),
        );
    }
    for row in &comparison.rows {
        let name = format!("{}, {}", row.label, row.benchmark.name());
        if let Some(reason) = &row.reason {
            notes.push(format!("{name}: cannot tell: {reason}."));
        }
        if let Some(disagreement) = &row.disagreement {
            notes.push(format!("{name}: {disagreement}."));
        }
        if row.before.method != row.after.method {
            let method = |side: super::Side| side.method.map_or("the original", |m| m.name());
            notes.push(format!(
                "{name}: the runs used two methods, {} and {}, whose results differ even for \
                 equal targets.",
                method(row.before),
                method(row.after)
            ));
        }
    }
    for rows in comparison.rows.chunk_by(|a, b| a.target == b.target) {
        let Some(row) = rows.first() else { continue };
        for (side, when) in [(row.before, "first"), (row.after, "second")] {
            if side.boots_failed > 0 {
                notes.push(format!(
                    "{}: {} of its boots failed in the {when} run; failed boots are excluded from all results.",
                    row.label, side.boots_failed
                ));
            }
        }
    }
    for (when, rows) in [
        ("first", &comparison.only_before),
        ("second", &comparison.only_after),
    ] {
        if !rows.is_empty() {
            notes.push(format!("Only in the {when} run: {}.", rows.join("; ")));
        }
    }
    notes
}
