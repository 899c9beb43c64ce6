//! How the CPUs spent their time, from /proc/stat.

use std::collections::BTreeMap;

/// A CPU's time since boot, in USER_HZ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CpuTime {
    /// The time in which it was busy.
    pub busy: u64,
    /// The time that the hypervisor gave to others.
    pub steal: u64,
    /// The total time.
    pub all: u64,
}

/// The lines `cpuN` of /proc/stat: user, nice, system, idle, iowait, irq, softirq,
/// steal, and two that are parts of user and nice (Linux, proc.rst).
pub fn of_each_cpu(stat: &str) -> BTreeMap<usize, CpuTime> {
    const IDLE: usize = 3;
    const IOWAIT: usize = 4;
    const STEAL: usize = 7;
    const FIELDS: usize = 8;
    let lines = stat.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        let cpu = words.next()?.strip_prefix("cpu")?.parse().ok()?;
        let fields: Vec<u64> = words.take(FIELDS).map_while(|w| w.parse().ok()).collect();
        let field = |i: usize| fields.get(i).copied().unwrap_or(0);
        let all = fields
            .iter()
            .fold(0, |sum: u64, field| sum.saturating_add(*field));
        let not_busy = [IDLE, IOWAIT, STEAL].map(field);
        let time = CpuTime {
            busy: not_busy.into_iter().fold(all, u64::saturating_sub),
            steal: field(STEAL),
            all,
        };
        Some((cpu, time))
    });
    lines.collect()
}

/// The share of each CPU's time between two readings.
pub fn shares(
    before: &BTreeMap<usize, CpuTime>,
    after: &BTreeMap<usize, CpuTime>,
    part: fn(&CpuTime) -> u64,
) -> BTreeMap<usize, f64> {
    let shares = after.iter().filter_map(|(cpu, after)| {
        let before = before.get(cpu)?;
        let all = after.all.saturating_sub(before.all).max(1);
        let part = part(after).saturating_sub(part(before));
        Some((*cpu, part as f64 / all as f64))
    });
    shares.collect()
}
