//! Whether cost is proportional to copies and to turns, as the slope between n and 2n copies
//! assumes. Boots check this with a few quads in each round.
//!
//! For each quad: the cost of an operation by copies, in t turns and in 2t, which must be the
//! same; and its cost by turns, which includes the loop's own instructions.

use std::collections::BTreeMap;

use contract::{Benchmark, Quad};

use super::Evidence;
use crate::quads::RunQuad;
use crate::stats::{Sorted, median_of, order};
use crate::verdict::{Finding, State};

/// Costs that differ by at most this share are the same. On a busy machine, the medians of 25
/// sound boots were 0.1 % apart in the median boot and 1.9 % in the worst (docs/METHOD.md).
const TOLERANCE: f64 = 0.02;

/// A turn's own instructions, `dec` and `jnz`, take at most two cycles, for which a counter
/// that runs twice as fast as the core shows four ticks.
const TURN_TICKS: f64 = 4.0;

/// Probability that any boot of a sound target is found to disagree.
const ALPHA: f64 = 0.05;

/// Two ways to the same cost, and their difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Pair {
    /// By copies in t turns, and in 2t.
    Turns,
    /// By copies, and by turns.
    Copies,
}

/// The smallest and the greatest difference, relative to the cost, that a quad may have.
type Difference = [f64; 2];

pub(super) fn slope(evidence: &Evidence<'_>) -> Option<Finding> {
    let boots = boots(evidence.quads);
    if boots.is_empty() {
        return None;
    }
    let pairs = [Pair::Turns, Pair::Copies];
    let compared = boots.len() * pairs.len();
    let level = 1.0 - ALPHA / compared as f64;
    let judged = boots
        .iter()
        .flat_map(|(of, quads)| pairs.map(|pair| Some((*of, pair, distance(quads, pair, level)?))));
    let judged: Vec<_> = judged.flatten().collect();
    let rounds = evidence.quads.len();
    let worst = judged.iter().max_by(|a, b| a.2.abs().total_cmp(&b.2.abs()));
    let Some(((_, benchmark), pair, by)) = worst else {
        return Some(Finding::new(
            "slope",
            State::Unknown,
            format!("{rounds} quads are too few to check the slope: use more rounds"),
        ));
    };
    if by.abs() <= TOLERANCE {
        return Some(Finding::new(
            "slope",
            State::Ok,
            format!(
                "cost by copies and cost by turns agree within {:.0} % in all boots ({rounds} quads)",
                100.0 * TOLERANCE
            ),
        ));
    }
    let bad = judged.iter().filter(|(_, _, by)| by.abs() > TOLERANCE);
    let mut bad: Vec<_> = bad.map(|((boot, _), ..)| boot).collect();
    bad.sort_unstable();
    bad.dedup();
    let by = 100.0 * by;
    let name = benchmark.name();
    let what = match pair {
        Pair::Turns => format!("{name} costs {by:+.1} % with twice the turns"),
        Pair::Copies => format!("{name} costs {by:+.1} % by turns compared with by copies"),
    };
    Some(Finding::new(
        "slope",
        State::Warning,
        format!(
            "cost is not proportional in {} of {} boots; worst case: {what}. The cost of n \
             copies depends on the loop around them",
            bad.len(),
            boot_count(&boots)
        ),
    ))
}

type QuadsByBoot<'q> = BTreeMap<(u32, Benchmark), Vec<&'q Quad>>;

fn boots(quads: &[RunQuad]) -> QuadsByBoot<'_> {
    let mut boots = QuadsByBoot::new();
    for RunQuad { boot, quad, .. } in quads {
        let of = boots.entry((*boot, quad.benchmark)).or_default();
        of.push(quad);
    }
    boots
}

fn boot_count(boots: &QuadsByBoot) -> usize {
    let mut numbers: Vec<_> = boots.keys().map(|(boot, _)| boot).collect();
    numbers.dedup();
    numbers.len()
}

/// The least difference between the two, relative to the cost: the end towards zero of the
/// interval of their median difference, minus what is allowed. 0 if the interval contains zero;
/// `None` if there are too few quads.
fn distance(quads: &[&Quad], pair: Pair, level: f64) -> Option<f64> {
    let mut costs: Vec<f64> = quads.iter().map(|quad| by_copies(quad)).collect();
    let cost = median_of(&mut costs);
    let differences: Vec<_> = quads.iter().map(|quad| difference(quad, pair)).collect();
    let end = |which: usize| {
        let values = differences.iter().filter_map(|ends| ends.get(which));
        let sorted = Sorted::new(values.map(|value| value / cost).collect()).ok()?;
        order::median_interval_at(&sorted, level)
    };
    let (above, below) = (end(0)?.low, end(1)?.high);
    Some(if above > 0.0 {
        above
    } else if below < 0.0 {
        below
    } else {
        0.0
    })
}

fn ticks(a: u64, b: u64) -> f64 {
    (i128::from(a) - i128::from(b)) as f64
}

