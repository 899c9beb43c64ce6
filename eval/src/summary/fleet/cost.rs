//! What something costs on one machine.

use serde::{Deserialize, Serialize};

use super::machine::Machine;
use crate::stats::student::Moments;
use crate::stats::{Sorted, bootstrap};
use crate::units::{Nanoseconds, Ticks, nanoseconds};

/// A value with its 95 % interval.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Estimate {
    /// The value: of ratios, the geometric mean over the machines.
    pub value: f64,
    /// The lower end of the interval.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// One machine in a row.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MachineCost {
    /// The machine's identity.
    pub machine: String,
    /// The number of its boots.
    pub boots: u32,
    /// The median of its boots' medians.
    pub ticks: Ticks,
    /// The same in nanoseconds, by its own counter.
    pub ns: Nanoseconds,
    /// Its ratio to the reference target on the same machine.
    pub ratio: Option<f64>,
    /// 95 % interval of the ratio, by bootstrap over the machine's boots.
    pub interval: Option<[f64; 2]>,
}

pub(super) fn cost(
    machine: &Machine,
    medians: &[f64],
    reference: Option<&[f64]>,
) -> Option<MachineCost> {
    let median = |medians: &[f64]| Some(Sorted::new(medians.to_vec()).ok()?.median());
    let ours = median(medians)?;
    let theirs = reference.and_then(median).filter(|median| *median > 0.0);
    let interval = reference.and_then(|reference| bootstrap::ratio(medians, reference));
    Some(MachineCost {
        machine: machine.id.clone(),
        boots: medians.len() as u32,
        ticks: Ticks(ours),
        ns: nanoseconds(Ticks(ours), machine.hz),
        ratio: theirs.map(|theirs| ours / theirs),
        interval: interval.map(|interval| [interval.low, interval.high]),
    })
}

/// A mean of logarithms, as a ratio.
pub(super) fn estimate(logs: &[f64]) -> Option<Estimate> {
    let moments = Moments::of(logs)?;
    let [low, high] = moments.interval()?;
    Some(Estimate {
        value: moments.mean.exp(),
        low: low.exp(),
        high: high.exp(),
    })
}
