//! The choice on machines that are laid out in a folder.

use std::collections::BTreeSet;

use proptest::collection::{btree_set, vec};
use proptest::option;
use proptest::prelude::*;

use super::kind::CoreKind;
use super::*;
use crate::tree::laid_out;

/// A machine: its files below /sys/devices, the CPUs that we may use, and those that are busy.
fn machine(files: &[(&str, &str)], allowed: &[usize], busy: &[usize]) -> HostCpus {
    let files = files
        .iter()
        .map(|(path, text)| (format!("sys/devices/{path}"), *text));
    let (_folder, tree) = laid_out(&files.collect::<Vec<_>>());
    let busy = busy.iter().copied().collect();
    HostCpus::of(&tree, allowed.to_vec(), busy, |_| None)
}

/// The siblings' lists of `cores` cores of two threads each: CPUs 2n and 2n + 1.
fn two_threads_a_core(cores: usize) -> Vec<(String, String)> {
    let lists = (0..2 * cores).map(|cpu| {
        let first = cpu & !1;
        let path = format!("system/cpu/cpu{cpu}/topology/thread_siblings_list");
        (path, format!("{first}-{}", first + 1))
    });
    lists.collect()
}

/// 8 performance cores of two threads each, CPUs 0 to 15, and 16 efficiency cores.
fn hybrid(busy: &[usize]) -> HostCpus {
    let siblings = two_threads_a_core(8);
    let siblings = siblings
        .iter()
        .map(|(path, list)| (path.as_str(), list.as_str()));
    let mut files: Vec<_> = siblings.collect();
    files.extend([("cpu_core/cpus", "0-15"), ("cpu_atom/cpus", "16-31")]);
    machine(&files, &Vec::from_iter(0..32), busy)
}

fn guests(cpus: usize) -> Wanted {
    Wanted { cpus, host: false }
}

#[test]
fn a_hybrid_measures_on_performance_cores() {
    let idle = hybrid(&[]);
    assert_eq!(idle.choose(guests(1)), [15]);
    assert_eq!(idle.judge(&[15], 1), []);
    // Each vCPU has a core of its own for as long as there are cores.
    assert_eq!(idle.choose(guests(8)), [15, 13, 11, 9, 7, 5, 3, 1]);
    assert_eq!(idle.judge(&idle.choose(guests(8)), 8), []);
    // A second thread of the same core is the smaller evil.
    assert_eq!(idle.choose(guests(9))[8], 14);
    let shared = BrokenRule::SharedCore { cpu: 14, with: 15 };
    assert_eq!(idle.judge(&idle.choose(guests(9)), 9), [shared]);
    // Our own threads stay off the core.
    assert_eq!(
        idle.others(&[15]),
        [&Vec::from_iter(0..14)[..], &Vec::from_iter(16..32)].concat()
    );
}

#[test]
fn a_choice_of_others_is_judged_by_the_same_rules() {
    let mixed = BrokenRule::MixedCores { cpu: 20, with: 3 };
    let efficiency = BrokenRule::EfficiencyCore { cpu: 20 };
    assert_eq!(hybrid(&[]).judge(&[3, 20], 2), [mixed, efficiency]);
    assert_eq!(hybrid(&[]).mixed(&[3, 5, 20]), Some(mixed));
    assert_eq!(hybrid(&[]).mixed(&[16, 20]), None);
    let few = BrokenRule::TooFewCpus { vcpus: 4, cpus: 2 };
    assert_eq!(hybrid(&[]).judge(&[3, 5], 4), [few]);
}

#[test]
fn a_core_with_a_busy_thread_is_left_alone() {
    assert_eq!(hybrid(&[14, 12]).choose(guests(1)), [11]);
    // Every performance core has one: what is busy on a CPU of its own can move away.
    let evens: Vec<_> = (0..16).step_by(2).collect();
    assert_eq!(hybrid(&evens).choose(guests(1)), [14]);
    assert_eq!(
        hybrid(&evens).judge(&[14], 1),
        [BrokenRule::Busy { cpu: 14 }]
    );
    let (cpu, sibling) = (15, 14);
    let busy = BrokenRule::BusySibling { cpu, sibling };
    assert_eq!(hybrid(&evens).judge(&[15], 1), [busy]);
    // A busy thread that measures itself is a shared core, and nothing else.
    let shared = BrokenRule::SharedCore { cpu: 14, with: 15 };
    let own = BrokenRule::Busy { cpu: 14 };
    assert_eq!(hybrid(&[14]).judge(&[15, 14], 2), [shared, own]);
}

