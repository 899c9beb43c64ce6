//! The doctor's task for a run's targets.

use std::collections::BTreeSet;

use host::doctor::{GuestEngine, Measurement};
use host::measuring_cpus::{HostCpus, Wanted};

use super::TargetId;
use crate::engine::EngineKind;

/// What a run's targets need. Targets without an image need nothing, and it does not matter
/// where those of an emulator run.
pub fn measurement(targets: &[TargetId], host_cpus: &HostCpus) -> Measurement {
    let booted = || targets.iter().filter(|target| target.missing.is_none());
    let measured = || booted().filter(|target| !target.engine.emulated);
    let pinned: BTreeSet<_> = measured().flat_map(|target| target.pin.clone()).collect();
    let free = measured().filter(|target| target.pin.is_empty());
    let host = booted().any(|target| target.engine.name == EngineKind::Host);
    let (cpus, broken) = if pinned.is_empty() {
        let cpus = host_cpus.choose(Wanted { cpus: 1, host });
        let broken = host_cpus.judge(&cpus, cpus.len());
        (cpus, broken)
    } else {
        let cpus: Vec<_> = pinned.into_iter().collect();
        let broken = measured().flat_map(|target| target.pin_breaks.clone());
        // One target may have a core of one type, another of the other.
        let broken: BTreeSet<_> = broken.chain(host_cpus.mixed(&cpus)).collect();
        (cpus, broken.into_iter().collect())
    };
    Measurement {
        cpus,
        broken,
        guests: guests(booted()),
        host,
        unpinned: free.map(|target| target.name.clone()).collect(),
    }
}

/// `auto` chose an emulator because KVM is missing, so KVM has to be fixed.
fn guests<'t>(booted: impl Iterator<Item = &'t TargetId>) -> GuestEngine {
    let mut guests = GuestEngine::None;
    for target in booted {
        let is_chosen = target.engine_reason.is_none();
        match target.engine.name {
            // Instructions are counted on any machine, quiet or not.
            EngineKind::Qemu if is_chosen && target.engine.counts => {}
            EngineKind::Qemu if is_chosen => return GuestEngine::Emulator,
            engine if engine.has_guest() => guests = GuestEngine::Kvm,
            _ => {}
        }
    }
    guests
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::About;
    use host::measuring_cpus::BrokenRule;

    fn target(name: &str, engine: EngineKind, reason: Option<&str>, pin: &[usize]) -> TargetId {
        TargetId {
            name: name.into(),
            label: name.into(),
            method: "precise".into(),
            engine: About {
                name: engine,
                version: String::new(),
                emulated: engine == EngineKind::Qemu,
                counts: false,
                cpu_model: None,
                cpu_lacks: Vec::new(),
            },
            engine_reason: reason.map(str::to_owned),
            image: None,
            program_sha256: String::new(),
            cmdline: String::new(),
            memory_mib: 256,
            cpus: 1,
            pin: pin.to_vec(),
            pinned_by: None,
            pin_breaks: vec![],
            missing: None,
            counts_for: None,
        }
    }

    #[test]
    fn a_run_is_measured_where_its_targets_are_pinned() {
        let linux = TargetId {
            pin_breaks: vec![BrokenRule::Busy { cpu: 3 }],
            ..target("linux", EngineKind::Kvm, None, &[3])
        };
        let targets = [
            linux,
            target("host", EngineKind::Host, None, &[1]),
            target("free", EngineKind::Kvm, None, &[]),
        ];
        let plan = measurement(&targets, &HostCpus::default());
        let expected = Measurement {
            cpus: vec![1, 3],
            guests: GuestEngine::Kvm,
            broken: vec![BrokenRule::Busy { cpu: 3 }],
            host: true,
            unpinned: vec!["free".into()],
        };
        assert_eq!(plan, expected);
    }

    #[test]
    fn emulators_measure_nowhere() {
        let host = target("host", EngineKind::Host, None, &[0]);
        let taken = target("linux", EngineKind::Qemu, Some("no KVM"), &[]);
        let chosen = target("linux", EngineKind::Qemu, None, &[]);
        let counted = TargetId {
            engine: About {
                counts: true,
                ..chosen.engine.clone()
            },
            ..chosen.clone()
        };
        let missing = TargetId {
            missing: Some("give one".into()),
            ..chosen.clone()
        };
        for (guest, guests) in [
            (taken, GuestEngine::Kvm),
            (chosen, GuestEngine::Emulator),
            (counted, GuestEngine::None),
            (missing, GuestEngine::None),
        ] {
            let plan = measurement(&[guest, host.clone()], &HostCpus::default());
            assert_eq!((plan.guests, plan.cpus), (guests, vec![0]));
            assert!(plan.unpinned.is_empty());
        }
    }
}
