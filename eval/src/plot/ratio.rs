//! The cost of a call on each target, divided by its cost on the reference target.

use contract::Benchmark;

use super::axis::Axis;
use super::canvas::{Align, BODY, Canvas, Fill, SMALL};
use super::panel::{self, PANEL, Panel};
use super::picture::{Caption, Picture};
use super::sheet::{self, Strip};
use super::{PlotError, palette};
use crate::digits;
use crate::reference::PUBLISHED;
use crate::summary::{Row, Summary, TargetSummary};

/// The legend of the marks.
pub(crate) fn explanation(summary: &Summary) -> String {
    let marks = if summary.has_intervals() {
        ", with the ratio's 95 % interval, from boots drawn on both sides: stroke and bar"
    } else {
        ""
    };
    format!(
        "Median of the boots' medians over the reference target's{marks}. The grey line is 1, the \
         cost on the reference. Paper: the published medians over the published Linux/KVM."
    )
}

/// An entry from top to bottom: a name, the ratio in digits, the mark.
const NAME: i32 = 18;
const NUMBER: i32 = 15;
const MARK: i32 = 16;
const SPACE: i32 = 8;
const ENTRY: i32 = NAME + NUMBER + MARK + SPACE;
const AXIS: i32 = 22;
/// Inside the ends of the axis.
const INSET: i32 = 6;

/// One call on all targets.
pub(super) struct Ratios {
    call: Benchmark,
    entries: Vec<Entry>,
}

/// One target.
struct Entry {
    name: String,
    number: String,
    ratio: f64,
    interval: Option<(f64, f64)>,
    fill: Fill,
}

/// All calls on one sheet.
pub(super) fn draw(summary: &Summary) -> Result<Picture, PlotError> {
    let panels = panels(summary);
    let heading = if panels.is_empty() {
        "fewer than two targets can be compared"
    } else {
        ""
    };
    let strip = Strip {
        heading: heading.into(),
        panels,
    };
    sheet::draw(summary, "Ratios", &explanation(summary), &[strip])
}

/// A panel for each call that has a ratio.
pub(super) fn panels(summary: &Summary) -> Vec<Ratios> {
    Benchmark::calls()
        .map(|call| Ratios {
            call,
            entries: entries(summary, call),
        })
        .filter(|panel| !panel.entries.is_empty())
        .collect()
}

fn entries(summary: &Summary, call: Benchmark) -> Vec<Entry> {
    let measured = summary.targets.iter().flat_map(|target| {
        let rows = target.rows.iter().filter(|row| row.benchmark == call);
        rows.filter_map(|row| measured(target, row))
    });
    let measured: Vec<_> = measured.collect();
    if measured.is_empty() {
        return measured;
    }
    measured.into_iter().chain(published(call)).collect()
}

fn measured(target: &TargetSummary, row: &Row) -> Option<Entry> {
    let ratio = row.ratio.as_ref()?;
    let emulated = target.info.emulated;
    let mark = if emulated { " (emulated)" } else { "" };
    let interval = ratio.interval.as_ref().map(|i| (i.low, i.high));
    Some(Entry {
        name: format!("{}{mark}", target.info.label),
        number: number(ratio.ratio, interval, &ratio.reference),
        ratio: ratio.ratio,
        interval,
        fill: Fill {
            colour: palette::bar(emulated),
            hatched: emulated,
        },
    })
}

fn number(ratio: f64, interval: Option<(f64, f64)>, reference: &str) -> String {
    match interval {
        Some((low, high)) => {
            let d = digits::of_interval(low, high, 3);
            format!("{ratio:.d$} [{low:.d$}, {high:.d$}] × {reference}")
        }
        None => format!("{ratio:.3} × {reference}, too few boots for an interval"),
    }
}

/// The paper's other platforms over its first.
fn published(call: Benchmark) -> impl Iterator<Item = Entry> {
    let mut rows = PUBLISHED.iter().filter(move |p| p.benchmark == call);
    let reference = rows.next();
    rows.filter_map(move |p| {
        let reference = reference?;
        let ratio = p.median.0 / reference.median.0;
        Some(Entry {
            name: format!("{} (paper)", p.platform),
            number: format!("{ratio:.3} × {}, published", reference.platform),
            ratio,
            interval: None,
            fill: Fill {
                colour: palette::PUBLISHED,
                hatched: false,
            },
        })
    })
}

impl Panel for Ratios {
    fn height(&self) -> i32 {
        self.entries.len() as i32 * ENTRY + AXIS
    }

    fn heading(&self) -> String {
        self.call.title().into()
    }

    fn caption(&self) -> Caption {
        let entries = self.entries.iter();
        let entries = entries.map(|entry| format!("{}: {}.", entry.name, entry.number));
        Caption {
            title: format!("{}: ratio to the reference target", self.call.title()),
            about: entries.collect::<Vec<_>>().join(" "),
        }
    }

    fn draw(&self, canvas: &Canvas<'_>, (left, top): (i32, i32)) -> Result<(), PlotError> {
        let axis = Axis::bars(self.values(), (left + INSET, left + PANEL - INSET));
        let foot = top + self.entries.len() as i32 * ENTRY;
        let one = axis.pixel(1.0);
        for (entry, i) in self.entries.iter().zip(0..) {
            let y = top + i * ENTRY;
            let mark = y + NAME + NUMBER;
            let middle = mark + MARK / 2;
            canvas.line((left, middle), (left + PANEL, middle), palette::GRID, 1)?;
            canvas.line((one, mark - 1), (one, mark + MARK + 1), palette::AXIS, 1)?;
            canvas.text((left, y + NAME / 2), Align::Left, BODY, &entry.name, PANEL)?;
            let place = (left, y + NAME + NUMBER / 2);
            canvas.text(place, Align::Left, SMALL, &entry.number, PANEL)?;
            entry.draw(canvas, &axis, middle)?;
        }
        canvas.line((left, foot), (left + PANEL, foot), palette::AXIS, 1)?;
        panel::ticks(canvas, &axis, foot)
    }
}

impl Ratios {
    fn values(&self) -> impl Iterator<Item = f64> + Clone {
        let ends = self.entries.iter().flat_map(|entry| {
            let (low, high) = entry.interval.unwrap_or((entry.ratio, entry.ratio));
            [low, entry.ratio, high]
        });
        ends.chain([1.0])
    }
}

impl Entry {
    /// The interval as a bar, the ratio as a taller stroke through it.
    fn draw(&self, canvas: &Canvas<'_>, axis: &Axis, y: i32) -> Result<(), PlotError> {
        let ratio = axis.pixel(self.ratio);
        let (low, high) = self.interval.unwrap_or((self.ratio, self.ratio));
        // Two pixels beyond the stroke on either side, however narrow the interval is.
        let (low, high) = (
            axis.pixel(low).min(ratio - 3),
            axis.pixel(high).max(ratio + 3),
        );
        canvas.bar((low, y - 4), (high, y + 4), self.fill)?;
        canvas.line(
            (ratio, y - MARK / 2 + 1),
            (ratio, y + MARK / 2 - 1),
            palette::INK,
            2,
        )
    }
}