#[test]
fn the_rank_of_equal_cores_is_no_type() {
    let files: Vec<_> = (0..4)
        .map(|cpu| {
            (
                format!("system/cpu/cpu{cpu}/acpi_cppc/highest_perf"),
                (241 - 25 * cpu).to_string(),
            )
        })
        .chain((0..4).map(|cpu| {
            (
                format!("system/cpu/cpu{cpu}/topology/thread_siblings_list"),
                cpu.to_string(),
            )
        }))
        .collect();
    let files: Vec<_> = files
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_str()))
        .collect();
    let amd = machine(&files, &[0, 1, 2, 3], &[]);
    assert_eq!(amd.choose(guests(2)), [3, 2]);
    assert_eq!(amd.judge(&[3, 2], 2), []);
}

#[test]
fn cpuid_gives_the_types_that_linux_does_not() {
    let (_folder, tree) = laid_out::<&str>(&[]);
    let ask = |cpu| {
        Some(match cpu {
            0..4 => CoreKind::Performance,
            _ => CoreKind::Efficiency,
        })
    };
    let cpus = HostCpus::of(&tree, Vec::from_iter(0..12), BTreeSet::new(), ask);
    assert_eq!(cpus.choose(guests(3)), [3, 2, 1]);
    assert_eq!(cpus.judge(&[5], 1), [BrokenRule::EfficiencyCore { cpu: 5 }]);
}

#[test]
fn a_machine_of_two_cpus_measures_on_the_last() {
    let small = |busy: &[usize]| machine(&[], &[0, 1], busy);
    assert_eq!(small(&[]).choose(guests(1)), [1]);
    assert_eq!(small(&[]).judge(&[1], 1), []);
    assert_eq!(small(&[]).others(&[1]), [0]);
    // What is busy can move, and CPU 0 cannot give its work away.
    assert_eq!(small(&[1]).choose(guests(1)), [1]);
    assert_eq!(small(&[1]).judge(&[1], 1), [BrokenRule::Busy { cpu: 1 }]);
    // Two threads of one core.
    let siblings = two_threads_a_core(1);
    let siblings: Vec<_> = siblings
        .iter()
        .map(|(path, list)| (path.as_str(), list.as_str()))
        .collect();
    let core = machine(&siblings, &[0, 1], &[]);
    assert_eq!(
        core.judge(&core.choose(guests(1)), 1),
        [BrokenRule::OwnThreadsOnCore]
    );
    assert_eq!(core.others(&[1]), [0]);
}

#[test]
fn nothing_can_be_kept_off_an_only_cpu() {
    let only = machine(&[], &[0], &[0]);
    assert_eq!(only.choose(guests(2)), [0]);
    let broken = [
        BrokenRule::TooFewCpus { vcpus: 2, cpus: 1 },
        BrokenRule::FirstCpu,
        BrokenRule::Busy { cpu: 0 },
        BrokenRule::OwnThreadsOnCpu,
    ];
    assert_eq!(only.judge(&[0], 2), broken);
    assert!(only.others(&[0]).is_empty());
}

#[test]
fn a_control_group_without_cpu_0_is_kept_to() {
    let inside = machine(&[("system/cpu/online", "0-7")], &[2, 3], &[3]);
    assert_eq!(inside.choose(guests(1)), [2]);
    assert_eq!(inside.choose(guests(5)), [2, 3]);
    assert_eq!(inside.others(&[2]), [3]);
}

#[test]
fn isolated_cpus_come_first_and_keep_our_own_threads_out() {
    let isolated = |files: &[(&str, &str)]| machine(files, &[0, 1, 2, 3], &[]);
    let some = isolated(&[("system/cpu/isolated", "1-2")]);
    assert_eq!(some.choose(guests(1)), [2]);
    assert_eq!(some.others(&[2]), [0, 3]);
    let tickless = isolated(&[
        ("system/cpu/isolated", "1-2"),
        ("system/cpu/nohz_full", "1"),
    ]);
    assert_eq!(tickless.choose(guests(1)), [1]);
    // A process of the host pays for a CPU without ticks.
    assert_eq!(
        tickless.choose(Wanted {
            cpus: 1,
            host: true
        }),
        [2]
    );
    // Isolation weighs less than a rule.
    let first = isolated(&[("system/cpu/isolated", "0")]);
    assert_eq!(first.choose(guests(1)), [3]);
}

#[test]
fn a_guest_and_our_own_threads_stay_on_one_node() {
    let files = [
        ("system/node/node0/cpulist", "0,2,4"),
        ("system/node/node1/cpulist", "1,3,5"),
    ];
    let two = machine(&files, &[0, 1, 2, 3, 4, 5], &[]);
    assert_eq!(two.choose(guests(2)), [5, 3]);
    assert_eq!(two.others(&[5]), [1, 3]);
    assert_eq!(two.others(&[5, 3, 1]), [0, 2, 4]);
}

