//! Histograms: a strip of panels for each target.

use console_format::Benchmark;

use super::axis::Axis;
use super::canvas::{
    Align, BODY, Canvas, Fill, HEADING, MARGIN, ROOM, Remarks, SMALL, TITLE, paint,
};
use super::histogram::{Histogram, SHOWN};
use super::{PlotError, number, palette};
use crate::levels::{self, Levels};
use crate::stats::Sorted;
use crate::summary::{Summary, TargetSummary};
use crate::table::routine;

/// Panels beside each other: the empty measurement, the function call, the system call.
const PANELS: i32 = 3;
const PANEL_GAP: i32 = 30;
const PANEL: i32 = (ROOM - (PANELS - 1) * PANEL_GAP) / PANELS;
/// A panel from top to bottom: its caption, the bars, the box under them, the axis, two remarks.
const CAPTION: i32 = 18;
const BARS: i32 = 84;
const BOX: i32 = 14;
const AXIS: i32 = 22;
const REMARK: i32 = 16;
const PANEL_HEIGHT: i32 = CAPTION + BARS + BOX + AXIS + 2 * REMARK;

/// A bar that stands for a single value is no wider than this.
const VALUE_BAR: i32 = 8;

const FIRST_REMARK: i32 = 58;
const HEADING_HEIGHT: i32 = 30;
const STRIP_GAP: i32 = 16;

pub(super) fn draw(summary: &Summary, levels: &Levels) -> Result<String, PlotError> {
    let head = head(summary);
    let strips = summary
        .targets
        .iter()
        .map(|target| Strip::new(target, levels))
        .collect::<Result<Vec<_>, _>>()?;
    let top = FIRST_REMARK + head.height();
    let height = top + strips.iter().map(Strip::height).sum::<i32>();
    paint(height, |canvas| {
        let title = format!("Samples of experiment {}", summary.info.experiment);
        canvas.text((MARGIN, 30), Align::Left, TITLE, &title, ROOM)?;
        head.draw(canvas, FIRST_REMARK)?;
        let mut y = top;
        for strip in &strips {
            strip.draw(canvas, y)?;
            y += strip.height();
        }
        Ok(())
    })
}

fn head(summary: &Summary) -> Remarks {
    let method = match summary.info.method {
        Some(method) => format!("Method: {}. ", method.name()),
        None => "Method: the original program's. ".into(),
    };
    let what = format!(
        "{method}TSC ticks for one operation, all boots together. Every panel has its own axis, which shows the {SHOWN}; what lies beyond is counted under it. The strip under the bars: median, and first to third quartile."
    );
    Remarks::new(&summary.info.headlines(), &what)
}

/// One target.
struct Strip<'s> {
    target: &'s TargetSummary,
    panels: Vec<Panel>,
}

/// One benchmark of a target.
struct Panel {
    benchmark: Benchmark,
    boots: usize,
    samples: Sorted,
}

impl<'s> Strip<'s> {
    fn new(target: &'s TargetSummary, levels: &Levels) -> Result<Self, PlotError> {
        let panels = levels
            .benchmarks(&target.info.name)
            .map(|(benchmark, boots)| {
                let samples = levels::pool(boots).map_err(|error| PlotError::Stats {
                    target: target.info.name.clone(),
                    error,
                })?;
                Ok(Panel {
                    benchmark,
                    boots: boots.len(),
                    samples,
                })
            })
            .collect::<Result<_, PlotError>>()?;
        Ok(Self { target, panels })
    }

    fn rows(&self) -> i32 {
        (self.panels.len() as i32 + PANELS - 1) / PANELS
    }

    fn height(&self) -> i32 {
        HEADING_HEIGHT + self.rows() * PANEL_HEIGHT + STRIP_GAP
    }

    fn heading(&self) -> String {
        let info = &self.target.info;
        let mut heading = info.label.clone();
        if info.emulated {
            heading += " (emulated: measures nothing)";
        }
        if let Some(missing) = &info.missing {
            heading = format!("{heading}: {}", missing.what);
        } else if self.panels.is_empty() {
            heading += ": no boot succeeded";
        }
        heading
    }

    fn draw(&self, canvas: &Canvas<'_>, top: i32) -> Result<(), PlotError> {
        canvas.line((MARGIN, top), (MARGIN + ROOM, top), palette::GRID, 1)?;
        let place = (MARGIN, top + HEADING_HEIGHT / 2);
        canvas.text(place, Align::Left, HEADING, &self.heading(), ROOM)?;
        for (panel, i) in self.panels.iter().zip(0..) {
            let x = MARGIN + i % PANELS * (PANEL + PANEL_GAP);
            let y = top + HEADING_HEIGHT + i / PANELS * PANEL_HEIGHT;
            panel.draw(canvas, (x, y), self.target.info.emulated)?;
        }
        Ok(())
    }
}

