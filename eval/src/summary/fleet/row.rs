//! One benchmark on one target, machine by machine and over all machines.

use contract::Benchmark;
use serde::{Deserialize, Serialize};

use super::classes::{self, ClassCost};
use super::cost::{Estimate, MachineCost, cost, estimate};
use super::machine::{Machine, Scope, Task};
use crate::stats::student::Moments;
use crate::stats::{Sorted, bootstrap};

/// One benchmark on one target.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FleetRow {
    /// The target's name.
    pub target: String,
    /// What was timed.
    #[serde(with = "crate::names::benchmark")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub benchmark: Benchmark,
    /// The target to which ratios are taken.
    pub reference: Option<String>,
    /// The machines, in order of their identities.
    pub machines: Vec<MachineCost>,
    /// The classes, by name.
    pub classes: Vec<ClassCost>,
    /// The ratio over all machines.
    pub ratio: Option<Estimate>,
    /// How much machines differ in this ratio, or in the cost without a ratio: their standard
    /// deviation, as a share, without what the differences between boots add to it.
    pub between_machines: Option<f64>,
    /// How much boots of one machine differ: the standard deviation of their medians, as a share.
    pub between_boots: Option<f64>,
}

pub(super) fn row(
    task: &Task,
    reference: Option<&Task>,
    machines: &[Machine],
    scope: Scope,
) -> FleetRow {
    let mut costs = Vec::new();
    for (&place, medians) in &task.medians {
        let theirs = reference.and_then(|task| task.medians.get(&place));
        if let Some(machine) = machines.get(place)
            && let Some(cost) = cost(machine, medians, theirs.map(Vec::as_slice))
        {
            costs.push(cost);
        }
    }
    costs.sort_by(|a, b| a.machine.cmp(&b.machine));
    let (between_machines, between_boots) = spreads(task, reference);
    FleetRow {
        target: task.target.clone(),
        benchmark: task.benchmark,
        reference: task.reference.clone(),
        classes: classes::costs(&costs, machines),
        ratio: match scope {
            Scope::MachinesLikeThese => over_machines(&costs),
            Scope::TheseMachines => stratified(task, reference),
        },
        machines: costs,
        between_machines,
        between_boots,
    }
}

/// Machines are examples: Student's t over the logarithms of their ratios. Of each machine, one
/// number counts, so whatever happens within machines is part of the difference between them.
fn over_machines(costs: &[MachineCost]) -> Option<Estimate> {
    let ratios = costs.iter().filter_map(|cost| cost.ratio);
    let logs: Vec<_> = ratios.filter(|ratio| *ratio > 0.0).map(f64::ln).collect();
    estimate(&logs)
}

/// The machines are what they are: boots are drawn within each.
fn stratified(task: &Task, reference: Option<&Task>) -> Option<Estimate> {
    let reference = reference?;
    let pairs = task.medians.iter().filter_map(|(place, medians)| {
        let theirs = reference.medians.get(place)?;
        Some((medians.as_slice(), theirs.as_slice()))
    });
    let pairs: Vec<_> = pairs.collect();
    let (value, interval) = bootstrap::stratified_ratio(&pairs)?;
    Some(Estimate {
        value,
        low: interval.low,
        high: interval.high,
    })
}

/// The standard deviations between machines and between boots.
fn spreads(task: &Task, reference: Option<&Task>) -> (Option<f64>, Option<f64>) {
    /// A median varies more than a mean, by this factor in its variance if values are normal.
    const MEDIAN: f64 = std::f64::consts::FRAC_PI_2;
    let logs = |medians: &[f64]| -> Option<Vec<f64>> {
        let positive = medians.iter().all(|median| *median > 0.0);
        positive.then(|| medians.iter().map(|median| median.ln()).collect())
    };
    let mut centres = Vec::new();
    let (mut boots, mut noise) = (Vec::new(), Vec::new());
    for (place, medians) in &task.medians {
        let sides = match reference {
            Some(reference) => vec![Some(medians), reference.medians.get(place)],
            None => vec![Some(medians)],
        };
        let sides: Option<Vec<Vec<f64>>> = sides.into_iter().map(|side| logs(side?)).collect();
        let Some(sides) = sides else { continue };
        let mut centre = 0.0;
        let mut own_noise = 0.0;
        for (side, sign) in sides.iter().zip([1.0, -1.0]) {
            let Ok(sorted) = Sorted::new(side.clone()) else {
                continue;
            };
            centre += sign * sorted.median();
            if let Some(moments) = Moments::of(side) {
                boots.push(moments.variance);
                own_noise += MEDIAN * moments.variance / moments.n;
            }
        }
        centres.push(centre);
        noise.push(own_noise);
    }
    let mean = |values: &[f64]| {
        let known = !values.is_empty();
        known.then(|| values.iter().sum::<f64>() / values.len() as f64)
    };
    let between = Moments::of(&centres).map(|moments| {
        let from_boots = mean(&noise).unwrap_or(0.0);
        (moments.variance - from_boots).max(0.0).sqrt()
    });
    (between, mean(&boots).map(f64::sqrt))
}
