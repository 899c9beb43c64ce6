use eval::plot::axis::Axis;
use eval::plot::canvas::{Align, BODY, Canvas, MARGIN, ROOM, SMALL, TITLE, WIDTH, paint};
use eval::plot::palette::{AXIS, GRID};
use eval::plot::{Caption, Picture, PlotError, Remarks};
use plotters::style::RGBColor;

use super::{REQUIRED, STATIC_BINARY, STATIC_SOURCES, USED, legend};
use crate::search::{Cumulative, Curve};

const FIRST_REMARK: i32 = 58;
const HEIGHT: i32 = 380;
/// Left of the plot: the axis' numbers.
const LABELS: i32 = 44;
const LEGEND: i32 = 30;
const FOOT: i32 = 52;

struct Named<'c> {
    name: &'static str,
    colour: RGBColor,
    curve: &'c Curve,
}

fn curves(data: &Cumulative) -> Vec<Named<'_>> {
    let named = |name, colour, curve| Named {
        name,
        colour,
        curve,
    };
    let sources = data.static_sources.as_ref();
    let binary = data.static_binary.as_ref();
    let all = [
        sources.map(|curve| named("in the source", STATIC_SOURCES, curve)),
        binary.map(|curve| named("in the files", STATIC_BINARY, curve)),
        Some(named("used", USED, &data.used)),
        Some(named("required", REQUIRED, &data.required)),
    ];
    all.into_iter().flatten().collect()
}

/// How to read it.
fn explanation(data: &Cumulative) -> String {
    format!(
        "Each curve sorts the calls by the share of applications that have them: at N, its height \
         is the share that has the N-th most frequent call. On a kernel without that call, that \
         share fails or needs a stub or a fake. All curves show the same {} applications.",
        data.applications
    )
}

/// A curve for each way to find out.
pub(super) fn draw(data: &Cumulative) -> Result<Picture, PlotError> {
    let curves = curves(data);
    let explanation = explanation(data);
    let remarks = Remarks::new(&[], &explanation);
    let title = "Share of applications that have the N-th most frequent call";
    let top = FIRST_REMARK + remarks.height() + LEGEND;
    let caption = Caption {
        title: title.into(),
        about: format!("{explanation} {}", in_words(&curves)),
    };
    paint((WIDTH, top + HEIGHT + FOOT), caption, |canvas| {
        canvas.text((MARGIN, 30), Align::Left, TITLE, title, ROOM)?;
        remarks.draw(canvas, FIRST_REMARK)?;
        let entries: Vec<_> = curves
            .iter()
            .map(|c| (legend::plain(c.colour), format!("{}: {}", c.name, calls(c))))
            .collect();
        legend::draw(canvas, (MARGIN + LABELS, top - LEGEND / 2), &entries)?;
        let longest = curves.iter().map(|c| c.curve.0.len()).max().unwrap_or(0);
        let (left, right) = (MARGIN + LABELS, MARGIN + ROOM);
        let x = Axis::linear(0.0, longest.max(1) as f64, 10.0, (left, right));
        let y = Axis::linear(0.0, 100.0, 5.0, (top + HEIGHT, top));
        ground(canvas, &x, &y, (left, right), top)?;
        for named in &curves {
            step(canvas, &x, &y, named)?;
        }
        Ok(())
    })
}

fn calls(named: &Named<'_>) -> String {
    format!("{} calls", named.curve.0.len())
}

fn in_words(curves: &[Named<'_>]) -> String {
    let words = curves.iter().map(|named| {
        let everywhere = named.curve.0.iter().filter(|share| **share >= 1.0).count();
        format!(
            "{}: {} in any application, {everywhere} in all.",
            named.name,
            calls(named)
        )
    });
    words.collect::<Vec<_>>().join(" ")
}

fn ground(
    canvas: &Canvas<'_>,
    x: &Axis,
    y: &Axis,
    (left, right): (i32, i32),
    top: i32,
) -> Result<(), PlotError> {
    let bottom = top + HEIGHT;
    for (value, label) in y.ticks() {
        let at = y.pixel(value);
        canvas.line((left, at), (right, at), GRID, 1)?;
        let label = format!("{label} %");
        canvas.text((left - 6, at), Align::Right, SMALL, &label, LABELS)?;
    }
    canvas.line((left, bottom), (right, bottom), AXIS, 1)?;
    for (value, label) in x.ticks() {
        let at = x.pixel(value);
        canvas.line((at, bottom), (at, bottom + 4), AXIS, 1)?;
        canvas.text((at, bottom + 13), Align::Centre, SMALL, &label, ROOM)?;
    }
    let middle = ((left + right) / 2, bottom + 34);
    canvas.text(
        middle,
        Align::Centre,
        BODY,
        "N: calls, the most frequent first",
        ROOM,
    )
}

/// From N - 1 to N lies the N-th call.
fn step(canvas: &Canvas<'_>, x: &Axis, y: &Axis, named: &Named<'_>) -> Result<(), PlotError> {
    let mut before: Option<i32> = None;
    let shares = named.curve.0.iter().chain(&[0.0]);
    for (n, share) in (0..).zip(shares) {
        let at = y.pixel(100.0 * share);
        let (from, to) = (x.pixel(f64::from(n)), x.pixel(f64::from(n + 1)));
        if let Some(before) = before {
            canvas.line((from, before), (from, at), named.colour, 2)?;
        }
        if *share > 0.0 {
            canvas.line((from, at), (to, at), named.colour, 2)?;
        }
        before = Some(at);
    }
    Ok(())
}
