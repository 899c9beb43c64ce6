//! The results of the noise test.

use super::Found;
use crate::doctor::noise::CpuNoise;
use crate::doctor::{Facts, noise};

/// A tick of 250 Hz takes about 0.05 %, one of 1000 Hz 0.2 %; above 1 %, another process or a
/// hypervisor shares the CPU.
const LOST_WARNING: f64 = 3e-3;
const LOST_UNFIT: f64 = 1e-2;

/// The share of its time that the CPU lost.
pub(super) fn noise(facts: &Facts) -> Found {
    let Some(worst) = noise::worst(&facts.noise) else {
        return Found::unknown("no measuring CPU could be watched");
    };
    let figures = worst.figures();
    let what = format!(
        "CPU {} lost {:.3} % of {:.1} s in {:.0} gaps per second above {:.0} µs, the longest {:.0} \
         µs; {}",
        figures.cpu,
        1e2 * figures.lost,
        figures.seconds,
        figures.gaps_per_second,
        figures.gap_ns / 1e3,
        figures.longest_ns / 1e3,
        causes(facts, worst)
    );
    Found::graded(figures.lost, LOST_WARNING, LOST_UNFIT, what)
        .fix("see load, interrupts, isolation and steal")
}

/// How many of the lines that grew most are listed.
const NAMED: usize = 4;
/// A line that grew by less a second is not.
const RARE: f64 = 0.5;

/// What the kernel counted on that CPU, per second: lines of /proc/interrupts, other threads,
/// stolen time. Any remaining gaps came from below the kernel.
fn causes(facts: &Facts, noise: &CpuNoise) -> String {
    let Some(activity) = &facts.activity else {
        return "their cause is unknown".into();
    };
    let mut lines: Vec<_> = activity
        .interrupts
        .iter()
        .filter_map(|(line, rates)| Some((line.as_str(), *rates.get(&noise.cpu)?)))
        .filter(|(_, rate)| *rate >= RARE)
        .collect();
    lines.sort_by(|a, b| b.1.total_cmp(&a.1));
    let seconds = noise.watched_ns / 1e9;
    let preempted = noise.preempted.map(|count| count as f64 / seconds);
    let known = lines.iter().map(|(_, rate)| rate).sum::<f64>() + preempted.unwrap_or(0.0);
    let lines = lines.into_iter().take(NAMED);
    let mut causes: Vec<_> = lines
        .map(|(line, rate)| format!("{line} {rate:.0}"))
        .collect();
    if let Some(preempted) = preempted.filter(|rate| *rate >= RARE) {
        causes.push(format!("other threads {preempted:.0}"));
    }
    let unknown = noise.figures().gaps_per_second - known;
    if unknown >= RARE {
        causes.push(format!("not counted by the kernel {unknown:.0}"));
    }
    let steal = activity.steal.get(&noise.cpu).filter(|share| **share > 0.0);
    if let Some(share) = steal {
        causes.push(format!("stolen {:.1} % of the time", 1e2 * share));
    }
    if causes.is_empty() {
        "nothing interrupted it".into()
    } else {
        format!("a second: {}", causes.join(", "))
    }
}

/// Spreads between boots that tables show are of this size; a clock that moves by 1 %
/// while nothing else does hides them.
pub(super) const CLOCK_WARNING: f64 = 2e-3;
pub(super) const CLOCK_UNFIT: f64 = 1e-2;

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
        .fix("see governor, turbo, smt and load")
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
            "lost 0.290 % of 2.0 s in 4 gaps per second",
        );
        expect(noise, lost(5e-3), Warning, "0.500 %");
        expect(noise, lost(0.4), Unfit, "40.000 %");
        expect(noise, |facts| facts.noise.clear(), Unknown, "watched");
    }

    #[test]
    fn gaps_are_put_down_to_what_the_kernel_counted() {
        let spoil = |facts: &mut Facts| {
            facts.noise[0].gaps = 700;
            facts.noise[0].preempted = Some(20);
            let activity = facts.activity.as_mut().unwrap();
            let rates = |rate| [(0, 9e9), (3, rate)].into();
            activity.interrupts = [
                ("LOC".to_owned(), rates(250.0)),
                ("TLB".to_owned(), rates(0.2)),
                ("24 nvme0q1".to_owned(), rates(40.0)),
            ]
            .into();
            activity.steal.insert(3, 0.02);
        };
        let words = "a second: LOC 250, 24 nvme0q1 40, other threads 10, not counted by the kernel \
                     50, stolen 2.0 % of the time";
        expect(noise, spoil, Ok, words);
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
