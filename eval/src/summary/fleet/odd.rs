//! Machines that differ from the others of their class.

use std::collections::BTreeMap;

use contract::Benchmark;
use serde::{Deserialize, Serialize};

use super::cost::MachineCost;
use super::machine::{Facts, Machine};
use super::row::FleetRow;
use crate::stats::Sorted;
use crate::stats::student::apart;

/// Probability that any machine is called odd if all are alike.
const ALPHA: f64 = 0.05;

/// What of a machine is odd.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Quantity {
    /// The cost, in nanoseconds.
    Cost,
    /// The ratio to the reference target on the same machine.
    Ratio,
}

/// An odd machine.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Odd {
    /// Its identity.
    pub machine: String,
    /// On which target.
    pub target: String,
    /// In what.
    #[serde(with = "crate::names::benchmark")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub benchmark: Benchmark,
    /// In its cost, or only in its ratio.
    pub quantity: Quantity,
    /// Its value divided by the median of the others of its class.
    pub by: f64,
    /// Probability of such a machine if all are alike, corrected for the number of tests.
    pub p: f64,
    /// Facts in which it differs from more than half of the others.
    pub differs: Vec<OddFact>,
}

/// A fact of an odd machine.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OddFact {
    /// Its name.
    pub name: String,
    /// Its value there; `None` if that machine does not have it.
    pub here: Option<String>,
    /// The value on the others; `None` if they do not have it.
    pub usual: Option<String>,
}

/// The most informative row of each odd machine.
pub(super) fn odd(rows: &[FleetRow], machines: &[Machine]) -> Vec<Odd> {
    let mut classes: BTreeMap<&str, Vec<&Machine>> = BTreeMap::new();
    for machine in machines {
        classes.entry(&machine.class).or_default().push(machine);
    }
    let tests = 2 * rows.len() * machines.len();
    let mut found: Vec<Odd> = Vec::new();
    for class in classes.values() {
        for row in rows {
            for quantity in [Quantity::Cost, Quantity::Ratio] {
                for odd in in_row(row, quantity, class, tests as f64) {
                    match found.iter_mut().find(|known| known.machine == odd.machine) {
                        Some(known) if odd.p < known.p => *known = odd,
                        Some(_) => {}
                        None => found.push(odd),
                    }
                }
            }
        }
    }
    found.sort_by(|a, b| a.p.total_cmp(&b.p));
    found
}

/// Machine by machine, the oddest first: it is left out when the next one is tested, so that two
/// odd machines do not hide each other's distance.
fn in_row(row: &FleetRow, quantity: Quantity, class: &[&Machine], tests: f64) -> Vec<Odd> {
    let value = |cost: &MachineCost| match quantity {
        Quantity::Cost => Some(cost.ns.0),
        Quantity::Ratio => cost.ratio,
    };
    let of_class = |cost: &&MachineCost| class.iter().any(|m| m.id == cost.machine);
    let costs = row.machines.iter().filter(of_class);
    let values = costs.filter_map(|cost| Some((&*cost.machine, value(cost)?)));
    let mut left: Vec<_> = values
        .filter(|(_, value)| *value > 0.0)
        .map(|(machine, value)| (machine, value.ln()))
        .collect();
    let mut found = Vec::new();
    loop {
        let logs: Vec<_> = left.iter().map(|(_, log)| *log).collect();
        let tested = (0..logs.len()).filter_map(|at| Some((at, apart(&logs, at)?)));
        let Some((at, p)) = tested.min_by(|a, b| a.1.total_cmp(&b.1)) else {
            return found;
        };
        let p = (p * tests).min(1.0);
        if p >= ALPHA {
            return found;
        }
        let (machine, log) = left.remove(at);
        let others = Sorted::new(left.iter().map(|(_, log)| *log).collect());
        let usual = others.map_or(log, |others| others.median());
        found.push(Odd {
            machine: machine.to_owned(),
            target: row.target.clone(),
            benchmark: row.benchmark,
            quantity,
            by: (log - usual).exp(),
            p,
            differs: differs(machine, class),
        });
    }
}

fn differs(machine: &str, class: &[&Machine]) -> Vec<OddFact> {
    let Some(own) = class.iter().find(|other| other.id == machine) else {
        return Vec::new();
    };
    let others = class.iter().filter(|other| other.id != machine);
    let others: Vec<_> = others.map(|other| &other.facts).collect();
    let names = own
        .facts
        .keys()
        .chain(others.iter().flat_map(|facts| facts.keys()));
    let names: std::collections::BTreeSet<_> = names.collect();
    let names = names.into_iter();
    names
        .filter_map(|name| fact(name, &own.facts, &others))
        .collect()
}

fn fact(name: &str, own: &Facts, others: &[&Facts]) -> Option<OddFact> {
    let mut counts = BTreeMap::<Option<&String>, usize>::new();
    for facts in others {
        *counts.entry(facts.get(name)).or_default() += 1;
    }
    let (usual, count) = counts.into_iter().max_by_key(|(_, count)| *count)?;
    let here = own.get(name);
    (2 * count > others.len() && here != usual).then(|| OddFact {
        name: name.to_owned(),
        here: here.cloned(),
        usual: usual.cloned(),
    })
}
