use std::collections::HashMap;

use contract::Benchmark;

use super::boot::JudgedBoot;
use super::{
    Figures, InCycles, Ratio, Row, RunInfo, Summary, SummaryError, TargetInfo, TargetSummary, View,
    alignment, count, drift, findings, guest, modes,
};
use crate::counts::Counts;
use crate::levels::{BootValues, Boots, Levels};
use crate::parallel;
use crate::stats::{Sorted, StatsError, bootstrap, mean_of, median_of, order, quartiles_of};
use crate::units::{CoreCycles, Ticks, TscHz, nanoseconds};

/// Facts about a boot, apart from its samples.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BootInfo {
    /// The target's name.
    pub target: String,
    /// Which boot of it, from 0.
    pub boot: u32,
    /// The number of dependent multiplications in its clock chains, if its log has it.
    pub chain_ops: Option<u64>,
}

/// Summarises a run. `boots` are all boots of the run in order of time, including those without
/// samples; `levels` has what was timed, `counts` what was counted.
///
/// # Errors
///
/// [`SummaryError`] for samples of a target or boot that is not in the run, two targets with
/// the same name, an impossible frequency, and values that are not finite.
pub fn summarize(
    info: RunInfo,
    targets: Vec<TargetInfo>,
    boots: &[BootInfo],
    levels: &Levels,
    counts: &Counts,
) -> Result<Summary, SummaryError> {
    check_names(&targets, levels.targets().chain(counts.targets()))?;
    let hz = info.tsc.as_ref().map(|tsc| tsc.hz);
    if let Some(TscHz(hz)) = hz
        && !(hz.is_finite() && hz > 0.0)
    {
        return Err(SummaryError::Frequency(hz));
    }
    let run = by_name(boots);
    let mut tasks = Vec::new();
    for (place, target) in targets.iter().enumerate() {
        for (benchmark, boots) in levels.benchmarks(&target.name) {
            let boots = of_target(target, boots, &run)?;
            tasks.push((place, benchmark, boots));
        }
    }
    let rows = parallel::map(&tasks, |(_, benchmark, boots)| row(*benchmark, boots, hz));
    let without_rows = |mut info: TargetInfo| {
        let (counts, check) = count::counts(counts.benchmarks(&info.name), info.boots_ok);
        info.checks.extend(check);
        TargetSummary {
            info,
            rows: Vec::new(),
            counts,
        }
    };
    let mut targets: Vec<_> = targets.into_iter().map(without_rows).collect();
    for ((place, benchmark, ..), row) in tasks.into_iter().zip(rows) {
        if let Some(target) = targets.get_mut(place) {
            let mut row = row.map_err(|error| SummaryError::Stats {
                target: target.info.name.clone(),
                benchmark,
                error,
            })?;
            row.findings = findings::findings(&row, &target.info);
            target.rows.push(row);
        }
    }
    relate(&mut targets);
    guest::compare(&mut targets);
    Ok(Summary {
        info,
        targets,
        fleet: None,
    })
}

fn check_names<'n>(
    targets: &[TargetInfo],
    mut names: impl Iterator<Item = &'n str>,
) -> Result<(), SummaryError> {
    for (i, target) in targets.iter().enumerate() {
        if targets.iter().skip(i + 1).any(|t| t.name == target.name) {
            return Err(SummaryError::TwoTargets(target.name.clone()));
        }
    }
    match names.find(|name| !targets.iter().any(|t| t.name == **name)) {
        Some(name) => Err(SummaryError::UnknownTarget(name.into())),
        None => Ok(()),
    }
}

/// One boot of a row, with its place in the run.
#[derive(Clone, Copy)]
struct PlacedBoot<'a> {
    /// Which boot of the target.
    number: u32,
    /// Its place in the run, in order of time.
    position: u32,
    /// Multiplications in a clock chain, if the chains measure the core's clock.
    chain_ops: Option<u64>,
    values: &'a BootValues,
}

/// All boots of the run by target and number, with their positions.
type Run<'a> = HashMap<(&'a str, u32), (u32, &'a BootInfo)>;

fn by_name(boots: &[BootInfo]) -> Run<'_> {
    let boots = boots.iter().zip(0..);
    boots
        .map(|(boot, position)| ((&*boot.target, boot.boot), (position, boot)))
        .collect()
}

/// A target's boots of one benchmark, in order of time.
fn of_target<'a>(
    target: &TargetInfo,
    boots: &'a Boots,
    run: &Run<'_>,
) -> Result<Vec<PlacedBoot<'a>>, SummaryError> {
    let trusted = target.has_core_clock();
    let boot = |(&number, values): (&u32, &'a BootValues)| {
        let known = run.get(&(&*target.name, number));
        let &(position, info) = known.ok_or_else(|| SummaryError::UnknownBoot {
            target: target.name.clone(),
            boot: number,
        })?;
        Ok(PlacedBoot {
            number,
            position,
            chain_ops: info.chain_ops.filter(|_| trusted),
            values,
        })
    };
    let mut boots = boots.iter().map(boot).collect::<Result<Vec<_>, _>>()?;
    boots.sort_by_key(|boot| boot.position);
    Ok(boots)
}

