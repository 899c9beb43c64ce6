//! Emulated processors that make no difference to each other.

use std::collections::BTreeSet;

use super::{GuestCpu, Summary, TargetSummary};
use crate::units::Instructions;

/// Counted targets whose processors have equal features, equal mitigations and equal counts.
#[derive(Clone, Debug)]
pub struct ModelGroup<'s> {
    targets: Vec<&'s TargetSummary>,
}

impl Summary {
    /// The counted targets in such groups, in the order of their first ones; none where all
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

/// What does not touch the processor.
const NOT_AFFECTED: &str = "Not affected";

impl ModelGroup<'_> {
    fn is_of(&self, other: &TargetSummary) -> bool {
        let counts = |target: &TargetSummary| -> Vec<_> {
            let counts = target.counts.iter();
            counts
                .map(|count| (count.benchmark, count.instructions))
                .collect()
        };
        // What says nothing of its processor is like no other.
        self.targets.first().is_some_and(|first| {
            first.info.guest.is_some()
                && first.info.guest == other.info.guest
                && counts(first) == counts(other)
        })
    }

    /// Its targets' names for readers.
    pub fn labels(&self) -> Vec<&str> {
        let targets = self.targets.iter();
        targets.map(|target| target.info.label.as_str()).collect()
    }

    /// What each call takes, in words.
    pub fn counts(&self) -> String {
        let counts = self.targets.first().into_iter().flat_map(|t| &t.counts);
        let counts = counts.map(|count| match count.instructions {
            Some(Instructions(each)) => format!("{} {each}", count.benchmark.name()),
            None => format!("{} no count", count.benchmark.name()),
        });
        counts.collect::<Vec<_>>().join(", ")
    }

    /// Features by which Linux chooses its way into the kernel.
    pub fn features(&self) -> String {
        let features = self.guest().into_iter().flat_map(|guest| &guest.features);
        let features: Vec<_> = features.map(String::as_str).collect();
        match features.is_empty() {
            true => "not known".into(),
            false => features.join(" "),
        }
    }

    /// What the kernel does about each vulnerability, a line each, and one for those that the
    /// processor does not have.
    pub fn mitigations(&self) -> Vec<String> {
        let all = || {
            self.guest()
                .into_iter()
                .flat_map(|guest| &guest.vulnerabilities)
        };
        let affected = all().filter(|(_, what)| *what != NOT_AFFECTED);
        let mut lines: Vec<_> = affected
            .map(|(name, what)| format!("{name}: {what}"))
            .collect();
        let others = all().filter(|(_, what)| *what == NOT_AFFECTED);
        let others: Vec<_> = others.map(|(name, _)| name.as_str()).collect();
        if !others.is_empty() {
            lines.push(format!("{NOT_AFFECTED}: {}", others.join(", ")));
        }
        lines
    }

    /// What the emulator leaves out of each model, a line a model.
    pub fn lacks(&self) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        for target in &self.targets {
            let Some(model) = &target.info.cpu_model else {
                continue;
            };
            let lacks = match target.info.cpu_lacks.is_empty() {
                true => "nothing".into(),
                false => target.info.cpu_lacks.join(", "),
            };
            let line = format!("Left out of {model}: {lacks}");
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
        lines
    }

    fn guest(&self) -> Option<&GuestCpu> {
        self.targets.first()?.info.guest.as_ref()
    }
}
