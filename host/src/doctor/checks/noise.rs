//! What the noise test measured.

use super::Found;
use crate::doctor::{Facts, noise};

/// A tick of 250 Hz takes about 0.05 %, one of 1000 Hz 0.2 %; above 1 % another
/// process or a hypervisor shares the CPU.
const LOST_WARNING: f64 = 3e-3;
const LOST_UNFIT: f64 = 1e-2;

/// How much of its time the CPU was away.
pub(super) fn noise(facts: &Facts) -> Found {
    let Some(worst) = noise::worst(&facts.noise) else {
        return Found::unknown("no measuring CPU could be watched");
    };
    let figures = worst.figures();
    let what = format!(
        "CPU {} lost {:.3} % of {:.1} s in {:.0} gaps a second above {:.0} µs, the longest {:.0} µs",
        figures.cpu,
        1e2 * figures.lost,
        figures.seconds,
        figures.gaps_per_second,
        figures.gap_ns / 1e3,
        figures.longest_ns / 1e3
    );
    Found::graded(figures.lost, LOST_WARNING, LOST_UNFIT, what)
        .mend("see load, interrupts, isolation and steal")
}

/// Spreads between boots that tables show are of this size; a clock that moves by 1 %
/// while nothing else does hides them.
const CLOCK_WARNING: f64 = 2e-3;
const CLOCK_UNFIT: f64 = 1e-2;

/// Whether the same work takes the same number of ticks.
pub(super) fn clock(facts: &Facts) -> Found {
    let spreads = facts.noise.iter();
    let worst = spreads.max_by(|a, b| a.chain_spread().total_cmp(&b.chain_spread()));
    let Some(worst) = worst else {
        return Found::unknown("no measuring CPU could be watched");
    };
    let what = format!(
        "a fixed chain of multiplications takes {:.2} µs on CPU {} and varies by {:.2} % \
         (interquartile range over median)",
        worst.chain_median_ns / 1e3,
        worst.cpu,
        1e2 * worst.chain_spread()
    );
    Found::graded(worst.chain_spread(), CLOCK_WARNING, CLOCK_UNFIT, what)
        .mend("see governor, turbo, smt and load")
}

#[cfg(test)]
mod tests {
    use eval::verdict::State::{Ok, Unfit, Unknown, Warning};

    use super::super::tests::expect;
    use super::*;

    #[test]
    fn lost_time_is_graded() {
        let lost = |share: f64| move |facts: &mut Facts| facts.noise[0].lost_ns = share * 2e9;
        expect(
            noise,
            lost(2.9e-3),
            Ok,
            "lost 0.290 % of 2.0 s in 4 gaps a second",
        );
        expect(noise, lost(5e-3), Warning, "0.500 %");
        expect(noise, lost(0.4), Unfit, "40.000 %");
        expect(noise, |facts| facts.noise.clear(), Unknown, "watched");
    }

    #[test]
    fn a_moving_clock_is_graded() {
        let iqr = |share: f64| {
            move |facts: &mut Facts| {
                facts.noise[0].chain_iqr_ns = share * facts.noise[0].chain_median_ns;
            }
        };
        expect(
            clock,
            iqr(1e-3),
            Ok,
            "takes 13.65 µs on CPU 3 and varies by 0.10 %",
        );
        expect(clock, iqr(5e-3), Warning, "0.50 %");
        expect(clock, iqr(0.2), Unfit, "20.00 %");
    }
}
