//! A heat map of what watching adds: kinds by programs.

use std::collections::BTreeSet;

use super::canvas::{Align, BODY, Canvas, HEADING, MARGIN, ROOM, SMALL, TITLE, WIDTH, paint};
use super::picture::{Caption, Picture};
use super::{PlotError, Remarks, palette};
use crate::watches::{Unit, WatchCost, WatchedTarget};

const FIRST_REMARK: i32 = 58;
const HEADINGS: i32 = 30;
const ROW: i32 = 22;
/// Room for a kind, its site and what was timed.
const LABEL: i32 = 330;
const CELL: i32 = 108;
/// The densest colour, on which dark letters still stand out.
const DENSEST: f64 = 0.7;

/// How to read it.
pub(crate) fn explanation(unit: Unit) -> String {
    let what = match unit {
        Unit::Instructions => "instructions, which are not time",
        Unit::Nanoseconds => "nanoseconds",
    };
    format!(
        "What a watch adds to one operation, in {what}: watched minus unwatched in the same boot. \
         A row is a kind, its site and the timed operation; a column is the program that runs \
         there. The denser its colour, the dearer a watch, on a scale of square roots. An empty \
         cell was not measured."
    )
}

/// One target's kinds and programs.
pub(super) fn draw(target: &WatchedTarget) -> Result<Picture, PlotError> {
    let (rows, programs) = (rows(target), programs(target));
    let title = format!("{}: what watching adds", target.label);
    let explanation = explanation(target.unit);
    let remarks = Remarks::new(&[], &explanation);
    let caption = Caption {
        title: title.clone(),
        about: format!("{explanation} {}", in_words(target)),
    };
    let top = FIRST_REMARK + remarks.height() + HEADINGS;
    let height = top + rows.len() as i32 * ROW + MARGIN;
    let costs = target.costs.iter().filter_map(|row| row.added);
    let most = costs.map(|cost| cost.each).fold(1.0, f64::max);
    paint((WIDTH, height), caption, |canvas| {
        canvas.text((MARGIN, 30), Align::Left, TITLE, &title, ROOM)?;
        remarks.draw(canvas, FIRST_REMARK)?;
        for (program, left) in programs.iter().zip(columns()) {
            let place = (left + CELL / 2, top - HEADINGS / 2);
            canvas.text(place, Align::Centre, HEADING, program, CELL)?;
        }
        for (row, y) in rows.iter().zip((top..).step_by(ROW as usize)) {
            let label = format!("{} · {} · {}", row.0, row.1, row.2);
            canvas.text((MARGIN, y + ROW / 2), Align::Left, BODY, &label, LABEL)?;
            for (program, left) in programs.iter().zip(columns()) {
                if let Some(cost) = find(target, *row, program) {
                    cell(canvas, (left, y), cost, target.unit, most)?;
                }
            }
        }
        Ok(())
    })
}

fn columns() -> impl Iterator<Item = i32> {
    (MARGIN + LABEL..).step_by(CELL as usize)
}

/// A kind, a site and an operation.
type Row<'t> = (&'t str, &'t str, &'t str);

fn place(cost: &WatchCost) -> Row<'_> {
    (&cost.kind, &cost.site, &cost.operation)
}

/// In the order of the table.
fn rows(target: &WatchedTarget) -> Vec<Row<'_>> {
    let mut seen = BTreeSet::new();
    let rows = target.costs.iter().map(place);
    rows.filter(|row| seen.insert(*row)).collect()
}

fn programs(target: &WatchedTarget) -> Vec<&str> {
    let mut programs = Vec::new();
    for cost in &target.costs {
        if !programs.contains(&cost.program.as_str()) {
            programs.push(&cost.program);
        }
    }
    programs
}

fn find<'t>(target: &'t WatchedTarget, row: Row<'_>, program: &str) -> Option<&'t WatchCost> {
    let mut costs = target.costs.iter();
    costs.find(|cost| place(cost) == row && cost.program == program)
}

fn cell(
    canvas: &Canvas<'_>,
    (left, top): (i32, i32),
    cost: &WatchCost,
    unit: Unit,
    most: f64,
) -> Result<(), PlotError> {
    let (right, bottom) = (left + CELL - 2, top + ROW - 2);
    let middle = (left + CELL / 2, top + ROW / 2);
    let Some(added) = cost.added else {
        let why = match cost.refused {
            Some(_) => "refused",
            None => "no figure",
        };
        return canvas.text(middle, Align::Centre, SMALL, why, CELL);
    };
    let share = DENSEST * (added.each.max(0.0) / most).sqrt();
    if share > 0.0 {
        canvas.shade((left, top), (right, bottom), palette::COUNTED, share)?;
    }
    canvas.line((left, bottom), (right, bottom), palette::GRID, 1)?;
    let number = match unit {
        Unit::Instructions => format!("{:.0}", added.each),
        Unit::Nanoseconds => format!("{:.1}", added.each),
    };
    canvas.text(middle, Align::Centre, BODY, &number, CELL)
}

fn in_words(target: &WatchedTarget) -> String {
    let cells = target.costs.iter().map(|cost| {
        let (kind, site, operation) = place(cost);
        let number = match cost.added {
            Some(added) => format!("{:.1}", added.each),
            None => "no figure".into(),
        };
        format!("{kind} at {site}, {operation}, {}: {number}.", cost.program)
    });
    cells.collect::<Vec<_>>().join(" ")
}
