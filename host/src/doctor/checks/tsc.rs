//! The time stamp counter: whether its ticks can be used as time.

use super::{Found, named};
use crate::doctor::Facts;
use crate::doctor::counter::Skew;

/// Whether it keeps its rate when the core changes its clock or sleeps.
pub(super) fn invariant(facts: &Facts) -> Found {
    if facts.processor.invariant_tsc {
        Found::ok("the counter keeps its rate (CPUID 80000007H, EDX bit 8)")
    } else {
        Found::unfit(
            "the counter is not invariant (CPUID 80000007H, EDX bit 8): its rate may follow \
             the core's clock",
        )
        .fix(match facts.processor.hypervisor {
            Some(_) => "let the hypervisor show it (QEMU: -cpu host,+invtsc,migratable=no)",
            None => "measure on a processor with an invariant counter",
        })
    }
}

/// Whether all CPUs' counters show the same time.
pub(super) fn synchronised(facts: &Facts) -> Found {
    let skews = &facts.counter.skews;
    let off: Vec<_> = skews.iter().filter(|skew| is_off(skew, facts)).collect();
    let clock = facts.host.clocksource.as_deref().unwrap_or("unknown");
    if let Some(worst) = off.iter().max_by_key(|skew| skew.proven()) {
        let cpus: Vec<_> = off.iter().map(|skew| skew.cpu).collect();
        return Found::unfit(format!(
            "{}: the counter differs by {} ticks or more (clock source: {clock})",
            named(&cpus),
            worst.proven()
        ))
        .fix("pin every target to one CPU, and run `sudo dmesg | grep -i tsc`");
    }
    if facts.host.clocksource.is_some() && !facts.host.clocksources.iter().any(|c| c == "tsc") {
        return Found::warning(format!(
            "the kernel's clock source is {clock} instead of the counter"
        ))
        .fix("sudo dmesg | grep -i tsc (shows the reason)");
    }
    let furthest = skews.iter().map(furthest).max();
    let too_far = CLOSE_NS * facts.counter.frequency.hz() / 1e9;
    match furthest {
        Some(ticks) if ticks as f64 > too_far => Found::unknown(format!(
            "the other CPUs were too busy to compare counters to better than {ticks} ticks (clock \
             source: {clock})"
        )),
        Some(ticks) => Found::ok(format!(
            "{} CPUs agree to {ticks} ticks or better (clock source: {clock})",
            skews.len() + 1
        )),
        None => Found::unknown(format!(
            "no other CPU could be compared (clock source: {clock})"
        )),
    }
}

/// Bounds that are further apart prove nothing; two free CPUs give a tenth of a microsecond.
const CLOSE_NS: f64 = 10e3;

/// One step of the counter does not count as a difference.
fn is_off(skew: &Skew, facts: &Facts) -> bool {
    skew.proven() > facts.counter.step_ticks
}

/// The largest possible difference between the two.
fn furthest(skew: &Skew) -> u64 {
    skew.at_least
        .unsigned_abs()
        .max(skew.at_most.unsigned_abs())
}

/// A step of 0.1 % of a batch of 25 µs is a warning, 1 % is too coarse.
const STEP_WARNING_NS: f64 = 25.0;
const STEP_UNFIT_NS: f64 = 250.0;

/// The counter's resolution.
pub(super) fn step(facts: &Facts) -> Found {
    let ticks = facts.counter.step_ticks;
    let ns = ticks as f64 / facts.counter.frequency.hz() * 1e9;
    let what = format!("the counter goes in steps of {ticks} ticks ({ns:.1} ns)");
    Found::graded(ns, STEP_WARNING_NS, STEP_UNFIT_NS, what)
        .fix("increase `batch-us` until a step is 0.1 % of it")
}

const SPREAD_WARNING: f64 = 1e-3;
const SPREAD_UNFIT: f64 = 1e-2;

