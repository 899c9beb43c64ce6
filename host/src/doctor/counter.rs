//! Examines the processor and its time stamp counter.

use std::arch::x86_64::__cpuid;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use contract::tsc_step;

use crate::cpus;
use crate::tsc::{self, TscFrequency};

/// What CPUID reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Processor {
    /// Whether the counter keeps its rate in every power state.
    pub invariant_tsc: bool,
    /// The name of the hypervisor underneath, as it gives it.
    pub hypervisor: Option<String>,
    /// Its extension for running guests, `vmx` or `svm`.
    pub extension: Option<&'static str>,
    /// The features that KVM offers its guest, if KVM is the hypervisor underneath.
    pub kvm_features: Option<u32>,
}

/// The results of measuring the counter.
#[derive(Clone, Debug, PartialEq)]
pub struct Counter {
    /// Its frequency.
    pub frequency: TscFrequency,
    /// The frequency from CPUID, whether it is used or not.
    pub claimed_hz: Option<f64>,
    /// It only shows multiples of this.
    pub step_ticks: u64,
    /// The offsets of other CPUs' counters.
    pub skews: Vec<Skew>,
}

/// How far a CPU's counter is ahead of the first measuring CPU's, in ticks: between these two
/// bounds, which are valid even if the CPUs were interrupted during the comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Skew {
    /// The other CPU.
    pub cpu: usize,
    /// The lower bound.
    pub at_least: i64,
    /// The upper bound.
    pub at_most: i64,
}

impl Skew {
    /// The least possible difference between the two, in ticks.
    pub fn proven(self) -> u64 {
        match self {
            Self { at_least, .. } if at_least > 0 => at_least.unsigned_abs(),
            Self { at_most, .. } if at_most < 0 => at_most.unsigned_abs(),
            _ => 0,
        }
    }
}

impl Processor {
    /// Executes CPUID.
    pub fn ask() -> Self {
        Self {
            invariant_tsc: invariant_tsc(),
            hypervisor: hypervisor(),
            extension: extension(),
            kvm_features: kvm_features(),
        }
    }
}

/// CPUID 80000007H, EDX bit 8: "Invariant TSC available" (Intel SDM 2A, CPUID).
fn invariant_tsc() -> bool {
    const LEAF: u32 = 0x8000_0007;
    const INVARIANT: u32 = 1 << 8;
    __cpuid(0x8000_0000).eax >= LEAF && __cpuid(LEAF).edx & INVARIANT != 0
}

/// CPUID 1, ECX bit 31, which processors keep clear; then leaf 40000000H, where
/// hypervisors write twelve letters.
pub fn hypervisor() -> Option<String> {
    const PRESENT: u32 = 1 << 31;
    if __cpuid(1).ecx & PRESENT == 0 {
        return None;
    }
    let leaf = __cpuid(0x4000_0000);
    let letters = [leaf.ebx, leaf.ecx, leaf.edx]
        .map(u32::to_le_bytes)
        .concat();
    let name: String = String::from_utf8_lossy(&letters)
        .chars()
        .filter(|c| c.is_ascii_graphic())
        .collect();
    Some(match name.as_str() {
        "" => "nameless".into(),
        _ => name,
    })
}

/// CPUID 40000001H, EAX (Linux, Documentation/virt/kvm/x86/cpuid.rst).
fn kvm_features() -> Option<u32> {
    let is_kvm = hypervisor().as_deref() == Some("KVMKVMKVM");
    is_kvm.then(|| __cpuid(0x4000_0001).eax)
}

/// CPUID 1, ECX bit 5 (Intel SDM 2A); CPUID 80000001H, ECX bit 2 (AMD APM 3).
fn extension() -> Option<&'static str> {
    const VMX: u32 = 1 << 5;
    const SVM: u32 = 1 << 2;
    if __cpuid(1).ecx & VMX != 0 {
        Some("vmx")
    } else if __cpuid(0x8000_0001).ecx & SVM != 0 {
        Some("svm")
    } else {
        None
    }
}

