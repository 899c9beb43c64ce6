//! The processor and its mitigations as a target's kernel found them.

use std::collections::{BTreeMap, BTreeSet};

use contract::Fact;
use serde::{Deserialize, Serialize};

use super::{TargetInfo, TargetSummary};
use crate::verdict::{Finding, State};

/// A target's kernel's description of its processor.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GuestCpu {
    /// The files of /sys/devices/system/cpu/vulnerabilities.
    pub vulnerabilities: BTreeMap<String, String>,
    /// The processor's [`FEATURES`].
    pub features: BTreeSet<String>,
}

/// Flags of /proc/cpuinfo by which Linux chooses its paths into and out of the kernel:
/// page-table isolation and what makes it cheap, and controls of speculation.
pub const FEATURES: [&str; 12] = [
    "arch_capabilities",
    "fred",
    "ibpb",
    "ibrs",
    "ibrs_enhanced",
    "invpcid",
    "md_clear",
    "pcid",
    "pti",
    "ssbd",
    "stibp",
    "user_shstk",
];

/// The name of the check that a counted guest takes the same path as the timed one.
pub(super) const CHECK: &str = "mitigations";

impl GuestCpu {
    /// From the names and values that a guest prints, including `vulnerability.*` and
    /// `cpu.flags`. `None` if there are none of these.
    pub fn of<'a>(facts: impl Iterator<Item = (&'a str, &'a str)> + Clone) -> Option<Self> {
        let vulnerabilities: BTreeMap<_, _> = facts
            .clone()
            .filter_map(|(name, value)| {
                let (Fact::Vulnerability, name) = Fact::of_key(name)? else {
                    return None;
                };
                Some((name.to_owned(), value.to_owned()))
            })
            .collect();
        let flags = facts.filter(|(name, _)| *name == "cpu.flags");
        let features: BTreeSet<_> = flags
            .flat_map(|(_, flags)| flags.split_whitespace())
            .filter(|flag| FEATURES.contains(flag))
            .map(str::to_owned)
            .collect();
        let known = !vulnerabilities.is_empty() || !features.is_empty();
        known.then_some(Self {
            vulnerabilities,
            features,
        })
    }
}

/// If the counted guest has other mitigations than the timed one, its count is that of another
/// path. `None` if either reports nothing.
pub(super) fn differences(counted: &TargetInfo, timed: &TargetInfo) -> Option<Finding> {
    let ours = &counted.guest.as_ref()?.vulnerabilities;
    let theirs = &timed.guest.as_ref()?.vulnerabilities;
    let names: BTreeSet<_> = ours.keys().chain(theirs.keys()).collect();
    let said = |said: Option<&String>| said.map_or("nothing", String::as_str).to_owned();
    let lines: Vec<_> = names
        .into_iter()
        .filter(|name| ours.get(*name) != theirs.get(*name))
        .map(|name| {
            format!(
                "{name}: “{}” and “{}”",
                said(ours.get(name)),
                said(theirs.get(name))
            )
        })
        .collect();
    let (state, what) = if lines.is_empty() {
        (
            State::Ok,
            "the counted guest and the timed one have the same mitigations".into(),
        )
    } else {
        (
            State::Warning,
            format!(
                "the counted guest has other mitigations than the timed one: {}",
                lines.join("; ")
            ),
        )
    };
    Some(Finding::new(CHECK, state, what))
}

/// Compares each counted guest with the timed one in the same row.
pub(super) fn compare(targets: &mut [TargetSummary]) {
    let timed: Vec<_> = targets.iter().map(|target| target.info.clone()).collect();
    for target in targets {
        let of = target.info.counts_for.as_ref();
        let timed = of.and_then(|name| timed.iter().find(|timed| timed.name == *name));
        let found = timed.and_then(|timed| differences(&target.info, timed));
        target.info.checks.extend(found);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guests_cpu_is_described_by_features_and_vulnerabilities() {
        let facts = [
            ("vulnerability.meltdown", "Mitigation: PTI"),
            ("cpu.flags", "fpu pti pcid aes"),
            ("cpu.model", "85"),
        ];
        let guest = GuestCpu::of(facts.into_iter()).unwrap();
        assert_eq!(guest.vulnerabilities["meltdown"], "Mitigation: PTI");
        let features: Vec<_> = guest.features.iter().map(String::as_str).collect();
        assert_eq!(features, ["pcid", "pti"]);
        assert_eq!(GuestCpu::of([("cpu.model", "85")].into_iter()), None);
        assert!(FEATURES.is_sorted());
    }
}
