//! Each boot's median, in order of time: a drift shows at a glance.

use super::axis::Axis;
use super::canvas::{Align, Canvas, Dot, Fill, SMALL};
use super::panel::{self, PANEL, Panel};
use super::picture::{Caption, Picture};
use super::{PlotError, number, palette, sheet};
use crate::boot::Boot;
use crate::stats::Sorted;
use crate::summary::{BootMedian, InCycles, Row, Summary, TargetSummary};
use crate::units::{CoreCycles, Ticks};

/// From top to bottom: the medians, the strip of moved clocks, the axis, two remarks or three.
const CHART: i32 = 96;
const STRIP: i32 = 14;
const AXIS: i32 = 22;
const REMARK: i32 = 16;
/// Room for the numbers left of the chart, and within it at its ends.
const NUMBERS: i32 = 46;
const INSET: i32 = 6;

/// A chart spans at least this share of the median, so that a quiet machine's noise does not
/// look like a noisy one's.
const LEAST_SPAN: f64 = 0.01;
/// A boot that is further from the body than this many times the body's width is drawn as an
/// arrow at the edge.
const FAR: f64 = 2.0;

/// The legend of the marks.
pub(crate) fn explanation(summary: &Summary) -> String {
    let line = if summary.has_intervals() {
        "Line and band: median of the boots' medians and its 95 % interval."
    } else {
        "Line: median of the boots' medians."
    };
    let cycles = if summary.has_cycles() {
        " Thin line from boot to boot: the same in core cycles, shifted so that both medians of \
         all boots coincide; if only the dots move, the core's clock changed."
    } else {
        ""
    };
    format!(
        "TSC ticks for one operation: the median of each boot, by its place in the run, from 1. \
         Every panel has its own axis, which spans at least 1 % of the median; arrows mark boots \
         beyond it. {line}{cycles} Cross: a failed boot. Bars at the bottom: the share of a \
         boot's samples whose core clock moved, scaled to the greatest share."
    )
}

/// The boots of one target, under one benchmark.
pub(super) struct BootsPanel<'s> {
    target: &'s TargetSummary,
    row: &'s Row,
    medians: Sorted,
    failed: Vec<u32>,
    /// How many boots the whole run has.
    run: u32,
}

/// All targets' panels on one sheet.
pub(super) fn draw(summary: &Summary, boots: &[Boot]) -> Result<Picture, PlotError> {
    let strips = sheet::of_targets(summary, |target| panels(target, boots))?;
    sheet::draw(
        summary,
        "Boots in order of time",
        &explanation(summary),
        &strips,
    )
}

/// One target's panels, in the order of its rows.
pub(super) fn panels<'s>(
    target: &'s TargetSummary,
    boots: &[Boot],
) -> Result<Vec<BootsPanel<'s>>, PlotError> {
    let failed = boots
        .iter()
        .filter(|boot| boot.target == target.info.name && boot.failed.is_some());
    let failed: Vec<_> = failed.map(|boot| boot.position).collect();
    let rows = target
        .rows
        .iter()
        .filter(|row| !row.boot_medians.is_empty());
    rows.map(|row| {
        let medians = row.boot_medians.iter().map(|boot| boot.median.0);
        let medians = Sorted::new(medians.collect()).map_err(|error| PlotError::Stats {
            target: target.info.name.clone(),
            error,
        })?;
        Ok(BootsPanel {
            target,
            row,
            medians,
            failed: failed.clone(),
            run: run_length(row, boots),
        })
    })
    .collect()
}

fn run_length(row: &Row, boots: &[Boot]) -> u32 {
    let known = boots.iter().map(|boot| boot.position);
    let measured = row.boot_medians.iter().map(|boot| boot.position);
    known.chain(measured).max().unwrap_or(0).saturating_add(1)
}

impl Panel for BootsPanel<'_> {
    fn height(&self) -> i32 {
        CHART + STRIP + AXIS + (2 + i32::from(self.row.cycles.is_some())) * REMARK
    }

    fn heading(&self) -> String {
        self.row.benchmark.title().into()
    }

    fn caption(&self) -> Caption {
        let what = self.row.benchmark.title();
        Caption {
            title: format!("{}, {what}: boots in order of time", self.target.info.label),
            about: self.remarks().map(|remark| remark + ". ").collect(),
        }
    }

    fn draw(&self, canvas: &Canvas<'_>, (left, top): (i32, i32)) -> Result<(), PlotError> {
        let (begin, end) = (left + NUMBERS, left + PANEL);
        let (from, to) = self.span();
        let values = Axis::linear(from, to, 6.0, (top + CHART - INSET, top + INSET));
        let times = Axis::linear(
            1.0,
            f64::from(self.run.max(2)),
            5.0,
            (begin + INSET, end - INSET),
        );

        self.interval(canvas, &values, (begin, end))?;
        for (value, label) in values.ticks() {
            let y = values.pixel(value);
            canvas.line((begin, y), (end, y), palette::GRID, 1)?;
            canvas.text((begin - 6, y), Align::Right, SMALL, &label, NUMBERS)?;
        }
        let middle = values.pixel(self.row.ticks.median_of_boot_medians.0);
        canvas.line((begin, middle), (end, middle), palette::AXIS, 1)?;
        self.cycles(canvas, (from, to), (&times, &values))?;
        for boot in &self.row.boot_medians {
            let x = times.pixel(place(boot.position));
            self.mark(canvas, boot, (from, to), (x, &values))?;
        }
        for position in &self.failed {
            let x = times.pixel(place(*position));
            canvas.cross((x, top + CHART - INSET), palette::DISTURBED)?;
        }
        let foot = top + CHART + STRIP;
        self.moved_clocks(canvas, &times, foot)?;
        canvas.line((begin, foot), (end, foot), palette::AXIS, 1)?;
        panel::ticks(canvas, &times, foot)?;
        for (remark, place) in self.remarks().zip(0..) {
            let y = foot + AXIS + REMARK / 2 + place * REMARK;
            canvas.text((left, y), Align::Left, SMALL, &remark, PANEL)?;
        }
        Ok(())
    }
}

