use std::collections::HashMap;

use console_format::Benchmark;

use super::boot::JudgedBoot;
use super::{
    Figures, Ratio, Row, RunInfo, Summary, SummaryError, TargetInfo, TargetSummary, View, drift,
    findings, modes,
};
use crate::levels::{Boots, Levels};
use crate::parallel;
use crate::stats::{Sorted, StatsError, bootstrap, mean_of, median_of, order, quartiles_of};
use crate::units::{Ticks, TscHz, nanoseconds};

/// One boot of a run.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BootId {
    /// The target's name.
    pub target: String,
    /// Which boot of it, from 0.
    pub boot: u32,
}

/// Sums a run up. `boots` are all boots of the run in the order of time, those that
/// gave no samples among them.
///
/// # Errors
///
/// [`SummaryError`] for samples of a target or boot that is not among them, two targets of
/// one name, an impossible frequency, and values that are no finite numbers.
pub fn summarize(
    info: RunInfo,
    targets: Vec<TargetInfo>,
    boots: &[BootId],
    levels: &Levels,
) -> Result<Summary, SummaryError> {
    check_names(&targets, levels)?;
    let hz = info.tsc.as_ref().map(|tsc| tsc.hz);
    if let Some(TscHz(hz)) = hz
        && !(hz.is_finite() && hz > 0.0)
    {
        return Err(SummaryError::Frequency(hz));
    }
    let positions = Positions::new(boots);
    let mut tasks = Vec::new();
    for (place, target) in targets.iter().enumerate() {
        for (benchmark, boots) in levels.benchmarks(&target.name) {
            let positions = positions.of(&target.name, boots)?;
            tasks.push((place, benchmark, boots, positions));
        }
    }
    let rows = parallel::map(&tasks, |(_, benchmark, boots, positions)| {
        row(*benchmark, boots, positions, hz)
    });
    let without_rows = |info| TargetSummary {
        info,
        rows: Vec::new(),
    };
    let mut targets: Vec<_> = targets.into_iter().map(without_rows).collect();
    for ((place, benchmark, ..), row) in tasks.into_iter().zip(rows) {
        if let Some(target) = targets.get_mut(place) {
            target.rows.push(row.map_err(|error| SummaryError::Stats {
                target: target.info.name.clone(),
                benchmark,
                error,
            })?);
        }
    }
    relate(&mut targets);
    Ok(Summary { info, targets })
}

fn check_names(targets: &[TargetInfo], levels: &Levels) -> Result<(), SummaryError> {
    for (i, target) in targets.iter().enumerate() {
        if targets.iter().skip(i + 1).any(|t| t.name == target.name) {
            return Err(SummaryError::TwoTargets(target.name.clone()));
        }
    }
    match levels
        .targets()
        .find(|name| !targets.iter().any(|t| t.name == **name))
    {
        Some(name) => Err(SummaryError::UnknownTarget(name.into())),
        None => Ok(()),
    }
}

/// When each boot came in the run.
struct Positions<'a>(HashMap<(&'a str, u32), u32>);

impl<'a> Positions<'a> {
    fn new(boots: &'a [BootId]) -> Self {
        let boots = boots.iter().zip(0..);
        Self(
            boots
                .map(|(id, position)| ((&*id.target, id.boot), position))
                .collect(),
        )
    }

    /// The positions of a target's boots, in the boots' order.
    fn of(&self, target: &str, boots: &Boots) -> Result<Vec<u32>, SummaryError> {
        let position = |&boot| {
            let unknown = || SummaryError::UnknownBoot {
                target: target.into(),
                boot,
            };
            self.0.get(&(target, boot)).copied().ok_or_else(unknown)
        };
        boots.keys().map(position).collect()
    }
}

fn row(
    benchmark: Benchmark,
    boots: &Boots,
    positions: &[u32],
    hz: Option<TscHz>,
) -> Result<Row, StatsError> {
    let mut boots = boots
        .iter()
        .zip(positions)
        .map(|((&number, boot), &position)| JudgedBoot::new(number, position, boot))
        .collect::<Result<Vec<_>, _>>()?;
    boots.sort_by_key(|boot| boot.line.position);
    let medians: Vec<f64> = boots.iter().map(|boot| boot.line.median.0).collect();
    let values = boots.iter().map(|boot| boot.boot.values());
    let view = view(values.collect::<Vec<_>>().concat(), &medians, hz)?;
    let sorted = Sorted::new(medians)?;
    let median = sorted.median();
    let mut row = Row {
        benchmark,
        samples: view.samples,
        boots: view.boots,
        ticks: view.ticks,
        ns: view.ns,
        interval: view.interval,
        order_interval: order::median_interval(&sorted).map(|i| i.map(Ticks)),
        spread: (boots.len() > 1 && median > 0.0).then(|| (sorted.q3() - sorted.q1()) / median),
        boot_medians: boots.iter().map(|boot| boot.line).collect(),
        drift: drift::drift(&boots, median),
        clock_moved: boots.iter().map(|boot| boot.line.clock_moved).sum(),
        outliers: boots.iter().map(|boot| boot.line.outliers).sum(),
        without_flagged: match boots.iter().any(JudgedBoot::is_flagged) {
            true => without_flagged(&boots, hz)?,
            false => Some(view),
        },
        modes: modes::modes(&boots, &sorted),
        ratio: None,
        findings: Vec::new(),
    };
    row.findings = findings::findings(&row);
    Ok(row)
}

/// `medians` are those of the boots in the order of time.
fn view(mut all: Vec<f64>, medians: &[f64], hz: Option<TscHz>) -> Result<View, StatsError> {
    let mean = mean_of(&all);
    let [q1, median, q3] = quartiles_of(&mut all);
    let ticks = Figures {
        mean,
        median,
        q1,
        q3,
        median_of_boot_medians: Sorted::new(medians.to_vec())?.median(),
    }
    .map(Ticks);
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

/// Sets each row's ratio to the first target with the same benchmark, by the same method,
/// and as real or as emulated.
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
            row.ratio = reference.and_then(|(name, reference)| ratio(row, name, reference));
        }
    }
}

fn ratio(row: &Row, name: &str, reference: &Row) -> Option<Ratio> {
    let of = |row: &Row| row.ticks.median_of_boot_medians.0;
    (of(reference) > 0.0).then(|| Ratio {
        reference: name.into(),
        ratio: of(row) / of(reference),
        interval: bootstrap::ratio(&row.medians(), &reference.medians()),
    })
}
