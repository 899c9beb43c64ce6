//! Bars of medians, grouped by call.

use contract::Benchmark;
use plotters::style::RGBColor;

use super::axis::Axis;
use super::canvas::{
    Align, BODY, Canvas, Fill, HEADING, MARGIN, REMARK, ROOM, SMALL, TITLE, WIDTH, paint, width,
};
use super::picture::{Caption, Picture};
use super::remarks::Remarks;
use super::{PlotError, number, palette};
use crate::reference::{self, Published};
use crate::summary::{Figures, Platform, Row, Summary, TargetSummary};
use crate::units::{Nanoseconds, Ticks};

/// Height of a bar, and from one to the next.
const BAR: i32 = 16;
const ROW: i32 = 24;
const HEADING_HEIGHT: i32 = 28;
const GROUP_GAP: i32 = 10;
/// Room for the names left of the bars, and for the values right of them.
const NAMES: i32 = 290;
const VALUES: i32 = 220;
/// Between a bar and its label.
const GAP: i32 = 8;

const FIRST_REMARK: i32 = 58;
const LEGEND_HEIGHT: i32 = 30;
const AXIS_HEIGHT: i32 = 48;

struct Group {
    call: Benchmark,
    bars: Vec<Bar>,
}

/// One bar, or its replacement.
struct Bar {
    name: String,
    fill: Fill,
    quartiles: Option<Quartiles>,
    remark: String,
}

struct Quartiles {
    median: f64,
    q1: f64,
    q3: f64,
}

pub(super) fn draw(summary: &Summary) -> Result<Picture, PlotError> {
    let groups = groups(summary);
    let head = head(summary);
    let columns = (MARGIN + NAMES, WIDTH - MARGIN - VALUES);
    let axis = Axis::bars(values(&groups), columns);

    let legend_y = FIRST_REMARK + head.height() + GAP;
    let top = legend_y + LEGEND_HEIGHT;
    let bottom = top + groups.iter().map(Group::height).sum::<i32>();
    let title = format!("The cost of a call: experiment {}", summary.info.experiment);
    let caption = Caption {
        title: title.clone(),
        about: about(&groups),
    };
    paint((WIDTH, bottom + AXIS_HEIGHT), caption, |canvas| {
        canvas.text((MARGIN, 30), Align::Left, TITLE, &title, ROOM)?;
        head.draw(canvas, FIRST_REMARK)?;
        legend(canvas, legend_y, &groups)?;
        scale(canvas, &axis, top, bottom)?;
        let mut y = top;
        for group in &groups {
            group.draw(canvas, &axis, y)?;
            y += group.height();
        }
        Ok(())
    })
}

/// What a reader must know before looking at a bar.
fn head(summary: &Summary) -> Remarks {
    let method = format!("Method: {}. ", summary.methods());
    let frequency = match &summary.info.tsc {
        Some(tsc) => format!(" TSC: {:.3} MHz ({}).", tsc.hz.0 / 1e6, tsc.source),
        None => String::new(),
    };
    let what = format!(
        "{method}Bar and number: median of all samples; whisker: first to third quartile.{frequency}"
    );
    Remarks::new(&summary.info.headlines(), &what)
}

/// The plot as text.
fn about(groups: &[Group]) -> String {
    let bars = groups.iter().flat_map(|group| {
        let call = group.call.title();
        let bars = group.bars.iter();
        bars.map(move |bar| format!("{call}, {}: {}.", bar.name, bar.remark))
    });
    bars.collect::<Vec<_>>().join(" ")
}

fn groups(summary: &Summary) -> Vec<Group> {
    let mut groups: Vec<_> = Benchmark::calls()
        .map(|call| Group {
            call,
            bars: bars(summary, call),
        })
        .filter(|group| !group.bars.is_empty())
        .collect();
    if let Some(first) = groups.first_mut() {
        // Before the paper's, which come last.
        let place = first
            .bars
            .iter()
            .position(|bar| bar.fill.colour == palette::PUBLISHED)
            .unwrap_or(first.bars.len());
        let missing = summary
            .platforms()
            .filter_map(|platform| not_measured(&platform));
        first.bars.splice(place..place, missing);
    }
    groups
}

fn bars(summary: &Summary, call: Benchmark) -> Vec<Bar> {
    let measured = summary.targets.iter().flat_map(|target| {
        let rows = target.rows.iter().filter(|row| row.benchmark == call);
        rows.map(|row| measured(target, row))
    });
    let published = reference::PUBLISHED.iter().filter(|p| p.benchmark == call);
    measured.chain(published.map(self::published)).collect()
}

fn measured(target: &TargetSummary, row: &Row) -> Bar {
    let emulated = target.info.emulated;
    let mark = if emulated { ", emulated" } else { "" };
    Bar {
        name: target.info.label.clone(),
        fill: Fill {
            colour: palette::bar(emulated),
            hatched: emulated,
        },
        quartiles: Some(quartiles(row.ticks)),
        remark: remark(row.ticks.median, row.ns.map(|ns| ns.median)) + mark,
    }
}

fn published(p: &Published) -> Bar {
    Bar {
        name: format!("{} (paper)", p.platform),
        fill: Fill {
            colour: palette::PUBLISHED,
            hatched: false,
        },
        quartiles: Some(Quartiles {
            median: p.median.0,
            q1: p.q1.0,
            q3: p.q3.0,
        }),
        remark: remark(p.median, Some(p.median_ns())),
    }
}