impl BootsPanel<'_> {
    /// What the axis of values shows.
    fn span(&self) -> (f64, f64) {
        let (low, high) = (self.medians.quantile(0.1), self.medians.quantile(0.9));
        let margin = FAR * (high - low);
        let interval = self.row.interval;
        let low_end = interval.map_or(low, |i| i.low.0);
        let high_end = interval.map_or(high, |i| i.high.0);
        let from = self.medians.min().max(low - margin).min(low_end);
        let to = self.medians.max().min(high + margin).max(high_end);
        let least = (LEAST_SPAN * self.medians.median().abs()).max(f64::MIN_POSITIVE);
        let missing = (least - (to - from)).max(0.0) / 2.0;
        (from - missing, to + missing)
    }

    fn interval(
        &self,
        canvas: &Canvas<'_>,
        values: &Axis,
        (begin, end): (i32, i32),
    ) -> Result<(), PlotError> {
        let Some(interval) = self.row.interval else {
            return Ok(());
        };
        let (high, low) = (values.pixel(interval.high.0), values.pixel(interval.low.0));
        let fill = Fill {
            colour: palette::BAND,
            hatched: false,
        };
        canvas.bar((begin, high), (end, low.max(high + 1)), fill)
    }

    fn mark(
        &self,
        canvas: &Canvas<'_>,
        boot: &BootMedian,
        (from, to): (f64, f64),
        (x, values): (i32, &Axis),
    ) -> Result<(), PlotError> {
        let Ticks(median) = boot.median;
        let y = values.pixel(median);
        let dot = Dot::of_boot(self.target.info.emulated);
        if median > to || median < from {
            canvas.arrow((x, y), median > to, dot.colour)
        } else {
            canvas.dot((x, y), dot)
        }
    }

    /// A line through the boots' medians in core cycles, on a scale of their own: their median
    /// coincides with the one in ticks.
    fn cycles(
        &self,
        canvas: &Canvas<'_>,
        (from, to): (f64, f64),
        (times, values): (&Axis, &Axis),
    ) -> Result<(), PlotError> {
        let Some(cycles) = &self.row.cycles else {
            return Ok(());
        };
        let CoreCycles(middle) = cycles.figures.median_of_boot_medians;
        let ticks_per_cycle = self.row.ticks.median_of_boot_medians.0 / middle;
        if !(ticks_per_cycle.is_finite() && ticks_per_cycle > 0.0) {
            return Ok(());
        }
        let point = |boot: &BootMedian| {
            let value = boot.median_cycles?.0 * ticks_per_cycle;
            let y = values.pixel(value.clamp(from, to));
            Some((times.pixel(place(boot.position)), y))
        };
        let points: Vec<_> = self.row.boot_medians.iter().filter_map(point).collect();
        for pair in points.windows(2) {
            if let [before, after] = *pair {
                canvas.line(before, after, palette::INK, 1)?;
            }
        }
        Ok(())
    }

    /// A bar for each boot with samples whose clock moved.
    fn moved_clocks(&self, canvas: &Canvas<'_>, times: &Axis, foot: i32) -> Result<(), PlotError> {
        let fill = Fill {
            colour: palette::DISTURBED,
            hatched: false,
        };
        let most = self.most_moved();
        for boot in &self.row.boot_medians {
            let x = times.pixel(place(boot.position));
            let share = moved_share(boot);
            if share > 0.0 {
                let height = (share / most * f64::from(STRIP - 2)).ceil() as i32;
                canvas.bar((x - 1, foot - height), (x + 1, foot), fill)?;
            }
        }
        Ok(())
    }

    fn most_moved(&self) -> f64 {
        let shares = self.row.boot_medians.iter().map(moved_share);
        shares.fold(0.0, f64::max)
    }

    fn remarks(&self) -> impl Iterator<Item = String> {
        let cycles = self.row.cycles.as_ref().map(in_cycles);
        [self.spread()]
            .into_iter()
            .chain(cycles)
            .chain([self.marks()])
    }

    fn spread(&self) -> String {
        let median = number::label(self.row.ticks.median_of_boot_medians.0);
        let spread = match self.row.spread {
            Some(spread) => format!(", spread {}", number::share(spread)),
            None => String::new(),
        };
        format!("{} boots, median {median} ticks{spread}", self.row.boots)
    }

    fn marks(&self) -> String {
        let moved = match self.row.clock_moved {
            Some(moved) => {
                let share = number::percent(moved as usize, self.row.samples as usize);
                let most = number::share(self.most_moved());
                format!("clock moved: {share}; most in a boot: {most}")
            }
            None => "core clock unknown".into(),
        };
        match self.failed.len() {
            0 => moved,
            failed => format!("{failed} failed; {moved}"),
        }
    }
}

fn in_cycles(cycles: &InCycles) -> String {
    let median = number::label(cycles.figures.median_of_boot_medians.0);
    let spread = cycles
        .spread
        .map(|s| format!(", spread {}", number::share(s)));
    format!("median {median} core cycles{}", spread.unwrap_or_default())
}

/// A place in the run, counted from 1.
fn place(position: u32) -> f64 {
    f64::from(position) + 1.0
}

fn moved_share(boot: &BootMedian) -> f64 {
    let moved = boot.clock_moved.unwrap_or(0);
    moved as f64 / boot.samples.max(1) as f64
}
