//! Does the method hold on this target? The evidence is what its logs contain about its clock,
//! fences and counter. docs/METHOD.md gives each check's reason.

mod slope;

use contract::Fact;

use crate::facts::BootFacts;
use crate::quads::RunQuad;
use crate::rounds::{Round, imul_by_add};
use crate::stats::Sorted;
use crate::units::TscHz;
use crate::verdict::{Finding, State};

/// What a target's boots found.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    /// What each of its boots found out about its counter and its fences.
    pub counters: &'a [BootFacts],
    /// Their rounds.
    pub rounds: &'a [Round],
    /// The host's counter, as the run measured it.
    pub host: TscHz,
    /// The fastest clock chain on the host in the same run, if it was measured there.
    pub host_chain: Option<u64>,
    /// The checks of the slope in its boots.
    pub quads: &'a [RunQuad],
}

/// Every check for which there is evidence.
pub fn check(evidence: &Evidence<'_>) -> Vec<Finding> {
    [chains, fence, step, frequency, scaling, slope::slope]
        .into_iter()
        .filter_map(|check| check(evidence))
        .collect()
}

/// Ticks of the fastest clock chain: the core at its fastest, undisturbed.
pub fn fastest_chain(rounds: &[Round]) -> Option<u64> {
    rounds.iter().filter_map(|round| round.imul_ticks).min()
}

/// The check that the clock chains measure the core's clock. If it fails, core cycles are not
/// computed.
pub const CLOCK_CHAINS: &str = "clock-chains";

/// Cycles of a multiplication divided by cycles of an addition.
const RATIO: f64 = 3.0;
const RATIO_TOLERANCE: f64 = 0.03;

/// Compares the fastest chains: the length of a multiplication is a property of the core, but
/// whatever shares the core slows down a chain of additions, which needs it in every cycle,
/// before it slows down one of multiplications.
fn chains(evidence: &Evidence<'_>) -> Option<Finding> {
    let additions = evidence.rounds.iter().filter_map(|round| round.add_ticks);
    let ratio = imul_by_add(fastest_chain(evidence.rounds)?, additions.min()?)?;
    let ratios: Vec<_> = evidence
        .rounds
        .iter()
        .filter_map(Round::imul_by_add)
        .collect();
    let rounds = ratios.len();
    let median = Sorted::new(ratios).ok()?.median();
    let figures = format!(
        "a multiplication takes as long as {ratio:.3} additions by the fastest chains of {rounds} \
         rounds, {median:.3} in the median round"
    );
    Some(if (ratio - RATIO).abs() <= RATIO_TOLERANCE {
        Finding::new(CLOCK_CHAINS, State::Ok, figures)
    } else {
        Finding::new(
            CLOCK_CHAINS,
            State::Warning,
            format!(
                "{figures}, not {RATIO:.2} ± {RATIO_TOLERANCE}: the chains do not measure this \
                 core's clock"
            ),
        )
    })
}

/// LFENCE has to wait for nearly all of the chain between the readings: the first
/// multiplications may have started before the first reading was complete.
const WAITED: f64 = 0.8;

fn fence(evidence: &Evidence<'_>) -> Option<Finding> {
    let ticks_a_multiplication = |counter: &BootFacts| {
        let chain = fastest_chain(evidence.rounds)?;
        Some(chain as f64 / counter.get(Fact::ChainOps).filter(|ops| *ops > 0)? as f64)
    };
    let read = |counter: &BootFacts| {
        let chain = ticks_a_multiplication(counter)? * counter.get(Fact::FenceOps)? as f64;
        Some((
            counter.get(Fact::FencedTicks)? as f64,
            counter.get(Fact::UnfencedTicks)? as f64,
            chain,
        ))
    };
    // The boot in which the fence waited least.
    let least = evidence.counters.iter().filter_map(read);
    let (fenced, unfenced, chain) = least.min_by(|a, b| a.0.total_cmp(&b.0))?;
    let figures = format!(
        "a reading after a chain of {chain:.0} ticks comes after {fenced:.0} ticks with LFENCE, \
         {unfenced:.0} without"
    );
    let waits = fenced >= WAITED * chain;
    Some(match (waits, unfenced < WAITED * chain) {
        (false, _) => Finding::new(
            "lfence",
            State::Unfit,
            format!("{figures}: LFENCE does not wait on this processor, so samples may overlap"),
        ),
        (true, true) => Finding::new("lfence", State::Ok, figures),
        (true, false) => Finding::new(
            "lfence",
            State::Unknown,
            format!("{figures}: both wait, so this does not show whether LFENCE does"),
        ),
    })
}

/// The largest share of a batch that the counter's step may have.
const STEP_PART: f64 = 1e-3;

fn step(evidence: &Evidence<'_>) -> Option<Finding> {
    let part = |counter: &BootFacts| {
        let (step, batch) = (
            counter.get(Fact::TscStep)?,
            counter.get(Fact::BatchTicks).filter(|ticks| *ticks > 0)?,
        );
        Some((step, batch, step as f64 / batch as f64))
    };
    let parts = evidence.counters.iter().filter_map(part);
    let (step, batch, part) = parts.max_by(|a, b| a.2.total_cmp(&b.2))?;
    let figures = format!(
        "the counter's step is {step} ticks, {:.3} % of a batch of {batch}",
        100.0 * part
    );
    Some(if part <= STEP_PART {
        Finding::new("tsc-step", State::Ok, figures)
    } else {
        Finding::new(
            "tsc-step",
            State::Warning,
            format!("{figures}: use longer batches (batch-us)"),
        )
    })
}

