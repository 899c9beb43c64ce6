//! Everything else that the machine did during the noise test: the difference between two
//! readings of the kernel's counters.

mod counters;
pub mod messages;

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::time::Instant;

use self::counters::{Interrupts, Process};
use super::host::{group, power};
use crate::cpu_time::{self, CpuTime};
use crate::tree::Tree;

/// The kernel counts processes' time in hundredths of a second on x86 (USER_HZ).
const USER_HZ: f64 = 100.0;

/// The kernel's counters at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    pub(super) time: Instant,
    cpus: BTreeMap<usize, CpuTime>,
    processes: BTreeMap<u32, Process>,
    interrupts: Interrupts,
    throttled: Option<u64>,
    group_throttled: Option<u64>,
    smis: Option<u64>,
}

/// What happened between two snapshots.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Activity {
    /// CPUs that other processes kept busy: 1.5 is one and a half.
    pub others: f64,
    /// The processes that took most of that, with their CPUs, greatest first.
    pub busiest: Vec<(String, f64)>,
    /// The share of the time in which each CPU was busy.
    pub busy: BTreeMap<usize, f64>,
    /// The share of the time that the hypervisor gave to others.
    pub steal: BTreeMap<usize, f64>,
    /// Whether any CPU had time stolen since the machine's start.
    pub steal_ever: bool,
    /// Interrupts a second: by line, as `24 nvme0q1` or `LOC`, and CPU.
    pub interrupts: BTreeMap<String, BTreeMap<usize, f64>>,
    /// How often the measuring CPUs slowed down for heat.
    pub throttled: Option<u64>,
    /// How often this process's control groups had used up their limit.
    pub group_throttled: Option<u64>,
    /// How often the firmware took the first measuring CPU away (SMI).
    pub smis: Option<u64>,
    /// Warnings of the kernel.
    pub messages: Option<Vec<String>>,
}

/// Whether a line of /proc/interrupts is a device's.
pub fn is_device(line: &str) -> bool {
    line.starts_with(|c: char| c.is_ascii_digit())
}

impl Snapshot {
    /// Takes one now.
    pub fn take(tree: &Tree, measuring: &[usize]) -> Self {
        Self {
            time: Instant::now(),
            cpus: cpu_time::of_each_cpu(&tree.text("/proc/stat").unwrap_or_default()),
            processes: counters::processes(tree),
            interrupts: counters::interrupts(&tree.text("/proc/interrupts").unwrap_or_default()),
            throttled: power::throttled(tree, measuring),
            group_throttled: group::throttled(tree),
            smis: measuring.first().and_then(|&cpu| smis(tree, cpu)),
        }
    }
}

impl Activity {
    /// What happened between two snapshots; `None` if the kernel does not provide the counters.
    pub fn between(before: &Snapshot, after: &Snapshot) -> Option<Self> {
        let seconds = after.time.duration_since(before.time).as_secs_f64();
        if seconds <= 0.0 || after.cpus.is_empty() {
            return None;
        }
        let share = |part| cpu_time::shares(&before.cpus, &after.cpus, part);
        let busy = share(|time| time.busy);
        let own = std::process::id();
        let mut used = used(before, after, seconds);
        let ours = used.remove(&own).map_or(0.0, |(_, cpus)| cpus);
        let mut busiest: Vec<_> = used.into_values().filter(|(_, cpus)| *cpus > 0.0).collect();
        busiest.sort_by(|a, b| b.1.total_cmp(&a.1));
        Some(Self {
            others: (busy.values().sum::<f64>() - ours).max(0.0),
            busiest,
            steal: share(|time| time.steal),
            steal_ever: after.cpus.values().any(|time| time.steal > 0),
            interrupts: rates(&before.interrupts, &after.interrupts, seconds),
            throttled: grown(before.throttled, after.throttled),
            group_throttled: grown(before.group_throttled, after.group_throttled),
            smis: grown(before.smis, after.smis),
            messages: None,
            busy,
        })
    }
}

fn grown(before: Option<u64>, after: Option<u64>) -> Option<u64> {
    Some(after?.saturating_sub(before?))
}

/// MSR_SMI_COUNT of Intel's processors (SDM 4, 34H), which counts in its lower half. Only root
/// may read it, with the module `msr`.
fn smis(tree: &Tree, cpu: usize) -> Option<u64> {
    const SMI_COUNT: u64 = 0x34;
    let file = File::open(tree.place(&format!("/dev/cpu/{cpu}/msr"))).ok()?;
    let mut count = [0; 8];
    file.read_exact_at(&mut count, SMI_COUNT).ok()?;
    Some(u64::from_le_bytes(count) & 0xffff_ffff)
}