impl Counter {
    /// Measures for a third of a second. Compares `cpu` with the `others`.
    pub fn measure(cpu: Option<usize>, others: &[usize]) -> Self {
        Self {
            frequency: tsc::frequency(),
            claimed_hz: tsc::cpuid_hz(),
            step_ticks: step(),
            skews: cpu.map_or_else(Vec::new, |cpu| skews(cpu, others)),
        }
    }
}

/// The greatest common divisor of differences between readings.
fn step() -> u64 {
    const READINGS: usize = 10_000;
    let mut last = tsc::ticks();
    (0..READINGS).fold(0, |step, _| {
        let now = tsc::ticks();
        let difference = now.wrapping_sub(last);
        last = now;
        tsc_step(step, difference)
    })
}

/// At most 32 other CPUs, evenly chosen: enough to distinguish sockets.
const MOST_PAIRS: usize = 32;

fn skews(cpu: usize, others: &[usize]) -> Vec<Skew> {
    let others: Vec<_> = others.iter().filter(|&&other| other != cpu).collect();
    let every = others.len().div_ceil(MOST_PAIRS).max(1);
    let chosen = others.into_iter().step_by(every);
    chosen.filter_map(|&other| skew(cpu, other)).collect()
}

/// The time limit for a pair of CPUs; two that are free need a thousandth of it.
const PATIENCE: Duration = Duration::from_millis(50);
const EXCHANGES: u64 = 2_000;

/// The ball that two threads pass: first empty, then a reading of the other CPU's counter. A
/// reading is never 0.
#[derive(Default)]
#[repr(align(128))]
struct Ball(AtomicU64);

/// Passes a ball back and forth. The other CPU reads its counter after we have read ours and
/// before we read it again, which bounds the difference from both sides.
fn skew(cpu: usize, other: usize) -> Option<Skew> {
    let (there, back) = (Ball::default(), Ball::default());
    let end = Instant::now() + PATIENCE;
    let wait = |ball: &Ball| loop {
        match ball.0.load(Ordering::Acquire) {
            0 if Instant::now() > end => return None,
            0 => std::hint::spin_loop(),
            reading => {
                // Only this thread waits for it, and nothing arrives before it has answered.
                ball.0.store(0, Ordering::Relaxed);
                return Some(reading);
            }
        }
    };
    let answer = || {
        cpus::pin_thread(other).ok()?;
        for _ in 0..EXCHANGES {
            wait(&there)?;
            back.0.store(tsc::ticks(), Ordering::Release);
        }
        Some(())
    };
    let ask = || {
        cpus::pin_thread(cpu).ok()?;
        let (mut at_least, mut at_most) = (i64::MIN, i64::MAX);
        for _ in 0..EXCHANGES {
            let before = tsc::ticks();
            there.0.store(1, Ordering::Release);
            let Some(reading) = wait(&back) else { break };
            let after = tsc::ticks();
            at_least = at_least.max(reading.wrapping_sub(after) as i64);
            at_most = at_most.min(reading.wrapping_sub(before) as i64);
        }
        (at_least != i64::MIN).then_some((at_least, at_most))
    };
    let bounds = thread::scope(|scope| {
        scope.spawn(answer);
        scope.spawn(ask).join().ok()?
    });
    bounds.map(|(at_least, at_most)| Skew {
        cpu: other,
        at_least,
        at_most,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_two_bounds_prove() {
        let skew = |at_least, at_most| Skew {
            cpu: 1,
            at_least,
            at_most,
        };
        assert_eq!(skew(-300, 250).proven(), 0);
        assert_eq!(skew(40, 600).proven(), 40);
        assert_eq!(skew(-600, -50).proven(), 50);
    }

    #[test]
    fn a_step_divides_every_difference() {
        let step = step();
        assert!(step > 0);
        let (a, b) = (tsc::ticks(), tsc::ticks());
        assert_eq!(b.wrapping_sub(a) % step, 0);
    }

    #[test]
    fn bounds_hold_each_other() {
        let allowed = cpus::allowed();
        let Some(&first) = allowed.first() else {
            return;
        };
        for skew in skews(first, &allowed) {
            assert!(skew.at_least <= skew.at_most, "{skew:?}");
        }
    }
}
