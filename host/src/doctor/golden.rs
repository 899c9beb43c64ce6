//! The whole verdict on machines that are not available.
//!
//! Facts that only a running machine can show are filled in: the hypervisor, and a noise test
//! without disturbances.

use std::collections::BTreeMap;
use std::fmt::Write;

use eval::verdict::{State, Verdict};
use vmm::probe::KvmKind;

use super::activity::Activity;
use super::calls::Calls;
use super::calls::cost::{CallCost, CoreCycles};
use super::calls::watchers::Watchers;
use super::counter::{Counter, Processor, Skew};
use super::host::Host;
use super::noise::CpuNoise;
use super::{Facts, GuestEngine, Measurement, judge};
use crate::core_clock::Hertz;
use crate::fake;
use crate::tree::Tree;
use crate::tsc::TscFrequency;

/// KVM_FEATURE_STEAL_TIME.
const STEAL_TIME: u32 = 1 << 5;

fn hypervisor(machine: &str) -> Option<(&'static str, Option<u32>)> {
    match machine {
        "kvm-guest" | "nitro-guest" => Some(("KVMKVMKVM", Some(STEAL_TIME))),
        "xen-guest" => Some(("XenVMMXenVMM", None)),
        "hyperv-guest" => Some(("Microsoft Hv", None)),
        _ => None,
    }
}

/// The machine of that name, measured on its last CPU by a user.
fn facts(machine: &str, tree: &Tree) -> Facts {
    let online = tree.cpus("/sys/devices/system/cpu/online").unwrap();
    let cpu = *online.last().unwrap();
    let under = hypervisor(machine);
    let host = Host::read(tree, &[cpu]);
    let nominal = host.cpus.first().and_then(|host| host.nominal_khz);
    let clock = nominal.map_or(2.4e9, |khz| khz as f64 * 1e3);
    Facts {
        measurement: Measurement {
            cpus: vec![cpu],
            guests: GuestEngine::Kvm,
            host: true,
            broken: vec![],
            unpinned: vec![],
        },
        kvm: match under {
            None => KvmKind::Hardware {
                extension: "vmx".into(),
                rate: 1.0,
            },
            Some(_) => KvmKind::NoDevice,
        },
        processor: Processor {
            invariant_tsc: true,
            hypervisor: under.map(|(name, _)| name.to_owned()),
            extension: under.is_none().then_some("vmx"),
            kvm_features: under.and_then(|(_, features)| features),
        },
        counter: Counter {
            frequency: TscFrequency {
                measured_hz: 2.4e9,
                spread: 1e-6,
                cpuid_hz: None,
            },
            claimed_hz: None,
            step_ticks: 2,
            skews: online
                .iter()
                .filter(|&&other| other != cpu)
                .map(|&cpu| Skew {
                    cpu,
                    at_least: -120,
                    at_most: 120,
                })
                .collect(),
        },
        host,
        activity: Some(Activity {
            busy: online.iter().map(|&cpu| (cpu, 0.0)).collect(),
            steal: online.iter().map(|&cpu| (cpu, 0.0)).collect(),
            throttled: super::host::power::throttled(tree, &[cpu]).map(|_| 0),
            interrupts: [("LOC".to_owned(), [(cpu, 250.0)].into())].into(),
            group_throttled: super::host::group::throttled(tree).map(|_| 0),
            ..Activity::default()
        }),
        noise: vec![quiet(cpu)],
        clocks: BTreeMap::from([(cpu, Ok(Hertz(clock)))]),
        calls: Calls {
            watchers: Watchers {
                bpf: Err("Operation not permitted (os error 1)".into()),
                ..Watchers::read(tree)
            },
            cost: Some(CallCost {
                cheapest: CoreCycles(300.0),
                spread: 0.01,
            }),
            record: None,
            not_kept: None,
        },
        is_this_machine: true,
    }
}

/// 250 ticks a second, of 2 µs each.
fn quiet(cpu: usize) -> CpuNoise {
    CpuNoise {
        cpu,
        watched_ns: 2e9,
        lost_ns: 1e6,
        gaps: 500,
        longest_ns: 9e3,
        chain_median_ns: 20_480.0,
        chain_iqr_ns: 4.0,
        chain_first_ns: 20_482.0,
        preempted: Some(0),
    }
}

/// As `tollgate doctor` prints it, without its line breaks.
fn print(verdict: &Verdict) -> String {
    let mut out = String::new();
    for finding in State::ALL
        .into_iter()
        .flat_map(|state| verdict.in_state(state))
    {
        let _ = writeln!(out, "{} {}: {}", finding.state, finding.check, finding.what);
        if let Some(fix) = &finding.fix {
            let _ = writeln!(out, "    fix: {fix}");
        }
    }
    out
}

#[test]
fn verdicts_on_machines_that_nobody_has_at_hand() {
    for machine in fake::names() {
        let root = fake::tree(machine);
        let tree = Tree::at(root.path());
        insta::assert_snapshot!(machine, print(&judge(&facts(machine, &tree))));
    }
}
