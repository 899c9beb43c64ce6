//! One manifest for many runs: what all agree on stays, and what differs is listed.

use std::collections::{BTreeMap, BTreeSet};

use eval::verdict::{Finding, State, Verdict};
use host::machine::Machine;
use host::tsc::TscFrequency;
use host::tune::Tuning;

use crate::run::{Manifest, TargetId};

/// So many different values of one fact are listed; of more, only how many there are.
const LISTED: usize = 3;

/// Values of runs as one text.
fn joined<'v>(values: impl Iterator<Item = &'v str>) -> String {
    let values: BTreeSet<_> = values.collect();
    let listed: Vec<_> = values.iter().copied().take(LISTED).collect();
    let listed = listed.join(" | ");
    match values.len().saturating_sub(LISTED) {
        0 => listed,
        more => format!("{listed} | {more} more"),
    }
}

type Facts = BTreeMap<String, String>;

fn facts(machines: &[&Machine], part: fn(&Machine) -> &Facts) -> Facts {
    const ABSENT: &str = "(absent)";
    let names: BTreeSet<_> = machines.iter().flat_map(|m| part(m).keys()).collect();
    let names = names.into_iter();
    let together = |name: &String| {
        let values = machines.iter().map(|m| part(m).get(name));
        joined(values.map(|value| value.map_or(ABSENT, String::as_str)))
    };
    names.map(|name| (name.clone(), together(name))).collect()
}

/// The text of all runs' tools, files and so on.
pub fn text(manifests: &[Manifest], of: fn(&Manifest) -> &str) -> String {
    joined(manifests.iter().map(of))
}

/// All machines as one.
pub fn machine(manifests: &[Manifest]) -> Option<Machine> {
    let machines: Vec<_> = manifests.iter().map(|manifest| &manifest.machine).collect();
    let first = machines.first()?;
    let hypervisors = machines.iter().map(|m| m.hypervisor.as_deref());
    let hypervisor = joined(hypervisors.map(|name| name.unwrap_or("none")));
    Some(Machine {
        cpu: facts(&machines, |m| &m.cpu),
        hardware: facts(&machines, |m| &m.hardware),
        hypervisor: (hypervisor != "none").then_some(hypervisor),
        vulnerabilities: facts(&machines, |m| &m.vulnerabilities),
        software: facts(&machines, |m| &m.software),
        settings: facts(&machines, |m| &m.settings),
        kvm_parameters: facts(&machines, |m| &m.kvm_parameters),
        state: facts(&machines, |m| &m.state),
        passing: Facts::new(),
        tsc: tsc(&machines)?,
        kvm: first.kvm.clone(),
    })
}

/// The middle one of the machines' frequencies.
fn tsc(machines: &[&Machine]) -> Option<TscFrequency> {
    let mut all: Vec<_> = machines.iter().map(|machine| &machine.tsc).collect();
    all.sort_by(|a, b| a.hz().total_cmp(&b.hz()));
    all.get(all.len() / 2).map(|tsc| (*tsc).clone())
}

/// Each target of the runs as one.
pub fn targets(manifests: &[Manifest]) -> Vec<TargetId> {
    let Some(first) = manifests.first() else {
        return Vec::new();
    };
    first.targets.iter().map(|t| target(t, manifests)).collect()
}

fn target(first: &TargetId, manifests: &[Manifest]) -> TargetId {
    let all = || {
        let targets = manifests.iter().flat_map(|manifest| &manifest.targets);
        targets.filter(|target| target.name == first.name)
    };
    let mut target = first.clone();
    target.engine.version = joined(all().map(|t| &*t.engine.version));
    target.cmdline = joined(all().map(|t| &*t.cmdline));
    // CPUs of different machines have nothing in common but their numbers.
    if all().any(|t| t.pin != first.pin) {
        target.pin.clear();
    }
    if all().any(|t| t.pinned_by != first.pinned_by) {
        target.pinned_by = None;
    }
    let broken: BTreeSet<_> = all().flat_map(|t| t.pin_breaks.clone()).collect();
    target.pin_breaks = broken.into_iter().collect();
    target
}

/// What the doctor found on the machines: each check's worst state, and on how many.
pub fn doctor(manifests: &[Manifest]) -> Verdict {
    let verdicts: Vec<_> = manifests.iter().map(|manifest| &manifest.doctor).collect();
    let mut checks: Vec<&str> = Vec::new();
    for finding in verdicts.iter().flat_map(|verdict| &verdict.findings) {
        if !checks.contains(&&*finding.check) {
            checks.push(&finding.check);
        }
    }
    let findings = checks
        .into_iter()
        .filter_map(|check| worst(check, &verdicts));
    let noise = verdicts.iter().filter_map(|verdict| verdict.noise);
    Verdict::new(
        findings.collect(),
        noise.max_by(|a, b| a.lost.total_cmp(&b.lost)),
    )
}

fn worst(check: &str, verdicts: &[&Verdict]) -> Option<Finding> {
    let of_check = || {
        let found = verdicts.iter().flat_map(|verdict| &verdict.findings);
        found.filter(|finding| finding.check == check)
    };
    let state = State::ALL
        .into_iter()
        .find(|state| of_check().any(|finding| finding.state == *state))?;
    let alike = || of_check().filter(|finding| finding.state == state);
    let mut worst = alike().min_by(|a, b| a.what.cmp(&b.what))?.clone();
    if state != State::Ok && verdicts.len() > 1 {
        worst.what = format!(
            "in {} of {} runs, for example: {}",
            alike().count(),
            verdicts.len(),
            worst.what
        );
    }
    Some(worst)
}

/// How the machines were tuned, if all were.
pub fn tune(manifests: &[Manifest]) -> Option<Tuning> {
    let all = manifests.iter().map(|manifest| manifest.tune.clone());
    let all: Option<Vec<_>> = all.collect();
    all?.into_iter().next()
}
