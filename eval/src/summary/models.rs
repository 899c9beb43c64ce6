//! Emulated processors with the same result.

use std::collections::{BTreeMap, BTreeSet};

use super::{GuestCpu, Summary, TargetSummary};
use crate::units::Instructions;

/// Counted targets with equal counts, on processors with equal features for which the kernel
/// does the same.
#[derive(Clone, Debug)]
pub struct ModelGroup<'s> {
    targets: Vec<&'s TargetSummary>,
}

impl Summary {
    /// The counted targets in such groups, in the order of their first members; empty if all
    /// were counted on one model.
    pub fn model_groups(&self) -> Vec<ModelGroup<'_>> {
        let counted = self.targets.iter().filter(|t| !t.counts.is_empty());
        let models: BTreeSet<_> = counted.clone().map(|t| &t.info.cpu_model).collect();
        if models.len() < 2 {
            return Vec::new();
        }
        let mut groups: Vec<ModelGroup<'_>> = Vec::new();
        for target in counted {
            match groups.iter_mut().find(|group| group.is_of(target)) {
                Some(group) => group.targets.push(target),
                None => groups.push(ModelGroup {
                    targets: vec![target],
                }),
            }
        }
        groups
    }
}

/// The kernel's text for a vulnerability for which it does nothing: the processor does not have
/// it, or it is not mitigated, whatever the rest of the line says.
fn is_in_effect(line: &str) -> bool {
    let nothing = ["Not affected", "Vulnerable"].contains(&line);
    !(nothing || line.starts_with("Vulnerable;") || line.starts_with("Unknown"))
}

/// The lines in effect, or the others.
fn lines(guest: &GuestCpu, in_effect: bool) -> impl Iterator<Item = (&str, &str)> {
    let all = guest.vulnerabilities.iter();
    let all = all.map(|(name, line)| (name.as_str(), line.as_str()));
    all.filter(move |(_, line)| is_in_effect(line) == in_effect)
}

impl ModelGroup<'_> {
    fn is_of(&self, other: &TargetSummary) -> bool {
        let counts = |target: &TargetSummary| -> Vec<_> {
            let counts = target.counts.iter();
            counts
                .map(|count| (count.benchmark, count.instructions))
                .collect()
        };
        // A processor about which nothing is known does not equal any other.
        let Some((first, ours)) = self.guests().next() else {
            return false;
        };
        other.info.guest.as_ref().is_some_and(|theirs| {
            ours.features == theirs.features
                && lines(ours, true).eq(lines(theirs, true))
                && counts(first) == counts(other)
        })
    }

    /// Its targets' names for readers.
    pub fn labels(&self) -> Vec<&str> {
        let targets = self.targets.iter();
        targets.map(|target| target.info.label.as_str()).collect()
    }

    /// The instructions of each call, as text.
    pub fn counts(&self) -> String {
        let counts = self.targets.first().into_iter().flat_map(|t| &t.counts);
        let counts = counts.map(|count| match count.instructions {
            Some(Instructions(each)) => format!("{} {each}", count.benchmark.name()),
            None => format!("{} not counted", count.benchmark.name()),
        });
        counts.collect::<Vec<_>>().join(", ")
    }

    /// Features by which Linux chooses its path into the kernel.
    pub fn features(&self) -> String {
        let guest = self.guests().next();
        let features = guest.iter().flat_map(|(_, guest)| &guest.features);
        let features: Vec<_> = features.map(String::as_str).collect();
        match (guest, features.is_empty()) {
            (None, _) => "not known".into(),
            (Some(_), true) => "none that matter".into(),
            (Some(_), false) => features.join(" "),
        }
    }

    /// What the kernel does on all of them, one line per vulnerability.
    pub fn mitigations(&self) -> Vec<String> {
        let guest = self.guests().next();
        let lines = guest.iter().flat_map(|(_, guest)| lines(guest, true));
        lines
            .map(|(name, line)| format!("{name}: {line}"))
            .collect()
    }

    /// The other lines of each, and what the emulator leaves out.
    pub fn others(&self) -> Vec<String> {
        let others = self.guests().map(|(target, guest)| {
            let mut by_line = BTreeMap::<&str, Vec<&str>>::new();
            for (name, line) in lines(guest, false) {
                by_line.entry(line).or_default().push(name);
            }
            let by_line = by_line.iter();
            let by_line = by_line.map(|(line, names)| format!("{line}: {}", names.join(", ")));
            let lines: Vec<_> = by_line.chain(left_out(target)).collect();
            format!("{}. {}", target.info.label, lines.join(". "))
        });
        others.collect()
    }

    fn guests(&self) -> impl Iterator<Item = (&TargetSummary, &GuestCpu)> {
        let targets = self.targets.iter();
        targets.filter_map(|target| Some((*target, target.info.guest.as_ref()?)))
    }
}

/// Features by their last names: `pcid` of `CPUID.01H:ECX.pcid`.
fn left_out(target: &TargetSummary) -> Option<String> {
    let lacks = target.info.cpu_lacks.iter();
    let names: Vec<_> = lacks
        .map(|name| name.rsplit('.').next().unwrap_or_default())
        .collect();
    (!names.is_empty()).then(|| format!("Not implemented by the emulator: {}", names.join(" ")))
}
