//! Conditions of a measurement other than the machine's settings: how this process runs, the
//! kernel's other work, and the speed of the cores. A run may be resumed under different
//! conditions.

use std::collections::BTreeMap;

use super::software;
use crate::core_clock;
use crate::cpus;
use crate::doctor;
use crate::measuring_cpus::{CoreKind, by_cpuid, kinds};
use crate::process_stat::ProcessStat;
use crate::tree::Tree;

const CPU: &str = "/sys/devices/system/cpu";

/// One file a fact.
const FILES: &[(&str, &str)] = &[
    (
        "min_perf_pct",
        "/sys/devices/system/cpu/intel_pstate/min_perf_pct",
    ),
    (
        "max_perf_pct",
        "/sys/devices/system/cpu/intel_pstate/max_perf_pct",
    ),
    (
        "hwp_dynamic_boost",
        "/sys/devices/system/cpu/intel_pstate/hwp_dynamic_boost",
    ),
    ("platform_profile", "/sys/firmware/acpi/platform_profile"),
    ("security_modules", "/sys/kernel/security/lsm"),
    ("tainted", "/proc/sys/kernel/tainted"),
    (
        "workqueue_cpumask",
        "/sys/devices/virtual/workqueue/cpumask",
    ),
    ("stat_interval_s", "/proc/sys/vm/stat_interval"),
    (
        "perf_event_paranoid",
        "/proc/sys/kernel/perf_event_paranoid",
    ),
];

/// All that is shown, by name.
pub fn read(tree: &Tree) -> BTreeMap<String, String> {
    let files = FILES.iter().map(|(name, path)| (*name, tree.text(path)));
    let facts = [
        ("core_clock_ghz", core_clock_ghz(tree)),
        ("core_types", core_types(tree)),
        ("energy_perf_bias", energy_perf_bias(tree)),
        ("idle_latencies_us", idle_latencies(tree)),
        ("preemption", preemption(tree)),
        ("debug_options", debug_options(tree)),
        ("interrupts", interrupts(tree)),
        ("numa_distances", numa_distances(tree)),
        ("scheduling", scheduling(tree)),
        ("limits", limits(tree)),
        ("container", container(tree)),
    ];
    let facts = facts.into_iter().chain(files).chain(doctor::state(tree));
    facts
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .filter(|(_, value)| !value.is_empty())
        .collect()
}

/// The clock that a core runs at under load, in steps of 0.1 GHz: a figure that is nearly the same
/// each time, so that two runs can be compared by it.
fn core_clock_ghz(tree: &Tree) -> Option<String> {
    let cpu = cpus::allowed()
        .last()
        .copied()
        .filter(|_| tree.is_this_machine())?;
    let clock = core_clock::measure(cpu).ok()?;
    Some(format!("{:.1}", clock.median().0 / 1e9))
}

/// The types of cores of a hybrid processor: `performance 0,1; efficiency 2,3`.
fn core_types(tree: &Tree) -> Option<String> {
    let online = tree.cpus(&format!("{CPU}/online"))?;
    let kinds = kinds(tree, &online, |cpu| {
        tree.is_this_machine().then(|| by_cpuid(cpu)).flatten()
    });
    let of = |wanted, name| {
        let cpus = kinds.iter().filter(|(_, kind)| **kind == wanted);
        let cpus: Vec<_> = cpus.map(|(cpu, _)| cpu.to_string()).collect();
        (!cpus.is_empty()).then(|| format!("{name} {}", cpus.join(",")))
    };
    let types = [
        of(CoreKind::Performance, "performance"),
        of(CoreKind::Efficiency, "efficiency"),
    ];
    let types: Vec<_> = types.into_iter().flatten().collect();
    Some(types.join("; "))
}

/// Each value once (Linux, Documentation/admin-guide/pm/intel_epb.rst).
fn energy_perf_bias(tree: &Tree) -> Option<String> {
    let online = tree.cpus(&format!("{CPU}/online"))?;
    let values = online.iter();
    let mut values: Vec<_> = values
        .filter_map(|cpu| tree.text(&format!("{CPU}/cpu{cpu}/power/energy_perf_bias")))
        .collect();
    values.sort();
    values.dedup();
    Some(values.join(", "))
}

