//! Notes on a row, as text.

use std::collections::BTreeMap;

use contract::Benchmark;

use super::{AlignedMedian, Mode, ModeVerdict, Row, Summary, TargetInfo, Trend, TrendVerdict};
use crate::stats::MIN_BOOTS;

/// Boots that differ by more than this are reported.
const SPREAD: f64 = 0.02;
/// So are boots that differ by more than this in ticks, and by so many times less in core
/// cycles.
const CLOCK_SPREAD: f64 = 0.01;
const STEADIER: f64 = 3.0;
/// So are alignments that differ by this share of the median, with such a p.
const ALIGNMENT: f64 = 0.01;
const ALIGNMENT_P: f64 = 0.01;
/// So is a drift of this size.
const DRIFT: f64 = 0.001;
/// So is such a share of samples with a moved clock, or of outliers,
const FLAGGED: f64 = 0.02;
/// and such a difference of the median with and without them.
const FLAGGED_MATTER: f64 = 0.005;

pub(super) fn findings(row: &Row, target: &TargetInfo) -> Vec<String> {
    let all = [
        too_few(row),
        not_positive(row),
        clock_differs(row).or_else(|| spread(row)),
        no_cycles(row, target),
        trend(
            &row.drift.run,
            "from the first boot to the last",
            "the machine's temperature, load or clock changed during the run",
        ),
        trend(
            &row.drift.rounds,
            "from the first round of a boot to the last",
            "the guest or the machine had not reached a steady state",
        ),
        modes(
            row.modes.boots.verdict,
            &row.modes.boots.modes,
            "boots",
            "something that varies between boots, such as memory layout, causes the difference",
        ),
        modes(
            row.modes.samples.verdict,
            &row.modes.samples.modes,
            "samples within a boot",
            "the median represents one of them",
        ),
        alignment(row),
        clock(row),
        outliers(row),
        flagged(row),
        disagreement(row),
    ];
    all.into_iter().flatten().collect()
}

/// Every count's findings, one line each.
pub(super) fn of_counts(summary: &Summary) -> impl Iterator<Item = String> {
    summary.targets.iter().flat_map(|target| {
        target.counts.iter().flat_map(|count| {
            let name = format!("{}, {}", target.info.title(), count.benchmark.name());
            let findings = count.findings.iter();
            findings.map(move |finding| format!("{name}: {finding}"))
        })
    })
}

/// Every row's findings, one line each; a finding about several rows appears once. Rows of an
/// emulator's ticks are not time and have no findings.
pub(super) fn of_rows(summary: &Summary) -> Vec<String> {
    let measured = summary
        .targets
        .iter()
        .filter(|target| !target.info.emulated);
    let rows = measured.flat_map(|target| {
        let label = &target.info.label;
        target.rows.iter().map(move |row| (label, row))
    });
    let mut said: BTreeMap<&str, usize> = BTreeMap::new();
    let mut lines: Vec<(String, &str)> = Vec::new();
    for (label, row) in rows.clone() {
        for finding in &row.findings {
            let name = format!("{label}, {}", row.benchmark.name());
            match said.get(&**finding).and_then(|line| lines.get_mut(*line)) {
                Some((names, _)) => *names += &format!("; {name}"),
                None => {
                    said.insert(finding, lines.len());
                    lines.push((name, finding));
                }
            }
        }
    }
    let all = rows.count();
    let line = |(names, finding): (String, &str)| match names.matches("; ").count() + 1 == all {
        true if all > 1 => format!("All timed rows: {finding}"),
        _ => format!("{names}: {finding}"),
    };
    lines.into_iter().map(line).collect()
}

fn too_few(row: &Row) -> Option<String> {
    (row.boots < MIN_BOOTS as u32).then(|| {
        format!(
            "{} {} too few for an interval; {MIN_BOOTS} are needed.",
            row.boots,
            if row.boots == 1 {
                "boot is"
            } else {
                "boots are"
            }
        )
    })
}

/// A cost cannot be negative. Disturbed smaller batches give such samples, and a few of them
/// such a mean.
fn not_positive(row: &Row) -> Option<String> {
    let why = if row.ticks.median_of_boot_medians.0 <= 0.0 {
        "median is not above zero, which is impossible for a cost: the disturbances were larger \
         than the cost."
    } else if row.ticks.mean.0 <= 0.0 {
        "mean is not above zero, which is impossible for a cost: a few disturbed samples dominate \
         it, but do not affect the median."
    } else {
        return None;
    };
    Some(format!("The {why}"))
}

fn spread(row: &Row) -> Option<String> {
    let spread = row.spread.filter(|spread| *spread > SPREAD)?;
    Some(format!(
        "Boots differ: the interquartile range of their medians is {}.",
        percent(spread)
    ))
}

/// The clock made the boots differ, not the code.
fn clock_differs(row: &Row) -> Option<String> {
    let (ticks, cycles) = (row.spread?, row.cycles.as_ref()?.spread?);
    let enough = row.boots >= MIN_BOOTS as u32;
    (enough && ticks > CLOCK_SPREAD && ticks > STEADIER * cycles).then(|| {
        format!(
            "The core's clock differed from boot to boot: the interquartile range of the boots' \
             medians is {} in ticks but only {} in core cycles.",
            percent(ticks),
            percent(cycles)
        )
    })
}

