//! The noise test: what happens on a CPU while nothing should.
//!
//! A thread does nothing but read the counter. If two readings are more than a microsecond
//! apart, something else had the CPU: an interrupt, another process, the firmware, a
//! hypervisor. Every millisecond, the thread times a fixed chain of multiplications, whose
//! ticks change with the core's clock and with a sibling's use of the core.

use std::fs;
use std::thread;
use std::time::Duration;

use eval::stats::Sorted;
use eval::verdict::Noise;

use super::chain;
use crate::cpus;
use crate::tsc;

/// A pause of this length cannot be a reading of the counter, which takes a few dozen
/// nanoseconds. The shortest interrupt takes about a microsecond.
const GAP: Duration = Duration::from_micros(1);
/// How often the chain is timed.
const CHAIN_EVERY: Duration = Duration::from_millis(1);
/// Within 20 ms, every governor has noticed the load, but these chains cannot all have run at
/// the new clock.
const FIRST_CHAINS: usize = 20;

/// What was found on one CPU. All times in nanoseconds.
#[derive(Clone, Debug, PartialEq)]
pub struct CpuNoise {
    /// The CPU.
    pub cpu: usize,
    /// How long the test watched it.
    pub watched_ns: f64,
    /// The time in gaps.
    pub lost_ns: f64,
    /// The number of gaps.
    pub gaps: u64,
    /// The longest of them.
    pub longest_ns: f64,
    /// The chains' median.
    pub chain_median_ns: f64,
    /// Interquartile range of the chains.
    pub chain_iqr_ns: f64,
    /// The median of the first chains, in which a clock that follows the load rises.
    pub chain_first_ns: f64,
    /// How often Linux gave the CPU to another thread, where it says so.
    pub preempted: Option<u64>,
}

impl CpuNoise {
    /// The share of the time that was lost, from 0 to 1.
    pub fn lost(&self) -> f64 {
        self.lost_ns / self.watched_ns
    }

    /// Interquartile range of the chains over their median.
    pub fn chain_spread(&self) -> f64 {
        self.chain_iqr_ns / self.chain_median_ns
    }

    /// How much slower the first chains were than the rest, or faster: from 0 on.
    pub fn chain_ramp(&self) -> f64 {
        (self.chain_first_ns / self.chain_median_ns - 1.0).abs()
    }

    /// In the form that a run keeps.
    pub fn figures(&self) -> Noise {
        Noise {
            cpu: self.cpu,
            seconds: self.watched_ns / 1e9,
            gap_ns: GAP.as_nanos() as f64,
            lost: self.lost(),
            gaps_per_second: self.gaps as f64 / (self.watched_ns / 1e9),
            longest_ns: self.longest_ns,
            chain_spread: self.chain_spread(),
        }
    }
}

/// The CPU that lost the greatest share of its time.
pub fn worst(noise: &[CpuNoise]) -> Option<&CpuNoise> {
    noise.iter().max_by(|a, b| a.lost().total_cmp(&b.lost()))
}

/// What one CPU showed, in ticks of the counter.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(test, derive(serde::Serialize, serde::Deserialize))]
pub struct Watched {
    /// The CPU.
    pub cpu: usize,
    /// How long it was watched.
    pub ticks: u64,
    /// Each gap.
    pub gaps: Vec<u64>,
    /// Each chain, in their order.
    pub chains: Vec<u64>,
    /// How often Linux gave the CPU to another thread, where it says so.
    pub preempted: Option<u64>,
}

impl Watched {
    /// The figures, with a counter of that frequency; `None` without a chain.
    pub fn noise(&self, hz: f64) -> Option<CpuNoise> {
        let ns = |ticks: f64| ticks / hz * 1e9;
        let sorted = |chains: &[u64]| {
            let chains = chains.iter().map(|&ticks| ticks as f64);
            Sorted::new(chains.collect()).ok()
        };
        let first = self.chains.get(..FIRST_CHAINS).unwrap_or(&self.chains);
        let first = sorted(first)?.median();
        let chains = sorted(&self.chains)?;
        let lost: u64 = self.gaps.iter().sum();
        let longest = self.gaps.iter().copied().max().unwrap_or(0);
        Some(CpuNoise {
            cpu: self.cpu,
            watched_ns: ns(self.ticks as f64),
            lost_ns: ns(lost as f64),
            gaps: self.gaps.len() as u64,
            longest_ns: ns(longest as f64),
            chain_median_ns: ns(chains.median()),
            chain_iqr_ns: ns(chains.q3() - chains.q1()),
            chain_first_ns: ns(first),
            preempted: self.preempted,
        })
    }
}

