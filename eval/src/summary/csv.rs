use std::io::Write;

use contract::Method;

use super::{Count, Figures, InCycles, Ratio, Row, Summary, SummaryError, TargetSummary};
use crate::stats::Interval;
use crate::units::{CoreCycles, Instructions, Nanoseconds, Ticks};
use crate::verdict::Verdict;

/// A column's name, and its text on a line.
type Column = (&'static str, fn(&Line<'_>) -> String);

/// The columns from left to right. New ones come last.
const COLUMNS: [Column; 47] = [
    ("target", |line| line.target.info.name.clone()),
    ("method", |line| {
        let method = line.target.info.method;
        method.map(Method::name).unwrap_or_default().into()
    }),
    ("engine", |line| line.target.info.engine.clone()),
    ("emulated", |line| {
        let is_emulated = line.target.info.emulated;
        if is_emulated { "emulated" } else { "" }.into()
    }),
    ("benchmark", |line| match line.content {
        Content::Nothing => String::new(),
        Content::Time(row) => row.benchmark.name().into(),
        Content::Instructions(count) => count.benchmark.name().into(),
    }),
    ("samples", |line| match line.content {
        Content::Nothing => 0.to_string(),
        Content::Time(row) => row.samples.to_string(),
        Content::Instructions(count) => count.samples.to_string(),
    }),
    ("boots", |line| match line.content {
        Content::Nothing => line.target.info.boots_ok.to_string(),
        Content::Time(row) => row.boots.to_string(),
        Content::Instructions(count) => count.boots.to_string(),
    }),
    ("boots_failed", |line| {
        line.target.info.boots_failed.to_string()
    }),
    ("mean_ticks", |line| line.ticks(|figures| figures.mean)),
    ("median_ticks", |line| line.ticks(|figures| figures.median)),
    ("q1_ticks", |line| line.ticks(|figures| figures.q1)),
    ("q3_ticks", |line| line.ticks(|figures| figures.q3)),
    ("median_of_boot_medians_ticks", |line| {
        line.ticks(|figures| figures.median_of_boot_medians)
    }),
    ("mean_ns", |line| line.ns(|figures| figures.mean)),
    ("median_ns", |line| line.ns(|figures| figures.median)),
    ("q1_ns", |line| line.ns(|figures| figures.q1)),
    ("q3_ns", |line| line.ns(|figures| figures.q3)),
    ("median_of_boot_medians_ns", |line| {
        line.ns(|figures| figures.median_of_boot_medians)
    }),
    ("interval_low_ticks", |line| {
        line.interval(|interval| interval.low)
    }),
    ("interval_high_ticks", |line| {
        line.interval(|interval| interval.high)
    }),
    ("order_interval_low_ticks", |line| {
        let interval = line.row().and_then(|row| row.order_interval);
        text(interval.map(|interval| interval.low.0))
    }),
    ("order_interval_high_ticks", |line| {
        let interval = line.row().and_then(|row| row.order_interval);
        text(interval.map(|interval| interval.high.0))
    }),
    ("spread", |line| text(line.row().and_then(|row| row.spread))),
    ("clock_moved", |line| {
        text(line.row().and_then(|row| row.clock_moved))
    }),
    ("outliers", |line| {
        text(line.row().and_then(|row| row.outliers))
    }),
    ("reference", |line| {
        text(line.ratio().map(|ratio| &ratio.reference))
    }),
    ("ratio", |line| text(line.ratio().map(|ratio| ratio.ratio))),
    ("ratio_low", |line| {
        end(line.ratio(), |interval| interval.low)
    }),
    ("ratio_high", |line| {
        end(line.ratio(), |interval| interval.high)
    }),
    ("missing", |line| {
        let missing = line.target.info.missing.as_ref();
        text(missing.map(|missing| format!("{}: {}", missing.what, missing.hint)))
    }),
    ("label", |line| line.target.info.label.clone()),
    ("machine", |line| {
        let doctor = line.summary.info.doctor.as_ref();
        doctor.map_or("", Verdict::name).into()
    }),
    ("mean_cycles", |line| {
        line.cycle_figures(|figures| figures.mean)
    }),
    ("median_cycles", |line| {
        line.cycle_figures(|figures| figures.median)
    }),
    ("q1_cycles", |line| line.cycle_figures(|figures| figures.q1)),
    ("q3_cycles", |line| line.cycle_figures(|figures| figures.q3)),
    ("median_of_boot_medians_cycles", |line| {
        line.cycle_figures(|figures| figures.median_of_boot_medians)
    }),
    ("interval_low_cycles", |line| {
        line.cycle_interval(|interval| interval.low)
    }),
    ("interval_high_cycles", |line| {
        line.cycle_interval(|interval| interval.high)
    }),
    ("spread_cycles", |line| {
        text(line.cycles().and_then(|cycles| cycles.spread))
    }),
    ("ratio_cycles", |line| {
        text(line.cycle_ratio().map(|ratio| ratio.ratio))
    }),
    ("ratio_low_cycles", |line| {
        end(line.cycle_ratio(), |interval| interval.low)
    }),
    ("ratio_high_cycles", |line| {
        end(line.cycle_ratio(), |interval| interval.high)
    }),
    ("instructions", |line| {
        let count = line.count().and_then(|count| count.instructions);
        text(count.map(|Instructions(each)| each))
    }),
    ("agreement", |line| {
        text(line.count().map(|count| count.agreement))
    }),
    ("counts_for", |line| {
        text(line.target.info.counts_for.as_ref())
    }),
    ("cpu_model", |line| {
        text(line.target.info.cpu_model.as_ref())
    }),
];

