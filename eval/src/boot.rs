//! What is known of a boot beside its samples.

use crate::rounds::Round;

/// One boot of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Boot {
    /// The target's name.
    pub target: String,
    /// Which boot of the target, from 0.
    pub boot: u32,
    /// Which boot of the run, from 0, in the order of time.
    pub position: u32,
    /// Why it is in no number, if it failed.
    pub failed: Option<String>,
    /// What got between the program and the processor: a counter's name, with its unit,
    /// and how much there was while the boot measured.
    pub disturbances: Vec<(String, u64)>,
    /// Rounds of which the kernel told whether it or the hypervisor disturbed them.
    pub watched_rounds: usize,
    /// Those of them that were disturbed.
    pub disturbed_rounds: Vec<Round>,
}

/// The sums over a boot's rounds. A counter that none of them knows is left out.
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
