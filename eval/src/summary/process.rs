use console_format::Benchmark;

use super::{Figures, Row, RunInfo, Summary, SummaryError, TargetInfo, TargetSummary};
use crate::levels::{self, Boots, Levels};
use crate::stats::{Sorted, StatsError};
use crate::units::{Ticks, TscHz, nanoseconds};

/// Sums a run up.
///
/// # Errors
///
/// [`SummaryError`] for samples of a target that is not in `targets`, two targets of
/// one name, an impossible frequency, and values that are no finite numbers.
pub fn summarize(
    info: RunInfo,
    targets: Vec<TargetInfo>,
    levels: &Levels,
) -> Result<Summary, SummaryError> {
    check_names(&targets, levels)?;
    let hz = info.tsc.as_ref().map(|tsc| tsc.hz);
    if let Some(TscHz(hz)) = hz
        && !(hz.is_finite() && hz > 0.0)
    {
        return Err(SummaryError::Frequency(hz));
    }
    let targets = targets
        .into_iter()
        .map(|info| {
            let rows = levels
                .benchmarks(&info.name)
                .map(|(benchmark, boots)| {
                    row(benchmark, boots, hz).map_err(|error| SummaryError::Stats {
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

fn row(benchmark: Benchmark, boots: &Boots, hz: Option<TscHz>) -> Result<Row, StatsError> {
    let all = levels::pool(boots)?;
    let medians: Vec<f64> = boots
        .values()
        .map(|values| Sorted::new(values.clone()).map(|boot| boot.median()))
        .collect::<Result<_, _>>()?;
    let boots = medians.len() as u32;
    let ticks = Figures {
        mean: all.mean(),
        median: all.median(),
        q1: all.q1(),
        q3: all.q3(),
        median_of_boot_medians: Sorted::new(medians)?.median(),
    }
    .map(Ticks);
    Ok(Row {
        benchmark,
        samples: all.values().len() as u64,
        boots,
        ticks,
        ns: hz.map(|hz| ticks.map(|t| nanoseconds(t, hz))),
    })
}