fn operations(quad: &Quad) -> f64 {
    quad.copies as f64 * quad.turns as f64
}

/// The cost of an operation by copies, in t turns.
fn by_copies(quad: &Quad) -> f64 {
    ticks(quad.ticks_2n_t, quad.ticks_n_t) / operations(quad)
}

fn difference(quad: &Quad, pair: Pair) -> Difference {
    let twice = 2.0 * operations(quad);
    match pair {
        Pair::Turns => {
            let cost = ticks(quad.ticks_2n_2t, quad.ticks_n_2t) / twice;
            [cost - by_copies(quad); 2]
        }
        Pair::Copies => {
            let cost = ticks(quad.ticks_2n_2t, quad.ticks_2n_t) / twice;
            let own = TURN_TICKS / (2.0 * quad.copies as f64);
            [cost - own - by_copies(quad), cost - by_copies(quad)]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::TscHz;

    const BOOTS: u32 = 3;
    const QUADS: u64 = 20;

    /// The costs of a boot's loops, in ticks.
    #[derive(Clone, Copy)]
    struct Loops {
        each: f64,
        /// A turn's own instructions.
        turn: f64,
        /// The additional cost of each operation in the first turn of a loop.
        cold: f64,
        /// The additional cost of each operation in the loop of 2n copies.
        large: f64,
        noise: f64,
    }

    const SOUND: Loops = Loops {
        each: 222.0,
        turn: 1.0,
        cold: 0.0,
        large: 0.0,
        noise: 0.0,
    };

    fn quads(boot: u32, loops: Loops, number: u64) -> Vec<RunQuad> {
        let batch = |copies: u64, turns: u64, disturbed: f64| {
            let each = loops.each + if copies == 32 { loops.large } else { 0.0 };
            let operations = copies as f64 * turns as f64;
            let cold = copies as f64 * loops.cold;
            let ticks = 80.0 + turns as f64 * loops.turn + operations * each + cold;
            (ticks * (1.0 + disturbed)).round() as u64
        };
        let quad = |round: u64| {
            // As much above as below, whichever batch it affects.
            let noise =
                |batch: u64| loops.noise * ((round * 7 + batch * 3) % 5) as f64 / 2.0 - loops.noise;
            Quad {
                benchmark: Benchmark::Scall,
                round,
                align: 0,
                copies: 16,
                turns: 16,
                ticks_n_t: batch(16, 16, noise(0)),
                ticks_n_2t: batch(16, 32, noise(1)),
                ticks_2n_t: batch(32, 16, noise(2)),
                ticks_2n_2t: batch(32, 32, noise(3)),
            }
        };
        let target = || "linux".to_owned();
        let quads = (0..number).map(quad);
        quads
            .map(|quad| RunQuad {
                target: target(),
                boot,
                quad,
            })
            .collect()
    }

    fn check(boots: &[Loops], number: u64) -> Finding {
        let quads: Vec<_> = (0..)
            .zip(boots)
            .flat_map(|(boot, loops)| quads(boot, *loops, number))
            .collect();
        let evidence = Evidence {
            counters: &[],
            rounds: &[],
            host: TscHz(2.6e9),
            host_chain: None,
            quads: &quads,
        };
        slope(&evidence).unwrap()
    }

    #[test]
    fn a_sound_slope_passes_for_cheap_calls_and_on_noisy_machines() {
        for each in [1.0, 4.0, 222.0, 60_000.0] {
            for noise in [0.0, 0.003, 0.05] {
                let loops = Loops {
                    each,
                    noise,
                    ..SOUND
                };
                let found = check(&[loops; BOOTS as usize], QUADS);
                assert_eq!(found.state, State::Ok, "{each} {noise}: {}", found.what);
            }
        }
    }

    #[test]
    fn an_expensive_first_turn_is_found() {
        let cold = Loops {
            cold: 400.0,
            ..SOUND
        };
        let found = check(&[SOUND, cold, SOUND], QUADS);
        assert_eq!(found.state, State::Warning);
        assert!(found.what.contains("in 1 of 3 boots"), "{}", found.what);
        assert!(found.what.contains("scall"), "{}", found.what);
    }

    #[test]
    fn an_expensive_large_loop_is_found() {
        let large = Loops {
            large: 8.0,
            ..SOUND
        };
        let found = check(&[large; BOOTS as usize], QUADS);
        assert_eq!(found.state, State::Warning);
        assert!(found.what.contains("in 3 of 3 boots"), "{}", found.what);
        // By copies it costs 230 + 8 ticks, by turns 230: -3.3 %.
        assert!(found.what.contains("-3.3 %"), "{}", found.what);
    }

    #[test]
    fn too_few_quads_give_no_verdict() {
        let found = check(&[SOUND], 3);
        assert_eq!(found.state, State::Unknown);
        assert!(found.what.contains("3 quads are too few"), "{}", found.what);
    }
}
