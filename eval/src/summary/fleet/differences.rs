//! Classes with different costs.

use contract::Benchmark;
use serde::{Deserialize, Serialize};

use super::classes::by_class;
use super::cost::{Estimate, MachineCost};
use super::machine::Machine;
use super::row::FleetRow;
use crate::stats::student::welch;

/// Probability of any difference being reported if none exists.
const ALPHA: f64 = 0.05;

/// Two classes with different costs.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassDifference {
    /// The target's name.
    pub target: String,
    /// What was timed.
    #[serde(with = "crate::names::benchmark")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub benchmark: Benchmark,
    /// A class.
    pub class: String,
    /// The one with which it is compared.
    pub other: String,
    /// Its cost divided by the other's, in nanoseconds.
    pub ratio: Estimate,
    /// Probability of such a difference if there is none, corrected for the number of
    /// comparisons.
    pub p: f64,
}

/// Classes of at least two machines each, whose costs differ.
pub(super) fn differences(rows: &[FleetRow], machines: &[Machine]) -> Vec<ClassDifference> {
    let mut all = Vec::new();
    for row in rows {
        let classes: Vec<_> = by_class(&row.machines, machines).into_iter().collect();
        for (at, (other, theirs)) in classes.iter().enumerate() {
            for (class, ours) in classes.iter().skip(at + 1) {
                all.extend(difference(row, (class, ours), (other, theirs)));
            }
        }
    }
    let compared = all.len() as f64;
    for difference in &mut all {
        difference.p = (difference.p * compared).min(1.0);
    }
    all.retain(|difference| difference.p < ALPHA);
    all.sort_by(|a, b| a.p.total_cmp(&b.p));
    all
}

fn difference(
    row: &FleetRow,
    (class, ours): (&str, &[&MachineCost]),
    (other, theirs): (&str, &[&MachineCost]),
) -> Option<ClassDifference> {
    let logs = |costs: &[&MachineCost]| -> Option<Vec<f64>> {
        let positive = costs.iter().all(|cost| cost.ns.0 > 0.0);
        positive.then(|| costs.iter().map(|cost| cost.ns.0.ln()).collect())
    };
    let welch = welch(&logs(theirs)?, &logs(ours)?)?;
    let [low, high] = welch.interval;
    Some(ClassDifference {
        target: row.target.clone(),
        benchmark: row.benchmark,
        class: class.to_owned(),
        other: other.to_owned(),
        ratio: Estimate {
            value: welch.difference.exp(),
            low: low.exp(),
            high: high.exp(),
        },
        p: welch.p,
    })
}