/// Whether its frequency is known, and agrees with CPUID.
pub(super) fn frequency(facts: &Facts) -> Found {
    let frequency = &facts.counter.frequency;
    let mhz = frequency.measured_hz / 1e6;
    if frequency.spread > SPREAD_WARNING {
        let what = format!(
            "{mhz:.3} MHz, but five measurements against CLOCK_MONOTONIC_RAW differ by {:.3} %",
            1e2 * frequency.spread
        );
        return Found::graded(frequency.spread, SPREAD_WARNING, SPREAD_UNFIT, what)
            .fix("measure again on a quieter machine");
    }
    match (facts.counter.claimed_hz, frequency.cpuid_hz) {
        (Some(claimed), None) => Found::warning(format!(
            "{mhz:.3} MHz, measured; CPUID says {:.3} MHz, which is not used (is the counter \
             scaled?)",
            claimed / 1e6
        )),
        (Some(claimed), Some(_)) => Found::ok(format!(
            "{mhz:.3} MHz, measured; CPUID says {:.3} MHz",
            claimed / 1e6
        )),
        (None, _) => Found::ok(format!(
            "{mhz:.3} MHz, measured; CPUID does not list a frequency"
        )),
    }
}

#[cfg(test)]
mod tests {
    use eval::verdict::State::{Ok, Unfit, Unknown, Warning};

    use super::super::tests::expect;
    use super::*;

    #[test]
    fn a_counter_that_follows_the_clock_is_none() {
        let spoil = |facts: &mut Facts| facts.processor.invariant_tsc = false;
        expect(invariant, spoil, Unfit, "not invariant");
    }

    #[test]
    fn counters_are_off_by_what_is_proven_beyond_a_step() {
        let skew = |at_least, at_most| {
            move |facts: &mut Facts| {
                facts.counter.skews.push(Skew {
                    cpu: 2,
                    at_least,
                    at_most,
                });
            }
        };
        expect(
            synchronised,
            skew(37, 400),
            Unfit,
            "CPU 2: the counter differs by 37",
        );
        expect(synchronised, skew(-900, -500), Unfit, "by 500 ticks");
        expect(synchronised, skew(36, 400), Ok, "3 CPUs agree to 400 ticks");
    }

    #[test]
    fn wide_bounds_prove_nothing() {
        let wide = |facts: &mut Facts| {
            facts.counter.skews.push(Skew {
                cpu: 1,
                at_least: -36_001,
                at_most: 5,
            });
        };
        expect(synchronised, wide, Unknown, "too busy to compare");
    }

    #[test]
    fn the_kernels_distrust_counts() {
        let spoil = |facts: &mut Facts| {
            facts.host.clocksource = Some("hpet".into());
            facts.host.clocksources = vec!["hpet".into()];
        };
        expect(synchronised, spoil, Warning, "is hpet");
        expect(
            synchronised,
            |facts| facts.counter.skews.clear(),
            Unknown,
            "no other CPU",
        );
    }

    #[test]
    fn a_coarse_counter_is_graded() {
        let steps = |ticks| move |facts: &mut Facts| facts.counter.step_ticks = ticks;
        expect(step, steps(90), Ok, "90 ticks (25.0 ns)");
        expect(step, steps(100), Warning, "batch-us");
        expect(step, steps(1000), Unfit, "1000 ticks");
    }

    #[test]
    fn a_frequency_is_believed_where_all_agree() {
        let spread = |spread| move |facts: &mut Facts| facts.counter.frequency.spread = spread;
        expect(frequency, spread(2e-3), Warning, "differ by 0.200 %");
        expect(frequency, spread(2e-2), Unfit, "differ by 2.000 %");
        let scaled = |facts: &mut Facts| {
            facts.counter.claimed_hz = Some(2.0e9);
            facts.counter.frequency.cpuid_hz = None;
        };
        expect(frequency, scaled, Warning, "CPUID says 2000.000 MHz");
        let silent = |facts: &mut Facts| {
            facts.counter.claimed_hz = None;
            facts.counter.frequency.cpuid_hz = None;
        };
        expect(frequency, silent, Ok, "does not list a frequency");
    }
}
