//! Facts about a boot, apart from its samples.

use crate::rounds::Round;

/// One boot of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Boot {
    /// The target's name.
    pub target: String,
    /// Which boot of the target, from 0.
    pub boot: u32,
    /// Its place in the run, from 0, in order of time.
    pub position: u32,
    /// Why it failed and is excluded from all results; `None` if it did not fail.
    pub failed: Option<String>,
    /// What took the processor from the program: a counter's name, with its unit, and its total
    /// during the measurement.
    pub disturbances: Vec<(String, u64)>,
    /// Rounds for which the kernel counted disturbances.
    pub watched_rounds: usize,
    /// Those that were disturbed.
    pub disturbed_rounds: Vec<Round>,
}

/// The sums over a boot's rounds. Counters that no round has are left out.
pub fn disturbances(rounds: &[&Round]) -> Vec<(String, u64)> {
    type Counter = fn(&Round) -> Option<u64>;
    const COUNTERS: [(&str, Counter); 4] = [
        ("involuntary switches", |round| round.switches),
        ("run delay, ns", |round| round.run_delay_ns),
        ("steal, 1/100 s", |round| round.steal_cs),
        ("interrupts", |round| round.interrupts),
    ];
    let sum = |(name, counter): (&str, Counter)| {
        let known = rounds.iter().filter_map(|round| counter(round));
        let sum = known.reduce(u64::saturating_add)?;
        Some((name.to_owned(), sum))
    };
    COUNTERS.into_iter().filter_map(sum).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_summed_and_unknown_ones_left_out() {
        let round = |switches, interrupts| Round {
            target: "host".into(),
            boot: 0,
            round: 0,
            imul_ticks: None,
            add_ticks: None,
            switches,
            run_delay_ns: None,
            steal_cs: None,
            interrupts,
        };
        let rounds = [
            round(Some(2), None),
            round(Some(3), Some(u64::MAX)),
            round(None, Some(1)),
        ];
        let rounds: Vec<_> = rounds.iter().collect();
        let expected = [("involuntary switches", 5), ("interrupts", u64::MAX)];
        let expected = expected.map(|(name, sum)| (name.to_owned(), sum));
        assert_eq!(disturbances(&rounds), expected);
    }
}