/// Writes `summary.csv`: one line per target and benchmark, timed or counted, not rounded. A
/// target without numbers has one line without them.
///
/// # Errors
///
/// Those of `out`.
pub fn write_csv<W: Write>(out: W, summary: &Summary) -> Result<(), SummaryError> {
    let mut csv = csv::Writer::from_writer(out);
    let header = COLUMNS.map(|(name, _)| name.to_owned());
    let lines = lines(summary).map(|line| COLUMNS.map(|(_, text)| text(&line)));
    std::iter::once(header)
        .chain(lines)
        .try_for_each(|line| csv.write_record(line))
        .map_err(std::io::Error::from)
        .and_then(|()| csv.flush())
        .map_err(|error| SummaryError::Io {
            file: "summary.csv",
            error,
        })
}

fn lines(summary: &Summary) -> impl Iterator<Item = Line<'_>> {
    summary.targets.iter().flat_map(move |target| {
        let is_empty = target.rows.is_empty() && target.counts.is_empty();
        let nothing = is_empty.then_some(Content::Nothing);
        let rows = target.rows.iter().map(Content::Time);
        let counts = target.counts.iter().map(Content::Instructions);
        let all = nothing.into_iter().chain(rows).chain(counts);
        all.map(move |content| Line {
            summary,
            target,
            content,
        })
    })
}

/// One line of the file.
struct Line<'s> {
    summary: &'s Summary,
    target: &'s TargetSummary,
    content: Content<'s>,
}

/// What a line is about.
#[derive(Clone, Copy)]
enum Content<'s> {
    Nothing,
    Time(&'s Row),
    Instructions(&'s Count),
}

impl<'s> Line<'s> {
    fn row(&self) -> Option<&'s Row> {
        match self.content {
            Content::Time(row) => Some(row),
            Content::Nothing | Content::Instructions(_) => None,
        }
    }

    fn count(&self) -> Option<&'s Count> {
        match self.content {
            Content::Instructions(count) => Some(count),
            Content::Nothing | Content::Time(_) => None,
        }
    }

    fn cycles(&self) -> Option<&'s InCycles> {
        self.row()?.cycles.as_ref()
    }

    fn ratio(&self) -> Option<&'s Ratio> {
        self.row()?.ratio.as_ref()
    }

    fn cycle_ratio(&self) -> Option<&'s Ratio> {
        self.cycles()?.ratio.as_ref()
    }

    fn ticks(&self, figure: fn(Figures<Ticks>) -> Ticks) -> String {
        text(self.row().map(|row| figure(row.ticks).0))
    }

    fn ns(&self, figure: fn(Figures<Nanoseconds>) -> Nanoseconds) -> String {
        text(self.row().and_then(|row| row.ns).map(|ns| figure(ns).0))
    }

    fn cycle_figures(&self, figure: fn(Figures<CoreCycles>) -> CoreCycles) -> String {
        text(self.cycles().map(|cycles| figure(cycles.figures).0))
    }

    fn interval(&self, end: fn(Interval<Ticks>) -> Ticks) -> String {
        let interval = self.row().and_then(|row| row.interval);
        text(interval.map(|interval| end(interval).0))
    }

    fn cycle_interval(&self, end: fn(Interval<CoreCycles>) -> CoreCycles) -> String {
        let interval = self.cycles().and_then(|cycles| cycles.interval);
        text(interval.map(|interval| end(interval).0))
    }
}

fn end(ratio: Option<&Ratio>, end: fn(Interval<f64>) -> f64) -> String {
    text(ratio.and_then(|ratio| ratio.interval).map(end))
}

/// Nothing rounded: the shortest decimal that reads back as the same number.
fn text(value: Option<impl ToString>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}