/// There are clock chains, but they prove nothing.
fn no_cycles(row: &Row, target: &TargetInfo) -> Option<String> {
    // An empty measurement has none around it.
    let chains = row.clock_moved.is_some() && row.benchmark != Benchmark::Tsc;
    if !chains || row.cycles.is_some() || target.emulated {
        return None;
    }
    let why = if target.has_core_clock() {
        "a boot did not report the length of its clock chains, or one took no time"
    } else {
        "the check clock-chains failed"
    };
    Some(format!("No core cycles: {why}."))
}

/// Alignment makes a difference within each boot.
fn alignment(row: &Row) -> Option<String> {
    let alignments = row.alignments.as_ref()?;
    let median = |aligned: &AlignedMedian| aligned.median_of_boot_medians.0;
    let medians = alignments.medians.iter().map(median);
    let (low, high) = (
        medians.clone().fold(f64::INFINITY, f64::min),
        medians.fold(f64::NEG_INFINITY, f64::max),
    );
    let least = ALIGNMENT * row.ticks.median_of_boot_medians.0.abs();
    (alignments.p < ALIGNMENT_P && high - low > least).then(|| {
        let medians = alignments.medians.iter();
        let medians = medians.map(|at| format!("{:.2} at {}", median(at), at.align));
        format!(
            "Alignment matters: {} bytes from the start of a cache line (ticks, medians of boot \
             medians; p {}); the other figures combine all alignments.",
            medians.collect::<Vec<_>>().join(", "),
            p(Some(alignments.p))
        )
    })
}

fn trend(trend: &Trend, when: &str, why: &str) -> Option<String> {
    let direction = match trend.verdict {
        TrendVerdict::Rising => "Rising",
        TrendVerdict::Falling => "Falling",
        TrendVerdict::NoneSeen | TrendVerdict::CannotTell => return None,
    };
    if trend.change.is_some_and(|change| change.abs() < DRIFT) {
        return None;
    }
    let change = trend
        .change
        .map(|change| format!(" by {}", percent(change.abs())));
    Some(format!(
        "{direction}{} {when} (p {}): {why}.",
        change.unwrap_or_default(),
        p(trend.p)
    ))
}

fn modes(verdict: ModeVerdict, modes: &[Mode], of: &str, why: &str) -> Option<String> {
    let (ModeVerdict::Two, [low, high]) = (verdict, modes) else {
        return None;
    };
    Some(format!(
        "Two modes among {of}: {:.2} ticks ({} of them) and {:.2} ({}); {why}.",
        low.at.0,
        percent(low.share),
        high.at.0,
        percent(high.share)
    ))
}

fn clock(row: &Row) -> Option<String> {
    let share = share(row.clock_moved?, row);
    (share > FLAGGED).then(|| {
        format!(
            "The core's clock changed during {} of the samples, or a clock chain was disturbed.",
            percent(share)
        )
    })
}

fn outliers(row: &Row) -> Option<String> {
    let share = share(row.outliers?, row);
    (share > FLAGGED).then(|| {
        format!(
            "{} of the samples are outliers, far from {}.",
            percent(share),
            match row.modes.samples.verdict {
                ModeVerdict::Two => "both modes of their boot",
                ModeVerdict::One | ModeVerdict::CannotTell => "their boot's median",
            }
        )
    })
}

fn flagged(row: &Row) -> Option<String> {
    // If the median is between two modes, a few samples decide.
    if row.modes.samples.verdict == ModeVerdict::Two {
        return None;
    }
    let all = row.ticks.median_of_boot_medians.0;
    let without = row.without_flagged?.ticks.median_of_boot_medians.0;
    ((without - all).abs() > FLAGGED_MATTER * all.abs()).then(|| {
        format!(
            "Without samples whose clock moved and without outliers the median of boot \
             medians is {without:.2} ticks instead of {all:.2}."
        )
    })
}

/// The two intervals of the median estimate the same; if one is more than twice as wide,
/// neither can be trusted much.
fn disagreement(row: &Row) -> Option<String> {
    let (bootstrap, order) = (row.interval?, row.order_interval?);
    let width = bootstrap.high.0 - bootstrap.low.0;
    let check = order.high.0 - order.low.0;
    (check > 2.0 * width && check > SPREAD * row.ticks.median_of_boot_medians.0.abs()).then(|| {
        format!(
            "The interval by order statistics, {:.2} to {:.2} ticks ({}), is much wider than the \
             bootstrap's: use it instead.",
            order.low.0,
            order.high.0,
            percent(order.level)
        )
    })
}

fn share(count: u64, row: &Row) -> f64 {
    count as f64 / row.samples as f64
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

fn p(p: Option<f64>) -> String {
    match p {
        Some(p) if p < 0.001 => "< 0.001".into(),
        Some(p) => format!("= {p:.3}"),
        None => "unknown".into(),
    }
}