/// All of a row but its ratios and findings, which need to know its target.
fn row(benchmark: Benchmark, boots: &[PlacedBoot], hz: Option<TscHz>) -> Result<Row, StatsError> {
    let judged = boots
        .iter()
        .map(|boot| JudgedBoot::new(boot.number, boot.position, boot.values, boot.chain_ops));
    let mut boots = judged.collect::<Result<Vec<_>, _>>()?;
    let cycles = in_cycles(&mut boots)?;
    let medians: Vec<f64> = boots.iter().map(|boot| boot.line.median.0).collect();
    let values = boots.iter().map(|boot| boot.boot.values());
    let view = view(values.collect::<Vec<_>>().concat(), &medians, hz)?;
    let sorted = Sorted::new(medians)?;
    Ok(Row {
        benchmark,
        samples: view.samples,
        boots: view.boots,
        ticks: view.ticks,
        ns: view.ns,
        interval: view.interval,
        order_interval: order::median_interval(&sorted).map(|i| i.map(Ticks)),
        spread: spread(&sorted),
        cycles,
        boot_medians: boots.iter().map(|boot| boot.line).collect(),
        drift: drift::drift(&boots, sorted.median()),
        clock_moved: boots.iter().map(|boot| boot.line.clock_moved).sum(),
        outliers: boots.iter().map(|boot| boot.line.outliers).sum(),
        without_flagged: if boots.iter().any(JudgedBoot::is_flagged) {
            without_flagged(&boots, hz)?
        } else {
            Some(view)
        },
        modes: modes::modes(&boots, &sorted),
        alignments: alignment::alignments(&boots),
        ratio: None,
        findings: Vec::new(),
    })
}

/// Interquartile range divided by median; `None` for a single value, and if the median is not
/// above 0.
fn spread(medians: &Sorted) -> Option<f64> {
    let median = medians.median();
    let known = medians.values().len() > 1 && median > 0.0;
    known.then(|| (medians.q3() - medians.q1()) / median)
}

/// The row in core cycles, whose values it consumes; `None` if a boot has none.
fn in_cycles(boots: &mut [JudgedBoot]) -> Result<Option<InCycles>, StatsError> {
    let medians = boots.iter().map(|boot| Some(boot.line.median_cycles?.0));
    let medians: Option<Vec<f64>> = medians.collect();
    let values = boots.iter_mut().map(|boot| boot.cycles.take());
    let values: Option<Vec<Vec<f64>>> = values.collect();
    let (Some(medians), Some(values)) = (medians, values) else {
        return Ok(None);
    };
    Ok(Some(InCycles {
        figures: figures(&mut values.concat(), &medians)?.map(CoreCycles),
        interval: bootstrap::median(&medians).map(|i| i.map(CoreCycles)),
        spread: spread(&Sorted::new(medians)?),
        ratio: None,
    }))
}

/// Of all values together, whose order may be changed, and of the boots' medians.
fn figures(all: &mut [f64], medians: &[f64]) -> Result<Figures<f64>, StatsError> {
    let mean = mean_of(all);
    let [q1, median, q3] = quartiles_of(all);
    Ok(Figures {
        mean,
        median,
        q1,
        q3,
        median_of_boot_medians: Sorted::new(medians.to_vec())?.median(),
    })
}

/// `medians` are those of the boots in order of time.
fn view(mut all: Vec<f64>, medians: &[f64], hz: Option<TscHz>) -> Result<View, StatsError> {
    let ticks = figures(&mut all, medians)?.map(Ticks);
    Ok(View {
        samples: all.len() as u64,
        boots: medians.len() as u32,
        ticks,
        ns: hz.map(|hz| ticks.map(|t| nanoseconds(t, hz))),
        interval: bootstrap::median(medians).map(|i| i.map(Ticks)),
    })
}

fn without_flagged(boots: &[JudgedBoot], hz: Option<TscHz>) -> Result<Option<View>, StatsError> {
    let mut left: Vec<Vec<f64>> = boots.iter().map(JudgedBoot::unflagged).collect();
    left.retain(|values| !values.is_empty());
    if left.is_empty() {
        return Ok(None);
    }
    let medians: Vec<f64> = left.iter_mut().map(|values| median_of(values)).collect();
    view(left.concat(), &medians, hz).map(Some)
}

/// Sets each row's ratio to the first target with the same benchmark, by the same method, and
/// also real or also emulated.
fn relate(targets: &mut [TargetSummary]) {
    for i in 0..targets.len() {
        let (before, [target, ..]) = targets.split_at_mut(i) else {
            return;
        };
        for row in &mut target.rows {
            let comparable = |other: &&TargetSummary| {
                other.info.method == target.info.method
                    && other.info.emulated == target.info.emulated
            };
            let reference = before.iter().filter(comparable).find_map(|other| {
                let row = other.rows.iter().find(|r| r.benchmark == row.benchmark)?;
                Some((&other.info.name, row))
            });
            let Some((name, reference)) = reference else {
                continue;
            };
            row.ratio = ratio(name, &row.medians(), &reference.medians());
            let cycles = [row.medians_in_cycles(), reference.medians_in_cycles()];
            if let (Some(cycles), [Some(ours), Some(theirs)]) = (&mut row.cycles, cycles) {
                cycles.ratio = ratio(name, &ours, &theirs);
            }
        }
    }
}

/// Of the boots' medians in either unit.
fn ratio(name: &str, medians: &[f64], reference: &[f64]) -> Option<Ratio> {
    let median = |medians: &[f64]| Some(Sorted::new(medians.to_vec()).ok()?.median());
    let (ours, theirs) = (median(medians)?, median(reference)?);
    (theirs > 0.0).then(|| Ratio {
        reference: name.into(),
        ratio: ours / theirs,
        interval: bootstrap::ratio(medians, reference),
    })
}
