//! Histograms: a panel for each benchmark of a target.

use contract::Benchmark;

use super::axis::Axis;
use super::canvas::{Align, Canvas, Fill, SMALL};
use super::histogram::{Histogram, SHOWN};
use super::panel::{self, PANEL, Panel};
use super::picture::{Caption, Picture};
use super::{PlotError, number, palette, sheet};
use crate::levels::{self, Levels};
use crate::summary::{Summary, TargetSummary};

/// From top to bottom: the bars, the box under them, the axis, three remarks.
const BARS: i32 = 84;
const BOX: i32 = 14;
const AXIS: i32 = 22;
const REMARK: i32 = 16;

/// A bar for a single value is not wider than this.
const VALUE_BAR: i32 = 8;

/// The samples of one benchmark on one target, counted, so that millions of them need not stay
/// in memory until everything is drawn.
pub(super) struct Distribution<'s> {
    target: &'s TargetSummary,
    benchmark: Benchmark,
    boots: usize,
    samples: usize,
    range: (f64, f64),
    /// First quartile, median, third quartile.
    quartiles: [f64; 3],
    histogram: Histogram,
}

/// All targets' panels on one sheet.
pub(super) fn draw(summary: &Summary, levels: &Levels) -> Result<Picture, PlotError> {
    let strips = sheet::of_targets(summary, |target| panels(target, levels))?;
    sheet::draw(summary, "Samples", &explanation(), &strips)
}

/// What a reader must know about all panels.
pub(crate) fn explanation() -> String {
    format!(
        "TSC ticks for one operation, all boots together. Every panel has its own axis, which \
         shows the {SHOWN}; the line under it counts the samples outside. The strip under the \
         bars: median, and first to third quartile."
    )
}

/// One target's panels, in the order of its rows.
pub(super) fn panels<'s>(
    target: &'s TargetSummary,
    levels: &Levels,
) -> Result<Vec<Distribution<'s>>, PlotError> {
    let benchmarks = levels.benchmarks(&target.info.name);
    let panels = benchmarks.map(|(benchmark, boots)| {
        let samples = levels::pool(boots).map_err(|error| PlotError::Stats {
            target: target.info.name.clone(),
            error,
        })?;
        Ok(Distribution {
            target,
            benchmark,
            boots: boots.len(),
            samples: samples.values().len(),
            range: (samples.min(), samples.max()),
            quartiles: [samples.q1(), samples.median(), samples.q3()],
            histogram: Histogram::new(&samples),
        })
    });
    panels.collect()
}

impl Panel for Distribution<'_> {
    fn height(&self) -> i32 {
        BARS + BOX + AXIS + 3 * REMARK
    }

    fn heading(&self) -> String {
        self.benchmark.title().into()
    }

    fn caption(&self) -> Caption {
        let what = self.benchmark.title();
        Caption {
            title: format!("{}, {what}: distribution", self.target.info.label),
            about: format!(
                "Histogram of {} ticks; {}; {}.",
                self.counts(),
                self.median(),
                self.hidden()
            ),
        }
    }

    fn draw(&self, canvas: &Canvas<'_>, (left, top): (i32, i32)) -> Result<(), PlotError> {
        let histogram = &self.histogram;
        let axis = Axis::linear(histogram.from, histogram.to, 5.0, (left, left + PANEL));
        let foot = top + BARS;

        let emulated = self.target.info.emulated;
        let fill = Fill {
            colour: palette::bar(emulated),
            hatched: emulated,
        };
        bars(canvas, histogram, (left, foot), fill)?;
        canvas.line((left, foot), (left + PANEL, foot), palette::AXIS, 1)?;
        self.draw_quartiles(canvas, &axis, foot + BOX / 2)?;
        panel::ticks(canvas, &axis, foot + BOX)?;
        let remarks = [self.median(), self.counts(), self.hidden()];
        for (remark, i) in remarks.iter().zip(0..) {
            let y = foot + BOX + AXIS + REMARK / 2 + i * REMARK;
            canvas.text((left, y), Align::Left, SMALL, remark, PANEL)?;
        }
        Ok(())
    }
}

impl Distribution<'_> {
    fn median(&self) -> String {
        let [_, median, _] = self.quartiles;
        format!("median {} ticks", number::label(median))
    }

    fn counts(&self) -> String {
        let (min, max) = self.range;
        format!(
            "{} samples of {} boots: {} to {}",
            self.samples,
            self.boots,
            number::label(min),
            number::label(max)
        )
    }

    /// What the panel does not show.
    fn hidden(&self) -> String {
        let side = |count, name| {
            (count > 0).then(|| format!("{} {name}", number::percent(count, self.samples)))
        };
        let Histogram { below, above, .. } = self.histogram;
        let sides = [side(below, "below"), side(above, "above")];
        let sides: Vec<_> = sides.into_iter().flatten().collect();
        if sides.is_empty() {
            "all shown".into()
        } else {
            format!("not shown: {}", sides.join(", "))
        }
    }

    /// A box from the first to the third quartile, and the median in it.
    fn draw_quartiles(&self, canvas: &Canvas<'_>, axis: &Axis, y: i32) -> Result<(), PlotError> {
        let [q1, median, q3] = self.quartiles.map(|q| axis.pixel(q));
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
            // A single sample remains visible next to a million.
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