impl Panel {
    fn draw(
        &self,
        canvas: &Canvas<'_>,
        (left, top): (i32, i32),
        emulated: bool,
    ) -> Result<(), PlotError> {
        let histogram = Histogram::new(&self.samples);
        let axis = Axis::linear(histogram.from, histogram.to, 5.0, (left, left + PANEL));
        let foot = top + CAPTION + BARS;

        let middle = top + CAPTION / 2;
        canvas.text((left, middle), Align::Left, BODY, &self.caption(), PANEL)?;
        let fill = Fill {
            colour: palette::bar(emulated),
            hatched: emulated,
        };
        bars(canvas, &histogram, (left, foot), fill)?;
        canvas.line((left, foot), (left + PANEL, foot), palette::AXIS, 1)?;
        self.quartiles(canvas, &axis, foot + BOX / 2)?;
        ticks(canvas, &axis, foot + BOX)?;
        let y = foot + BOX + AXIS + REMARK / 2;
        canvas.text((left, y), Align::Left, SMALL, &self.counts(), PANEL)?;
        let hidden = self.hidden(&histogram);
        canvas.text((left, y + REMARK), Align::Left, SMALL, &hidden, PANEL)
    }

    fn caption(&self) -> String {
        let median = number::label(self.samples.median());
        format!("{}: median {median}", routine(self.benchmark))
    }

    fn counts(&self) -> String {
        let samples = self.samples.values().len();
        format!(
            "{samples} samples of {} boots: {} to {}",
            self.boots,
            number::label(self.samples.min()),
            number::label(self.samples.max())
        )
    }

    /// What the panel does not show.
    fn hidden(&self, histogram: &Histogram) -> String {
        let all = self.samples.values().len();
        let side =
            |count, name| (count > 0).then(|| format!("{} {name}", number::percent(count, all)));
        let sides = [
            side(histogram.below, "below"),
            side(histogram.above, "above"),
        ];
        let sides: Vec<_> = sides.into_iter().flatten().collect();
        if sides.is_empty() {
            "all shown".into()
        } else {
            format!("not shown: {}", sides.join(", "))
        }
    }

    /// A box from the first to the third quartile, and the median in it.
    fn quartiles(&self, canvas: &Canvas<'_>, axis: &Axis, y: i32) -> Result<(), PlotError> {
        let [q1, median, q3] = [0.25, 0.5, 0.75].map(|q| axis.pixel(self.samples.quantile(q)));
        let fill = Fill {
            colour: palette::AXIS,
            hatched: false,
        };
        canvas.bar((q1, y - 2), (q3.max(q1 + 1), y + 2), fill)?;
        canvas.line((median, y - 5), (median, y + 5), palette::INK, 2)
    }
}

fn bars(
    canvas: &Canvas<'_>,
    histogram: &Histogram,
    (left, foot): (i32, i32),
    fill: Fill,
) -> Result<(), PlotError> {
    let most = histogram.bins.iter().copied().max().unwrap_or(0).max(1);
    let count = histogram.bins.len().max(1) as f64;
    let x = |bin: usize| left + (bin as f64 / count * f64::from(PANEL)).round() as i32;
    for (bin, samples) in histogram.bins.iter().enumerate() {
        if *samples > 0 {
            // One sample is still seen beside a million.
            let height = (*samples as f64 / most as f64 * f64::from(BARS - 4)).max(1.0);
            let (mut from, mut to) = (x(bin), (x(bin + 1) - 1).max(x(bin) + 1));
            if histogram.single_values && to - from > VALUE_BAR {
                from = (from + to - VALUE_BAR) / 2;
                to = from + VALUE_BAR;
            }
            let top = foot - height.round() as i32;
            canvas.bar((from, top), (to, foot), fill)?;
        }
    }
    Ok(())
}

fn ticks(canvas: &Canvas<'_>, axis: &Axis, y: i32) -> Result<(), PlotError> {
    for (value, label) in axis.ticks() {
        let x = axis.pixel(value);
        canvas.line((x, y), (x, y + 4), palette::AXIS, 1)?;
        canvas.text((x, y + 13), Align::Centre, SMALL, &label, PANEL)?;
    }
    Ok(())
}