fn not_measured(platform: &Platform<'_>) -> Option<Bar> {
    let target = platform.target;
    target.rows.is_empty().then(|| Bar {
        name: target.info.label.clone(),
        fill: Fill {
            colour: palette::EMULATED,
            hatched: false,
        },
        quartiles: None,
        remark: match &target.info.missing {
            Some(missing) => missing.what.clone(),
            None if platform.has_counts() => "counted, not timed".into(),
            None => target.info.without_rows().into(),
        },
    })
}

fn quartiles(ticks: Figures<Ticks>) -> Quartiles {
    Quartiles {
        median: ticks.median.0,
        q1: ticks.q1.0,
        q3: ticks.q3.0,
    }
}

fn remark(Ticks(ticks): Ticks, ns: Option<Nanoseconds>) -> String {
    let ticks = number::label(ticks);
    match ns {
        Some(Nanoseconds(ns)) => format!("{ticks} ticks, {} ns", number::label(ns)),
        None => format!("{ticks} ticks"),
    }
}

fn values(groups: &[Group]) -> impl Iterator<Item = f64> + Clone {
    groups
        .iter()
        .flat_map(|group| &group.bars)
        .filter_map(|bar| bar.quartiles.as_ref())
        .flat_map(|q| [q.median, q.q1, q.q3])
}

/// The legend of the colours, with only those in the plot.
fn legend(canvas: &Canvas<'_>, y: i32, groups: &[Group]) -> Result<(), PlotError> {
    let has = |colour: RGBColor| {
        let mut bars = groups.iter().flat_map(|group| &group.bars);
        bars.any(|bar| bar.fill.colour == colour && bar.quartiles.is_some())
    };
    let paper = format!("published: {}, {}", reference::SOURCE, reference::MACHINE);
    let entries = [
        (palette::MEASURED, "measured here"),
        (palette::EMULATED, "emulated: does not measure time"),
        (palette::PUBLISHED, &paper),
    ];
    let mut x = MARGIN;
    for (colour, text) in entries.into_iter().filter(|(colour, _)| has(*colour)) {
        let fill = Fill {
            colour,
            hatched: colour == palette::EMULATED,
        };
        canvas.bar((x, y - 6), (x + 18, y + 6), fill)?;
        x += 18 + GAP;
        canvas.text((x, y), Align::Left, REMARK, text, WIDTH - MARGIN - x)?;
        x += width(text, REMARK) + 2 * GAP;
    }
    Ok(())
}

/// The grid, and the axis under it.
fn scale(canvas: &Canvas<'_>, axis: &Axis, top: i32, bottom: i32) -> Result<(), PlotError> {
    for (value, label) in axis.ticks() {
        let x = axis.pixel(value);
        canvas.line((x, top), (x, bottom), palette::GRID, 1)?;
        canvas.line((x, bottom), (x, bottom + 4), palette::AXIS, 1)?;
        canvas.text((x, bottom + 14), Align::Centre, SMALL, &label, NAMES)?;
    }
    let (left, right) = (MARGIN + NAMES, WIDTH - MARGIN - VALUES);
    canvas.line((left, bottom), (right, bottom), palette::AXIS, 1)?;
    let unit = if axis.is_logarithmic() {
        format!(
            "TSC ticks for one call, logarithmic: bars begin at {}",
            axis.from()
        )
    } else {
        "TSC ticks for one call".into()
    };
    let middle = ((left + right) / 2, bottom + 34);
    canvas.text(middle, Align::Centre, REMARK, &unit, ROOM)
}

impl Group {
    fn height(&self) -> i32 {
        HEADING_HEIGHT + self.bars.len() as i32 * ROW + GROUP_GAP
    }

    fn draw(&self, canvas: &Canvas<'_>, axis: &Axis, top: i32) -> Result<(), PlotError> {
        let place = (MARGIN + NAMES - GAP, top + HEADING_HEIGHT / 2);
        let call = self.call.title();
        canvas.text(place, Align::Right, HEADING, call, NAMES)?;
        for (bar, i) in self.bars.iter().zip(0..) {
            let middle = top + HEADING_HEIGHT + i * ROW + ROW / 2;
            bar.draw(canvas, axis, middle)?;
        }
        Ok(())
    }
}

impl Bar {
    fn draw(&self, canvas: &Canvas<'_>, axis: &Axis, y: i32) -> Result<(), PlotError> {
        let left = axis.pixel(axis.from());
        let place = (left - GAP, y);
        canvas.text(place, Align::Right, BODY, &self.name, NAMES - GAP)?;
        let mut end = left;
        if let Some(quartiles) = &self.quartiles {
            let right = axis.pixel(quartiles.median).max(left + 1);
            let (above, below) = (y - BAR / 2, y + BAR / 2);
            canvas.bar((left, above), (right, below), self.fill)?;
            end = right.max(quartiles.whisker(canvas, axis, y)?);
        }
        let kind = if self.quartiles.is_some() {
            BODY
        } else {
            REMARK
        };
        let room = WIDTH - end - GAP;
        canvas.text_on_white((end + GAP, y), kind, &self.remark, room)
    }
}

impl Quartiles {
    /// Draws it, and returns its end.
    fn whisker(&self, canvas: &Canvas<'_>, axis: &Axis, y: i32) -> Result<i32, PlotError> {
        let (q1, q3) = (axis.pixel(self.q1), axis.pixel(self.q3));
        canvas.line((q1, y), (q3, y), palette::INK, 2)?;
        for x in [q1, q3] {
            canvas.line((x, y - 4), (x, y + 4), palette::INK, 2)?;
        }
        Ok(q3)
    }
}
