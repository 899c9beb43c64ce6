use std::collections::HashMap;

use console_format::Benchmark;

use super::{
    BootMedian, Drift, Figures, ModeTest, ModeVerdict, Modes, Row, RunInfo, SampleModes, Summary,
    SummaryError, TargetInfo, TargetSummary, Trend, TrendVerdict,
};
use crate::levels::{self, Boots, Levels};
use crate::stats::{Sorted, StatsError};
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
    let targets = targets
        .into_iter()
        .map(|info| {
            let rows = levels
                .benchmarks(&info.name)
                .map(|(benchmark, boots)| {
                    let positions = positions.of(&info.name, boots)?;
                    row(benchmark, boots, &positions, hz).map_err(|error| SummaryError::Stats {
                        target: info.name.clone(),
                        benchmark,
                        error,
                    })
                })
                .collect::<Result<_, _>>()?;
            Ok(TargetSummary { info, rows })
        })
        .collect::<Result<_, SummaryError>>()?;
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
    let all = levels::pool(boots)?;
    let mut boot_medians = boots
        .iter()
        .zip(positions)
        .map(|((&boot, values), &position)| boot_median(boot, position, values))
        .collect::<Result<Vec<_>, _>>()?;
    boot_medians.sort_by_key(|boot| boot.position);
    let medians = Sorted::new(boot_medians.iter().map(|boot| boot.median.0).collect())?;
    let ticks = Figures {
        mean: all.mean(),
        median: all.median(),
        q1: all.q1(),
        q3: all.q3(),
        median_of_boot_medians: medians.median(),
    }
    .map(Ticks);
    Ok(Row {
        benchmark,
        samples: all.values().len() as u64,
        boots: boot_medians.len() as u32,
        ticks,
        ns: hz.map(|hz| ticks.map(|t| nanoseconds(t, hz))),
        interval: None,
        order_interval: None,
        spread: (boot_medians.len() > 1 && medians.median() > 0.0)
            .then(|| (medians.q3() - medians.q1()) / medians.median()),
        boot_medians,
        drift: Drift {
            run: UNKNOWN,
            rounds: UNKNOWN,
        },
        clock_moved: None,
        outliers: None,
        without_flagged: None,
        modes: Modes {
            boots: ModeTest {
                verdict: ModeVerdict::CannotTell,
                p: None,
                modes: Vec::new(),
            },
            samples: SampleModes {
                verdict: ModeVerdict::CannotTell,
                boots_tested: 0,
                boots_with_two: 0,
                modes: Vec::new(),
            },
        },
        ratio: None,
        findings: Vec::new(),
    })
}

const UNKNOWN: Trend = Trend {
    verdict: TrendVerdict::CannotTell,
    change: None,
    p: None,
};

fn boot_median(boot: u32, position: u32, values: &[f64]) -> Result<BootMedian, StatsError> {
    let sorted = Sorted::new(values.to_vec())?;
    Ok(BootMedian {
        boot,
        position,
        samples: values.len() as u64,
        median: Ticks(sorted.median()),
        q1: Ticks(sorted.q1()),
        q3: Ticks(sorted.q3()),
        clock_moved: None,
        outliers: None,
    })
}
