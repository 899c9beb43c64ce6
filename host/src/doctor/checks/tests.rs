//! A machine that is fit, and what all checks have in common.

use std::collections::BTreeMap;

use vmm::probe::KvmKind;

use super::*;
use crate::core_clock::Hertz;
use crate::doctor::activity::Activity;
use crate::doctor::audit::Audit;
use crate::doctor::calls::Calls;
use crate::doctor::calls::cost::{CallCost, CoreCycles};
use crate::doctor::calls::watchers::Watchers;
use crate::doctor::counter::{Counter, Processor, Skew};
use crate::doctor::host::Host;
use crate::doctor::host::cpu::{Cpu, IdleState};
use crate::doctor::host::group::Group;
use crate::doctor::host::power::Power;
use crate::doctor::host::security::Security;
use crate::doctor::noise::CpuNoise;
use crate::doctor::{GuestEngine, Measurement};
use crate::tsc::TscFrequency;

/// A machine of four CPUs that is as it should be, to measure on CPU 3.
pub fn fit() -> Facts {
    Facts {
        measurement: Measurement {
            cpus: vec![3],
            guests: GuestEngine::Kvm,
            broken: vec![],
            host: false,
            unpinned: vec![],
        },
        kvm: KvmKind::Hardware {
            extension: "svm".into(),
            rate: 1.1,
        },
        processor: Processor {
            invariant_tsc: true,
            hypervisor: None,
            extension: Some("svm"),
            kvm_features: None,
        },
        counter: Counter {
            frequency: TscFrequency {
                measured_hz: 3_600_010_000.0,
                spread: 2e-6,
                cpuid_hz: Some(3.6e9),
            },
            claimed_hz: Some(3.6e9),
            step_ticks: 36,
            skews: vec![Skew {
                cpu: 0,
                at_least: -180,
                at_most: 216,
            }],
        },
        host: Host {
            cpus: vec![Cpu {
                cpu: 3,
                driver: Some("acpi-cpufreq".into()),
                governor: Some("performance".into()),
                range_khz: Some((1_500_000, 3_600_000)),
                nominal_khz: None,
                siblings: Some(vec![]),
                deepest_idle: Some(IdleState {
                    name: "C1".into(),
                    latency_us: 1,
                }),
            }],
            vendor: Some("AuthenticAMD".into()),
            clocksource: Some("tsc".into()),
            clocksources: vec!["tsc".into(), "hpet".into()],
            turbo: Some(false),
            idle_driver: Some("acpi_idle".into()),
            latency_limit_us: Some(2_000_000_000),
            isolated: Some(vec![3]),
            nohz_full: Some(vec![3]),
            cmdline: Some("quiet isolcpus=3 nohz_full=3 rcu_nocbs=2-3".into()),
            load: Some(0.05),
            randomize_va_space: Some(2),
            seccomp: Some(false),
            vulnerabilities: BTreeMap::from([("meltdown".to_owned(), "Not affected".to_owned())]),
            microcode: vec!["0xa601203".into()],
            interrupts: vec![],
            last_cpu: Some(3),
            partitions: vec![],
            group: Some(Group {
                path: "/user.slice".into(),
                cpus: None,
            }),
            power: Power {
                has_battery: Some(false),
                on_mains: None,
                limits: vec![],
                heat: None,
            },
            security: Security {
                modules: Some(vec!["capability".into(), "apparmor".into()]),
                patches: vec![],
                store_bypass: Some("thread vulnerable".into()),
                indirect_branch: Some("conditional enabled".into()),
            },
            services: Some(vec![]),
            audit: Some(Audit {
                enabled: false,
                rules: 0,
            }),
            workqueue: Some(vec![0, 1, 2]),
            stat_interval: Some(60),
            kinds: BTreeMap::new(),
        },
        activity: Some(Activity {
            others: 0.02,
            busiest: vec![],
            busy: BTreeMap::from([(0, 0.02), (1, 0.0), (2, 0.0), (3, 1.0)]),
            steal: BTreeMap::from([(3, 0.0)]),
            steal_ever: false,
            interrupts: BTreeMap::new(),
            throttled: Some(0),
            group_throttled: Some(0),
            smis: Some(0),
            messages: Some(vec![]),
        }),
        noise: vec![CpuNoise {
            cpu: 3,
            watched_ns: 2e9,
            lost_ns: 4e4,
            gaps: 8,
            longest_ns: 9e3,
            chain_median_ns: 13_653.0,
            chain_iqr_ns: 10.0,
            chain_first_ns: 13_653.0,
            preempted: Some(0),
        }],
        clocks: BTreeMap::from([(3, Ok(Hertz(3.6e9)))]),
        is_this_machine: true,
        calls: Calls {
            watchers: Watchers {
                switches: Some(vec![]),
                bpf: Ok(vec![]),
                perf: vec![],
                sees_all: true,
                ours: vec![],
            },
            cost: Some(CallCost {
                cheapest: CoreCycles(300.0),
                spread: 0.01,
            }),
            record: None,
            not_kept: None,
        },
    }
}

/// The result of a check on a machine with a single problem.
#[track_caller]
pub fn expect(judge: Judge, spoil: impl FnOnce(&mut Facts), state: State, words: &str) {
    let mut facts = fit();
    spoil(&mut facts);
    let found = judge(&facts);
    assert_eq!(found.state, state, "{found:?}");
    let text = format!("{} {}", found.what, found.fix.unwrap_or_default());
    assert!(text.contains(words), "{words:?} is not in {text:?}");
}

#[test]
fn a_machine_that_is_as_it_should_be_is_told_so_by_every_check() {
    let facts = fit();
    for Check { name, judge, .. } in ALL {
        let found = judge(&facts);
        assert_eq!(found.state, State::Ok, "{name}: {found:?}");
        assert_eq!(found.fix, None, "{name}");
    }
}

#[test]
fn a_machine_that_tells_nothing_is_never_unfit_nor_ok_by_what_it_does_not_tell() {
    let mut facts = fit();
    facts.host = Host {
        cpus: vec![Cpu {
            cpu: 3,
            ..Cpu::default()
        }],
        ..Host::default()
    };
    facts.activity = None;
    facts.noise.clear();
    facts.calls.watchers.bpf = Err("Operation not permitted".into());
    facts.calls.watchers.sees_all = false;
    facts.calls.cost = None;
    facts.clocks.clear();
    let says_nothing = [
        "core-clock",
        "throttling",
        "power",
        "background-work",
        "services",
        "control-group",
        "smi",
        "kernel-messages",
        "audit",
        "security-modules",
        "speculation",
        "frequency-driver",
        "governor",
        "turbo",
        "idle-states",
        "smt",
        "isolation",
        "interrupts",
        "load",
        "steal",
        "noise",
        "clock",
        "system-calls",
        "tracing",
        "aslr",
        "mitigations",
        "microcode",
    ];
    for Check { name, judge, .. } in ALL {
        let expected = if says_nothing.contains(name) {
            State::Unknown
        } else {
            State::Ok
        };
        assert_eq!(judge(&facts).state, expected, "{name}");
    }
}

#[test]
fn every_check_is_described_in_the_documents() {
    let document = include_str!("../../../../docs/DOCTOR.md");
    for Check { name, .. } in ALL {
        assert!(document.contains(&format!("\n### {name}\n")), "{name}");
    }
}