/// Watches these CPUs, all at the same time, as a guest would use them. CPUs that this process
/// may not use are left out.
pub fn test(cpus: &[usize], hz: f64, time: Duration) -> Vec<Watched> {
    thread::scope(|scope| {
        let threads: Vec<_> = cpus
            .iter()
            .map(|&cpu| scope.spawn(move || watch(cpu, hz, time)))
            .collect();
        threads
            .into_iter()
            .filter_map(|thread| thread.join().ok()?)
            .collect()
    })
}

/// So many gaps find room before the list has to grow, which takes time that nobody lost: a tick
/// of 1000 Hz, twice over, for two seconds.
const ROOM: usize = 4000;

fn watch(cpu: usize, hz: f64, time: Duration) -> Option<Watched> {
    cpus::pin_thread(cpu).ok()?;
    let ticks = |time: Duration| (time.as_secs_f64() * hz) as u64;
    let (gap, chain_every) = (ticks(GAP), ticks(CHAIN_EVERY));
    let mut chains = Vec::with_capacity((time.as_millis() as usize).saturating_add(1));
    let mut gaps = Vec::with_capacity(ROOM);
    let preempted = preemptions();
    let start = tsc::ticks();
    let end = start + ticks(time);
    let (mut last, mut next_chain) = (start, start);
    while last < end {
        if last >= next_chain {
            chain::run();
            let now = tsc::ticks();
            chains.push(now.wrapping_sub(last));
            next_chain = now + chain_every;
            last = now;
        }
        let now = tsc::ticks();
        let pause = now.wrapping_sub(last);
        if pause > gap {
            gaps.push(pause);
        }
        last = now;
    }
    Some(Watched {
        cpu,
        ticks: last - start,
        gaps,
        chains,
        preempted: preempted.and_then(|before| preemptions()?.checked_sub(before)),
    })
}

/// How often this thread lost its CPU to another (proc_pid_status(5)).
fn preemptions() -> Option<u64> {
    let status = fs::read_to_string("/proc/thread-self/status").ok()?;
    let mut lines = status.lines();
    let count = lines.find_map(|line| line.strip_prefix("nonvoluntary_ctxt_switches:"))?;
    count.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[test]
    fn a_test_sees_the_time_that_it_watches() {
        let cpus = cpus::allowed();
        let hz = tsc::frequency().hz();
        let time = Duration::from_millis(20);
        let watched = test(&cpus[..1], hz, time);
        let [watched] = watched.as_slice() else {
            panic!("one CPU, one figure");
        };
        let noise = watched.noise(hz).unwrap();
        assert!(noise.watched_ns >= 20e6, "{noise:?}");
        assert!((0.0..=1.0).contains(&noise.lost()), "{noise:?}");
        assert!(noise.longest_ns <= noise.lost_ns, "{noise:?}");
        // 16384 multiplications of 3 cycles, on cores between 1 and 10 GHz.
        assert!(noise.chain_median_ns > 4_900.0, "{noise:?}");
    }

    #[test]
    fn a_busy_neighbour_on_the_same_cpu_is_seen_20_times_of_20() {
        let cpu = cpus::allowed()[0];
        let done = AtomicBool::new(false);
        let hz = tsc::frequency().hz();
        let noise: Vec<_> = thread::scope(|scope| {
            scope.spawn(|| {
                cpus::pin_thread(cpu).unwrap();
                while !done.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
            let test = || {
                let watched = test(&[cpu], hz, Duration::from_millis(200)).remove(0);
                watched.noise(hz).unwrap()
            };
            let noise = std::iter::repeat_with(test).take(20).collect();
            done.store(true, Ordering::Relaxed);
            noise
        });
        for noise in noise {
            // Linux gives each of the two half of the CPU, a time slice after the other.
            assert!(noise.lost() > 0.1, "{noise:?}");
            assert!(noise.longest_ns > 5e5, "{noise:?}");
            assert!(noise.preempted.is_none_or(|count| count > 0), "{noise:?}");
        }
    }

    #[test]
    fn the_worst_cpu_is_the_one_that_lost_most() {
        let noise = |cpu, lost_ns| CpuNoise {
            cpu,
            watched_ns: 1e9,
            lost_ns,
            gaps: 1,
            longest_ns: lost_ns,
            chain_median_ns: 1e4,
            chain_iqr_ns: 10.0,
            chain_first_ns: 1e4,
            preempted: Some(0),
        };
        let all = [noise(0, 1e3), noise(1, 1e6), noise(2, 1e5)];
        assert_eq!(worst(&all).map(|noise| noise.cpu), Some(1));
        assert_eq!(worst(&[]), None);
    }
}