#[test]
fn a_heavier_rule_outweighs_all_lighter_ones() {
    let (cpu, with, sibling) = (1, 2, 3);
    let heaviest_first = [
        BrokenRule::MixedCores { cpu, with },
        BrokenRule::EfficiencyCore { cpu },
        BrokenRule::TooFewCpus { vcpus: 2, cpus: 1 },
        BrokenRule::SharedCore { cpu, with },
        BrokenRule::BusySibling { cpu, sibling },
        BrokenRule::FirstCpu,
        BrokenRule::Busy { cpu },
        BrokenRule::OwnThreadsOnCpu,
        BrokenRule::OwnThreadsOnCore,
    ];
    assert!(heaviest_first.is_sorted());
    for (at, rule) in heaviest_first.iter().enumerate() {
        let lighter: u32 = heaviest_first[at + 1..]
            .iter()
            .map(|rule| rule.weight())
            .sum();
        assert!(rule.weight() > lighter, "{rule}");
    }
}

#[test]
fn a_broken_rule_is_read_as_it_was_written() {
    let rule = BrokenRule::BusySibling { cpu: 3, sibling: 7 };
    let json = serde_json::to_string(&rule).unwrap();
    assert_eq!(json, r#"{"rule":"busy-sibling","cpu":3,"sibling":7}"#);
    assert_eq!(serde_json::from_str::<BrokenRule>(&json).unwrap(), rule);
}

#[test]
fn this_machine_has_a_cpu_to_measure_on() {
    let here = HostCpus::read(&crate::tree::Tree::default());
    let chosen = here.choose(guests(1));
    assert_eq!(chosen.len(), 1);
    assert!(crate::cpus::mask(&chosen).is_ok());
}

/// Any machine of up to 12 CPUs, whole cores of one or two threads.
fn any_machine() -> impl Strategy<Value = HostCpus> {
    let cpus = || btree_set(0..12usize, 0..6);
    let kinds = vec(
        prop_oneof![Just(CoreKind::Performance), Just(CoreKind::Efficiency)],
        12,
    );
    (
        btree_set(0..12usize, 1..12),
        cpus(),
        cpus(),
        cpus(),
        option::of(kinds),
        any::<bool>(),
    )
        .prop_map(
            |(allowed, busy, isolated, tickless, kinds, has_siblings)| HostCpus {
                allowed: allowed.into_iter().collect(),
                siblings: if has_siblings {
                    (0..12).map(|cpu| (cpu, vec![cpu ^ 1])).collect()
                } else {
                    (0..12).map(|cpu| (cpu, vec![])).collect()
                },
                kinds: (0..12).zip(kinds.into_iter().flatten()).collect(),
                busy,
                isolated,
                tickless,
                nodes: (0..12).map(|cpu| (cpu, cpu / 6)).collect(),
            },
        )
}

proptest! {
    #[test]
    fn no_machine_is_refused_and_no_better_cpu_is_left(
        machine in any_machine(),
        cpus in 1..14usize,
        host: bool,
    ) {
        let chosen = machine.choose(Wanted { cpus, host });
        let distinct: BTreeSet<_> = chosen.iter().collect();
        prop_assert_eq!(distinct.len(), cpus.min(machine.allowed.len()));
        prop_assert!(chosen.iter().all(|cpu| machine.allowed.contains(cpu)));
        // Of a rule that the first CPU breaks, no other keeps it but by breaking a heavier one.
        let rules = |cpu: usize| -> BTreeSet<u32> {
            let lasting = machine.judge(&[cpu], 1).into_iter();
            let own = |rule: &BrokenRule| !matches!(rule, BrokenRule::OwnThreadsOnCpu | BrokenRule::OwnThreadsOnCore);
            lasting.filter(own).map(BrokenRule::weight).collect()
        };
        let best = rules(chosen[0]);
        for &other in &machine.allowed {
            let others = rules(other);
            let kept = best.difference(&others).max();
            let broken = others.difference(&best).max();
            prop_assert!(kept <= broken, "CPU {} is better than {}", other, chosen[0]);
        }
        // What more vCPUs are given begins with what fewer are given.
        let fewer = machine.choose(Wanted { cpus: cpus - 1, host });
        prop_assert!(chosen.starts_with(&fewer));
        let own = machine.others(&chosen);
        prop_assert!(own.iter().all(|cpu| machine.allowed.contains(cpu) && !chosen.contains(cpu)));
        prop_assert_eq!(own.is_empty(), chosen.len() == machine.allowed.len());
    }
}