/// CPU 0's idle states, including disabled ones: `POLL 0, C1 2, C6 133`.
fn idle_latencies(tree: &Tree) -> Option<String> {
    let folder = format!("{CPU}/cpu0/cpuidle");
    let states = tree.names(&folder).into_iter().filter_map(|state| {
        let file = |name: &str| tree.text(&format!("{folder}/{state}/{name}"));
        Some(format!("{} {}", file("name")?, file("latency")?))
    });
    Some(states.collect::<Vec<_>>().join(", "))
}

/// The mode in brackets, which only root may see (Linux, kernel/sched/debug.c), or otherwise that
/// in the kernel's version, which PREEMPT_DYNAMIC leaves open.
fn preemption(tree: &Tree) -> Option<String> {
    let modes = tree.text("/sys/kernel/debug/sched/preempt");
    let chosen = modes.as_deref().and_then(|modes| {
        let (_, rest) = modes.split_once('(')?;
        Some(rest.split_once(')')?.0.to_owned())
    });
    chosen.or_else(|| {
        let version = tree.text("/proc/version")?;
        let mut words = version.split_whitespace();
        words
            .find(|word| word.starts_with("PREEMPT"))
            .map(str::to_owned)
    })
}

/// Options with which a kernel checks itself, and becomes slow.
const DEBUG: [&str; 10] = [
    "DEBUG_ATOMIC_SLEEP",
    "DEBUG_LOCK_ALLOC",
    "DEBUG_PREEMPT",
    "DEBUG_VM",
    "KASAN",
    "KCSAN",
    "KMSAN",
    "LOCKDEP",
    "PROVE_LOCKING",
    "UBSAN",
];

/// Those that are on, or `none`.
fn debug_options(tree: &Tree) -> Option<String> {
    let release = tree.text("/proc/sys/kernel/osrelease").unwrap_or_default();
    let config = software::config(tree, &release)?;
    let config = String::from_utf8_lossy(&config);
    let is_on = |name: &&&str| {
        let line = format!("CONFIG_{name}=y");
        config.lines().any(|known| known == line)
    };
    let on: Vec<_> = DEBUG.iter().filter(is_on).copied().collect();
    Some(if on.is_empty() {
        "none".into()
    } else {
        on.join(" ")
    })
}

/// Where each device's interrupt goes: `24 0-3, 33 3`.
fn interrupts(tree: &Tree) -> Option<String> {
    let mut numbers: Vec<u32> = tree
        .names("/proc/irq")
        .iter()
        .filter_map(|name| name.parse().ok())
        .collect();
    numbers.sort_unstable();
    let lines = numbers.into_iter().filter_map(|number| {
        let cpus = tree.text(&format!("/proc/irq/{number}/smp_affinity_list"))?;
        Some(format!("{number} {cpus}"))
    });
    Some(lines.collect::<Vec<_>>().join(", "))
}

/// Each node's line: `10 21; 21 10`.
fn numa_distances(tree: &Tree) -> Option<String> {
    const NODE: &str = "/sys/devices/system/node";
    let nodes = tree
        .names(NODE)
        .into_iter()
        .filter(|name| name.starts_with("node"));
    let lines = nodes.filter_map(|node| tree.text(&format!("{NODE}/{node}/distance")));
    Some(lines.collect::<Vec<_>>().join("; "))
}

/// This process's policy, priority and niceness, which its children inherit: from
/// /proc/self/stat, fields 18, 19 and 41 (proc_pid_stat(5)).
fn scheduling(tree: &Tree) -> Option<String> {
    const POLICIES: [&str; 8] = [
        "other", "fifo", "rr", "batch", "iso", "idle", "deadline", "ext",
    ];
    let stat = tree.text("/proc/self/stat")?;
    let stat = ProcessStat::parse(&stat)?;
    let policy = POLICIES.get(usize::try_from(stat.number(41)?).ok()?)?;
    Some(format!(
        "{policy}, priority {}, nice {}",
        stat.field(18)?,
        stat.field(19)?
    ))
}

