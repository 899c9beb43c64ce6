use std::collections::BTreeSet;

use eval::plot::canvas::{Align, BODY, Canvas, HEADING, MARGIN, ROOM, SMALL, TITLE, WIDTH, paint};
use eval::plot::palette::{GRID, INK};
use eval::plot::{Caption, Picture, PlotError, Remarks};
use plotters::style::RGBColor;

use super::{REQUIRED, STATIC_SOURCES, USED};
use crate::Call;
use crate::search::{Heat, Shares};

const FIRST_REMARK: i32 = 58;
/// Calls in a row.
const COLUMNS: usize = 24;
const CELL: (i32, i32) = (16, 13);
/// Left of a panel: the number of each row's first call.
const LABELS: i32 = 34;
const PANEL: i32 = LABELS + COLUMNS as i32 * CELL.0;
const PANEL_HEADING: i32 = 26;
const ROW_GAP: i32 = 22;
/// The scale's steps.
const SCALE: [f64; 5] = [0.0, 0.25, 0.5, 0.75, 1.0];
const SCALE_HEIGHT: i32 = 34;

/// What a panel shows, its colour, and the shares where they are known.
type Panel<'h> = (&'static str, RGBColor, Option<&'h Shares>);

fn panels(data: &Heat) -> [Panel<'_>; 4] {
    // Shades of a light grey cannot be distinguished.
    let (sources, binary) = (data.static_sources.as_ref(), data.static_binary.as_ref());
    [
        ("in the source", STATIC_SOURCES, sources),
        ("in the files", INK, binary),
        ("used", USED, Some(&data.used)),
        ("required", REQUIRED, Some(&data.required)),
    ]
}

/// How to read it.
fn explanation(data: &Heat) -> String {
    format!(
        "Each cell is a system call, in the order of numbers, {COLUMNS} in a row; the number next \
         to a row is that of its first call. The denser the colour, the more of the {} \
         applications have the call. All panels show the same applications.",
        data.applications
    )
}

/// Four panels.
pub(super) fn draw(data: &Heat) -> Result<Picture, PlotError> {
    let panels = panels(data);
    let calls = calls(&panels);
    let rows = calls.chunks(COLUMNS).count() as i32;
    let explanation = explanation(data);
    let remarks = Remarks::new(&[], &explanation);
    let title = "Share of applications that have each call";
    let caption = Caption {
        title: title.into(),
        about: format!("{explanation} {}", in_words(&panels)),
    };
    let top = FIRST_REMARK + remarks.height() + SCALE_HEIGHT;
    let strip = PANEL_HEADING + rows * CELL.1 + ROW_GAP;
    paint((WIDTH, top + 2 * strip), caption, |canvas| {
        canvas.text((MARGIN, 30), Align::Left, TITLE, title, ROOM)?;
        remarks.draw(canvas, FIRST_REMARK)?;
        scale(canvas, top - SCALE_HEIGHT / 2 - 4)?;
        for (panel, place) in panels.iter().zip(0..) {
            let left = MARGIN + (place % 2) * (ROOM - PANEL);
            draw_panel(canvas, (left, top + (place / 2) * strip), panel, &calls)?;
        }
        Ok(())
    })
}

/// All calls of the table, and what else was seen.
fn calls(panels: &[Panel<'_>]) -> Vec<Call> {
    let seen = panels.iter().filter_map(|(_, _, shares)| *shares);
    let seen = seen.flat_map(|shares| shares.keys().copied());
    let calls: BTreeSet<Call> = Call::all().chain(seen).collect();
    calls.into_iter().collect()
}

fn in_words(panels: &[Panel<'_>]) -> String {
    let words = panels.iter().filter_map(|(name, _, shares)| {
        let mut shares: Vec<_> = shares.as_ref()?.iter().collect();
        shares.sort_by(|a, b| b.1.total_cmp(a.1));
        let first = shares.iter().take(5);
        let first = first.map(|(call, share)| format!("{call} {:.0} %", 100.0 * **share));
        let first = first.collect::<Vec<_>>().join(", ");
        Some(format!(
            "{name}: {} calls, most often {first}.",
            shares.len()
        ))
    });
    words.collect::<Vec<_>>().join(" ")
}

fn scale(canvas: &Canvas<'_>, y: i32) -> Result<(), PlotError> {
    let mut x = MARGIN + LABELS;
    for share in SCALE {
        cell(canvas, (x, y - CELL.1 / 2), USED, share)?;
        let label = format!("{:.0} %", 100.0 * share);
        canvas.text((x + CELL.0 + 5, y), Align::Left, SMALL, &label, ROOM)?;
        x += 64;
    }
    Ok(())
}

fn draw_panel(
    canvas: &Canvas<'_>,
    (left, top): (i32, i32),
    (name, colour, shares): &Panel<'_>,
    calls: &[Call],
) -> Result<(), PlotError> {
    let (left, middle) = (left + LABELS, top + PANEL_HEADING / 2);
    let Some(shares) = shares else {
        let heading = format!("{name}: not requested, or no data");
        return canvas.text((left, middle), Align::Left, BODY, &heading, PANEL);
    };
    let heading = format!("{name}: {} calls", shares.len());
    canvas.text((left, middle), Align::Left, HEADING, &heading, PANEL)?;
    for (row, y) in calls
        .chunks(COLUMNS)
        .zip((top + PANEL_HEADING..).step_by(CELL.1 as usize))
    {
        if let Some(first) = row.first() {
            let label = (left - 6, y + CELL.1 / 2);
            canvas.text(label, Align::Right, SMALL, &first.0.to_string(), LABELS)?;
        }
        for (call, x) in row.iter().zip((left..).step_by(CELL.0 as usize)) {
            let share = shares.get(call).copied().unwrap_or(0.0);
            cell(canvas, (x, y), *colour, share)?;
        }
    }
    Ok(())
}

/// A cell with an edge, so that an empty one is visible.
fn cell(
    canvas: &Canvas<'_>,
    (x, y): (i32, i32),
    colour: RGBColor,
    share: f64,
) -> Result<(), PlotError> {
    let (right, bottom) = (x + CELL.0 - 1, y + CELL.1 - 1);
    canvas.line((x, bottom), (right, bottom), GRID, 1)?;
    canvas.line((right, y), (right, bottom), GRID, 1)?;
    if share > 0.0 {
        canvas.shade((x, y), (right - 1, bottom - 1), colour, share)?;
    }
    Ok(())
}
