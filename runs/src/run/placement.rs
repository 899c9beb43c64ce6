//! The CPUs on which each target of a run is measured.

use std::collections::BTreeMap;

use super::TargetId;
use crate::engine;
use crate::experiment::{EngineName, Experiment, Target};
use host::measuring_cpus::{HostCpus, Wanted};

/// The host's CPUs, and those of each target.
pub struct Placement {
    host: HostCpus,
    pins: BTreeMap<String, Vec<usize>>,
}

impl Placement {
    /// The experiment's choice, otherwise tollgate's. An emulator may run anywhere.
    pub fn choose(experiment: &Experiment, host: HostCpus) -> Self {
        let measured = || {
            experiment
                .targets
                .iter()
                .filter(|target| is_measured(target))
        };
        let free = measured().filter(|target| target.pin.is_none());
        let chosen = host.choose(Wanted {
            cpus: free.map(vcpus).max().unwrap_or(0),
            host: measured().any(|target| target.engine == EngineName::Host),
        });
        let pins = experiment.targets.iter().map(|target| {
            let pin = match &target.pin {
                Some(pin) => pin.clone(),
                None if is_measured(target) => chosen.iter().copied().take(vcpus(target)).collect(),
                None => Vec::new(),
            };
            (target.name.clone(), pin)
        });
        Self {
            pins: pins.collect(),
            host,
        }
    }

    /// As it was when the run began, whichever CPUs are busy now.
    pub fn of_run(targets: &[TargetId], host: HostCpus) -> Self {
        let pins = targets.iter().map(|id| (id.name.clone(), id.pin.clone()));
        Self {
            pins: pins.collect(),
            host,
        }
    }

    /// The same CPUs for each target, on a host that has changed.
    pub fn on(self, host: HostCpus) -> Self {
        Self { host, ..self }
    }

    /// The host's CPUs.
    pub fn host(&self) -> &HostCpus {
        &self.host
    }

    /// The CPUs of that target; empty if it may run anywhere.
    pub fn pin(&self, target: &Target) -> Vec<usize> {
        self.pins.get(&target.name).cloned().unwrap_or_default()
    }

    /// The CPUs that measure, in ascending order; empty if a measured target may run anywhere.
    pub fn measuring(&self, experiment: &Experiment) -> Vec<usize> {
        let measured = experiment
            .targets
            .iter()
            .filter(|target| is_measured(target));
        let pins: Vec<_> = measured.map(|target| self.pin(target)).collect();
        if pins.iter().any(Vec::is_empty) {
            return Vec::new();
        }
        let mut cpus = pins.concat();
        cpus.sort_unstable();
        cpus.dedup();
        cpus
    }
}

fn is_measured(target: &Target) -> bool {
    !target.is_counted() && engine::runs_on_cpu(target.engine)
}

/// The number of the target's threads that are measured at the same time.
pub fn vcpus(target: &Target) -> usize {
    match target.engine {
        EngineName::Host => 1,
        _ => target.cpus as usize,
    }
}