/// Limits of resources that a measurement may feel.
const LIMITS: [&str; 5] = [
    "Max cpu time",
    "Max locked memory",
    "Max stack size",
    "Max nice priority",
    "Max realtime priority",
];

/// The soft limits: `cpu time unlimited, stack size 8388608`.
fn limits(tree: &Tree) -> Option<String> {
    let text = tree.text("/proc/self/limits")?;
    let limits = LIMITS.iter().filter_map(|name| {
        let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
        let soft = rest.split_whitespace().next()?;
        Some(format!("{} {soft}", name.trim_start_matches("Max ")))
    });
    Some(limits.collect::<Vec<_>>().join(", "))
}

/// What marks a container's first process or its files (systemd, CONTAINER_INTERFACE; Docker;
/// Podman), or its control group.
fn container(tree: &Tree) -> Option<String> {
    let manager = tree.text("/run/systemd/container");
    let marks = [("/.dockerenv", "docker"), ("/run/.containerenv", "podman")];
    let mark = marks
        .into_iter()
        .find(|(path, _)| tree.place(path).exists());
    let groups = tree.text("/proc/self/cgroup").unwrap_or_default();
    let names = ["kubepods", "docker", "lxc", "libpod"];
    let named = names.into_iter().find(|name| groups.contains(name));
    let by_mark = mark.map(|(_, name)| name.to_owned());
    let found = manager.or(by_mark).or(named.map(str::to_owned));
    Some(found.unwrap_or_else(|| "none".into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::laid_out;

    #[test]
    fn a_slow_kernel_in_a_container_shows_so() {
        let (_folder, tree) = laid_out(&[
            (
                "proc/version",
                "Linux version 6.12.0 #1 SMP PREEMPT_DYNAMIC Thu",
            ),
            ("proc/sys/kernel/osrelease", "6.12.0"),
            (
                "boot/config-6.12.0",
                "CONFIG_KASAN=y\nCONFIG_PROVE_LOCKING=y\nCONFIG_UBSAN=m\n",
            ),
            (
                "sys/kernel/debug/sched/preempt",
                "none voluntary (full) lazy",
            ),
            (".dockerenv", ""),
            ("proc/irq/33/smp_affinity_list", "3"),
            ("proc/irq/4/smp_affinity_list", "0-3"),
            ("sys/devices/system/node/node0/distance", "10 21"),
            ("sys/devices/system/node/node1/distance", "21 10"),
            ("sys/devices/system/cpu/online", "0-1"),
            ("sys/devices/system/cpu/cpu0/power/energy_perf_bias", "6"),
            ("sys/devices/system/cpu/cpu1/power/energy_perf_bias", "0"),
            ("sys/devices/system/cpu/cpu0/cpuidle/state1/name", "C6"),
            ("sys/devices/system/cpu/cpu0/cpuidle/state1/latency", "133"),
            ("sys/devices/cpu_core/cpus", "0"),
            ("sys/devices/cpu_atom/cpus", "1"),
            (
                "proc/self/stat",
                "7 (a) b) R 1 7 7 0 -1 4194304 1 0 0 0 0 0 0 0 20 5 1 0 9 9 9 9 9 9 9 9 9 0 0 0 0 0 0 0 17 1 0 3 0",
            ),
            (
                "proc/self/limits",
                "Limit  Soft Limit  Hard Limit  Units\nMax cpu time  unlimited  unlimited  seconds\n\
                 Max stack size  8388608  unlimited  bytes\n",
            ),
        ]);
        let state = read(&tree);
        let expected = [
            ("preemption", "full"),
            ("debug_options", "KASAN PROVE_LOCKING"),
            ("container", "docker"),
            ("interrupts", "4 0-3, 33 3"),
            ("numa_distances", "10 21; 21 10"),
            ("energy_perf_bias", "0, 6"),
            ("idle_latencies_us", "C6 133"),
            ("core_types", "performance 0; efficiency 1"),
            ("scheduling", "batch, priority 20, nice 5"),
            ("limits", "cpu time unlimited, stack size 8388608"),
        ];
        for (name, value) in expected {
            assert_eq!(state.get(name).map(String::as_str), Some(value), "{name}");
        }
    }
}
