//! Classes of machines: model, microcode and kernel.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::cost::{MachineCost, estimate};
use super::machine::Machine;
use crate::stats::Sorted;
use crate::units::Nanoseconds;

/// A class in a row.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassCost {
    /// Its name.
    pub class: String,
    /// The number of its machines.
    pub machines: u32,
    /// The number of their boots.
    pub boots: u32,
    /// The median of the machines' costs.
    pub ns: Nanoseconds,
    /// The ratio over its machines; without an interval below two.
    pub ratio: Option<f64>,
    /// The ratio's 95 % interval.
    pub interval: Option<[f64; 2]>,
}

/// Costs by the class of their machine.
pub(super) type ByClass<'a> = BTreeMap<&'a str, Vec<&'a MachineCost>>;

pub(super) fn by_class<'a>(costs: &'a [MachineCost], machines: &'a [Machine]) -> ByClass<'a> {
    let mut classes = ByClass::new();
    for cost in costs {
        if let Some(machine) = machines.iter().find(|m| m.id == cost.machine) {
            classes.entry(&machine.class).or_default().push(cost);
        }
    }
    classes
}

pub(super) fn costs(costs: &[MachineCost], machines: &[Machine]) -> Vec<ClassCost> {
    let classes = by_class(costs, machines).into_iter();
    classes
        .filter_map(|(class, costs)| of_class(class, &costs))
        .collect()
}

fn of_class(class: &str, costs: &[&MachineCost]) -> Option<ClassCost> {
    let ns = Sorted::new(costs.iter().map(|cost| cost.ns.0).collect()).ok()?;
    let ratios = costs.iter().filter_map(|cost| cost.ratio);
    let logs: Vec<_> = ratios.filter(|ratio| *ratio > 0.0).map(f64::ln).collect();
    let over = estimate(&logs);
    let single = match logs[..] {
        [log] => Some(log.exp()),
        _ => None,
    };
    Some(ClassCost {
        class: class.to_owned(),
        machines: costs.len() as u32,
        boots: costs.iter().map(|cost| cost.boots).sum(),
        ns: Nanoseconds(ns.median()),
        ratio: over.map(|over| over.value).or(single),
        interval: over.map(|over| [over.low, over.high]),
    })
}