/// How many CPUs each process used, with its name.
fn used(before: &Snapshot, after: &Snapshot, seconds: f64) -> BTreeMap<u32, (String, f64)> {
    let processes = after.processes.iter().map(|(id, process)| {
        let earlier = before.processes.get(id).map_or(0, |process| process.time);
        let time = process.time.saturating_sub(earlier) as f64 / USER_HZ;
        (*id, (process.name.clone(), time / seconds))
    });
    processes.collect()
}

fn rates(
    before: &Interrupts,
    after: &Interrupts,
    seconds: f64,
) -> BTreeMap<String, BTreeMap<usize, f64>> {
    let rate = |line: &String, cpu: &usize, count: u64| {
        let earlier = before.get(line).and_then(|counts| counts.get(cpu));
        count.saturating_sub(earlier.copied().unwrap_or(0)) as f64 / seconds
    };
    after
        .iter()
        .map(|(line, counts)| {
            let rates = counts
                .iter()
                .map(|(cpu, count)| (*cpu, rate(line, cpu, *count)));
            (line.clone(), rates.collect())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Arbitrary files must not make the parsers fail.
        #[test]
        fn any_text_is_survived(
            stat in "(cpu[0-9]{0,3}( [0-9]{1,20}){0,12}\n){0,4}|\\PC*",
            process_stat in "[0-9]+ \\(\\PC{0,9}\\) R( [0-9]{1,20}){0,20}|\\PC*",
            irqs in "( CPU[0-9]{1,3}){0,4}\n([0-9]{1,3}:( [0-9]{1,20}){0,6} \\PC{0,9}\n){0,4}",
        ) {
            let now = snapshot(0, &stat, &[], &irqs);
            let then = Snapshot { time: now.time + Duration::from_secs(1), ..now.clone() };
            if let Some(activity) = Activity::between(&now, &then) {
                prop_assert_eq!(activity.others, 0.0);
            }
            let _ = counters::process(&process_stat);
        }
    }

    fn snapshot(seconds: u64, stat: &str, processes: &[&str], irqs: &str) -> Snapshot {
        let start = Instant::now();
        Snapshot {
            time: start + Duration::from_secs(seconds),
            cpus: cpu_time::of_each_cpu(stat),
            processes: (1..)
                .zip(processes)
                .map(|(id, stat)| (id, counters::process(stat).unwrap()))
                .collect(),
            interrupts: counters::interrupts(irqs),
            throttled: Some(5 + seconds),
            group_throttled: None,
            smis: Some(7),
        }
    }

    #[test]
    fn two_looks_tell_who_was_busy() {
        let before = snapshot(
            0,
            "cpu  9 9 9 9\ncpu0 100 0 0 900 0 0 0 0 50 0\ncpu2 0 0 0 1000 0 0 0 0 0 0\n",
            &["1 (a (b) c) R 0 0 0 0 0 0 0 0 0 0 30 10 0"],
            "     CPU0 CPU2\n 24: 5 7 IO-APIC disk\nLOC: 1 2 timer\n",
        );
        let mut after = snapshot(
            2,
            "cpu  9 9 9 9\ncpu0 250 0 0 940 0 0 0 10 50 0\ncpu2 50 0 0 1150 0 0 0 0 0 0\n",
            &["1 (a (b) c) R 0 0 0 0 0 0 0 0 0 0 130 60 0"],
            "     CPU0 CPU2\n 24: 5 207 IO-APIC disk\nLOC: 9 9 timer\n",
        );
        after.time = before.time + Duration::from_secs(2);
        let activity = Activity::between(&before, &after).unwrap();
        assert_eq!(activity.busy, BTreeMap::from([(0, 0.75), (2, 0.25)]));
        assert_eq!(activity.steal, BTreeMap::from([(0, 0.05), (2, 0.0)]));
        assert_eq!(activity.others, 1.0);
        assert_eq!(activity.busiest, [("a (b) c".to_owned(), 0.75)]);
        let disk = BTreeMap::from([(0, 0.0), (2, 100.0)]);
        let timer = BTreeMap::from([(0, 4.0), (2, 3.5)]);
        let lines = [("24 disk", disk), ("LOC", timer)].map(|(line, rates)| (line.into(), rates));
        assert_eq!(activity.interrupts, BTreeMap::from(lines));
        assert!(activity.steal_ever);
        assert_eq!(
            (activity.throttled, activity.group_throttled),
            (Some(2), None)
        );
        assert_eq!(activity.smis, Some(0));
    }

    #[test]
    fn a_kernel_that_tells_nothing_gives_no_figure() {
        let nothing = snapshot(0, "", &[], "");
        assert_eq!(Activity::between(&nothing, &nothing), None);
    }
}
