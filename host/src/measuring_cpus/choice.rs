//! Chooses CPUs, and judges any choice.

use std::cmp::Reverse;

use super::kind::CoreKind;
use super::{BrokenRule, HostCpus};

/// The purpose of the CPUs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The number of CPUs: as many as the largest guest has vCPUs.
    pub cpus: usize,
    /// Whether a process of the host is also measured.
    pub host: bool,
}

impl HostCpus {
    /// The best CPUs: the first for one vCPU, the first two for two. Fewer than requested if
    /// this process may not use so many; empty if Linux does not show which ones it may use.
    pub fn choose(&self, wanted: Wanted) -> Vec<usize> {
        let mut chosen = Vec::new();
        while chosen.len() < wanted.cpus {
            let free = self.allowed.iter().filter(|cpu| !chosen.contains(*cpu));
            match free.min_by_key(|&&cpu| self.cost(cpu, &chosen, wanted)) {
                Some(&best) => chosen.push(best),
                None => break,
            }
        }
        chosen
    }

    /// The rules that `vcpus` vCPUs on these CPUs violate, most important first.
    pub fn judge(&self, cpus: &[usize], vcpus: usize) -> Vec<BrokenRule> {
        let each = cpus.iter().enumerate();
        let each = each.flat_map(|(at, &cpu)| {
            let before = cpus.get(..at).unwrap_or_default();
            self.broken_by(cpu, before, cpus)
        });
        let mut broken: Vec<_> = each.collect();
        if cpus.len() < vcpus {
            broken.push(BrokenRule::TooFewCpus {
                vcpus,
                cpus: cpus.len(),
            });
        }
        broken.extend(self.broken_by_own_threads(cpus));
        broken.sort();
        broken
    }

    /// Two of these CPUs whose cores are of different types, if there are any.
    pub fn mixed(&self, cpus: &[usize]) -> Option<BrokenRule> {
        let (&with, others) = cpus.split_first()?;
        let differs = |cpu: &&usize| self.kinds.get(*cpu) != self.kinds.get(&with);
        let cpu = *others.iter().find(differs)?;
        Some(BrokenRule::MixedCores { cpu, with })
    }

    /// Where tollgate's own threads run while these CPUs measure: on other cores of the same
    /// node, so that guest memory that they touch first is near. Empty if no CPU is left.
    pub fn others(&self, measuring: &[usize]) -> Vec<usize> {
        let nodes: Vec<_> = measuring.iter().map(|cpu| self.nodes.get(cpu)).collect();
        let is_near = |cpu: &usize| nodes.contains(&self.nodes.get(cpu));
        let is_free = |cpu: &usize| !measuring.contains(cpu);
        let is_off_core = |cpu: &usize| !self.siblings(*cpu).iter().any(|s| measuring.contains(s));
        let is_ordinary = |cpu: &usize| !self.isolated.contains(cpu);
        let mut left: Vec<_> = self.allowed.iter().copied().filter(is_free).collect();
        // Later preferences are given up first.
        let wishes: [&dyn Fn(&usize) -> bool; 3] = [&is_off_core, &is_ordinary, &is_near];
        for wish in wishes {
            let fewer: Vec<_> = left.iter().copied().filter(wish).collect();
            if !fewer.is_empty() {
                left = fewer;
            }
        }
        left
    }

    /// Rules first; other properties decide between CPUs that violate the same rules. The
    /// number comes last, so that one machine always gives the same answer.
    fn cost(&self, cpu: usize, chosen: &[usize], wanted: Wanted) -> impl Ord + use<> {
        let broken = self.broken_by(cpu, chosen, chosen);
        let weight: u32 = broken.iter().map(|rule| rule.weight()).sum();
        let is_isolated = self.isolated.contains(&cpu);
        // Without a tick, each system call of the host pays for context tracking.
        let has_wrong_tick = self.tickless.contains(&cpu) == wanted.host;
        let is_far = chosen
            .first()
            .is_some_and(|first| self.nodes.get(first) != self.nodes.get(&cpu));
        let has_siblings = !self.siblings(cpu).is_empty();
        (
            weight,
            !is_isolated,
            has_wrong_tick,
            is_far,
            has_siblings,
            Reverse(cpu),
        )
    }

    /// The rules that `cpu` violates together with the CPUs that come `before` it among all
    /// that are `measuring`.
    fn broken_by(&self, cpu: usize, before: &[usize], measuring: &[usize]) -> Vec<BrokenRule> {
        let siblings = self.siblings(cpu);
        let shared = siblings.iter().find(|sibling| before.contains(sibling));
        let busy = siblings
            .iter()
            .find(|sibling| self.busy.contains(sibling) && !measuring.contains(sibling));
        let is_efficient = self.kinds.get(&cpu) == Some(&CoreKind::Efficiency);
        let first = before.first().copied();
        let rules = [
            first.and_then(|first| self.mixed(&[first, cpu])),
            is_efficient.then_some(BrokenRule::EfficiencyCore { cpu }),
            shared.map(|&with| BrokenRule::SharedCore { cpu, with }),
            busy.map(|&sibling| BrokenRule::BusySibling { cpu, sibling }),
            (cpu == 0).then_some(BrokenRule::FirstCpu),
            self.busy.contains(&cpu).then_some(BrokenRule::Busy { cpu }),
        ];
        rules.into_iter().flatten().collect()
    }

    fn broken_by_own_threads(&self, measuring: &[usize]) -> Option<BrokenRule> {
        let others = self.others(measuring);
        let mut near = measuring.iter().flat_map(|&cpu| self.siblings(cpu));
        match others.as_slice() {
            [] => Some(BrokenRule::OwnThreadsOnCpu),
            others if near.any(|sibling| others.contains(sibling)) => {
                Some(BrokenRule::OwnThreadsOnCore)
            }
            _ => None,
        }
    }

    fn siblings(&self, cpu: usize) -> &[usize] {
        self.siblings.get(&cpu).map_or(&[], Vec::as_slice)
    }
}