/// The largest difference of two frequencies that count as equal: hypervisors report whole
/// kilohertz or megahertz.
const FREQUENCY_TOLERANCE: f64 = 1e-3;

fn frequency(evidence: &Evidence<'_>) -> Option<Finding> {
    let TscHz(host) = evidence.host;
    let told = |counter: &BootFacts| Some(counter.get(Fact::TscKhz)? as f64 * 1e3);
    let off = |hz: f64| (hz / host - 1.0).abs();
    let told = evidence.counters.iter().filter_map(told);
    let worst = told.max_by(|a, b| off(*a).total_cmp(&off(*b)))?;
    let figures = format!(
        "the guest's CPUID says {:.3} MHz, and the host's counter runs at {:.3} MHz",
        worst / 1e6,
        host / 1e6
    );
    Some(if off(worst) <= FREQUENCY_TOLERANCE {
        Finding::new("tsc-frequency", State::Ok, figures)
    } else {
        Finding::new(
            "tsc-frequency",
            State::Warning,
            format!("{figures}: if the counter is scaled, its ticks differ from the host's"),
        )
    })
}

/// The largest difference between the fastest chains of two targets with the same core and
/// counter. Turbo alone can cause more: hence a warning, with both figures.
const CHAIN_TOLERANCE: f64 = 0.02;

fn scaling(evidence: &Evidence<'_>) -> Option<Finding> {
    let here = fastest_chain(evidence.rounds)? as f64;
    let host = evidence.host_chain.filter(|ticks| *ticks > 0)? as f64;
    let figures =
        format!("the fastest clock chain took {here:.0} ticks, and {host:.0} on the host itself");
    Some(if (here / host - 1.0).abs() <= CHAIN_TOLERANCE {
        Finding::new("tsc-scaling", State::Ok, figures)
    } else {
        Finding::new(
            "tsc-scaling",
            State::Warning,
            format!("{figures}: the counter is scaled, or the core ran at another clock"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: TscHz = TscHz(2.6e9);

    fn counter() -> BootFacts {
        let facts = [
            (Fact::TscStep, 26),
            (Fact::BatchTicks, 52_000),
            (Fact::ChainOps, 4096),
            (Fact::FenceOps, 64),
            (Fact::FencedTicks, 190),
            (Fact::UnfencedTicks, 26),
            (Fact::TscKhz, 2_600_000),
        ];
        facts.into_iter().collect()
    }

    /// The same, with one fact changed.
    fn but(fact: Fact, value: u64) -> BootFacts {
        let all = Fact::ALL.into_iter();
        let facts = all.filter_map(|fact| Some((fact, counter().get(fact)?)));
        facts.chain([(fact, value)]).collect()
    }

    fn round(imul: u64, add: u64) -> Round {
        Round {
            target: "linux".into(),
            boot: 0,
            round: 0,
            imul_ticks: Some(imul),
            add_ticks: Some(add),
            switches: None,
            run_delay_ns: None,
            steal_cs: None,
            interrupts: None,
        }
    }

    /// The state of each check, by name.
    fn states(
        counter: BootFacts,
        rounds: &[Round],
        host_chain: Option<u64>,
    ) -> Vec<(String, State)> {
        let evidence = Evidence {
            counters: &[counter],
            rounds,
            host: HOST,
            host_chain,
            quads: &[],
        };
        let findings = check(&evidence);
        findings.into_iter().map(|f| (f.check, f.state)).collect()
    }

    #[test]
    fn a_good_target_passes_every_check() {
        let states = states(counter(), &[round(12_288, 12_300)], Some(12_290));
        assert_eq!(states.len(), 5);
        assert!(
            states.iter().all(|(_, state)| *state == State::Ok),
            "{states:?}"
        );
    }

    #[test]
    fn rounds_with_slow_additions_do_not_fail_the_clock_check() {
        let shared = [round(12_288, 13_500), round(12_290, 13_600)];
        let state = |rounds: &[Round]| states(BootFacts::default(), rounds, None);
        let bad = (CLOCK_CHAINS.into(), State::Warning);
        assert_eq!(state(&shared), [bad]);
        let [one, other] = shared;
        let good = (CLOCK_CHAINS.into(), State::Ok);
        assert_eq!(state(&[one, other, round(12_300, 12_290)]), [good]);
    }

    #[test]
    fn checks_without_evidence_are_left_out() {
        assert_eq!(states(BootFacts::default(), &[], None), []);
    }

    #[test]
    fn each_fault_is_found() {
        let good = || [round(12_288, 12_300)];
        let cases = [
            (
                counter(),
                [round(12_288, 12_000)],
                None,
                "clock-chains",
                State::Warning,
            ),
            (
                but(Fact::FencedTicks, 52),
                good(),
                None,
                "lfence",
                State::Unfit,
            ),
            (
                but(Fact::UnfencedTicks, 190),
                good(),
                None,
                "lfence",
                State::Unknown,
            ),
            (
                but(Fact::BatchTicks, 25_000),
                good(),
                None,
                "tsc-step",
                State::Warning,
            ),
            (
                but(Fact::TscKhz, 1_000_000),
                good(),
                None,
                "tsc-frequency",
                State::Warning,
            ),
            (
                counter(),
                good(),
                Some(9_000),
                "tsc-scaling",
                State::Warning,
            ),
        ];
        for (counter, rounds, host_chain, check, state) in cases {
            let states = states(counter, &rounds, host_chain);
            assert!(
                states.contains(&(check.into(), state)),
                "{check}: {states:?}"
            );
        }
    }
}
