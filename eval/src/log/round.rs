//! What a log contains about a round as a whole.

use std::collections::BTreeMap;

use contract::{Clock, Disturbance, Disturbed};

use super::LogError;
use super::tollgate::within;

/// Facts about a round, apart from its samples. `None`: not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogRound {
    /// TSC ticks of `chain_ops` dependent multiplications.
    pub imul_ticks: Option<u64>,
    /// TSC ticks of three times as many dependent additions, which take as many core cycles.
    pub add_ticks: Option<u64>,
    /// [`Disturbance::Switches`].
    pub switches: Option<u64>,
    /// [`Disturbance::RunDelay`].
    pub run_delay_ns: Option<u64>,
    /// [`Disturbance::Steal`].
    pub steal_cs: Option<u64>,
    /// [`Disturbance::Interrupts`].
    pub interrupts: Option<u64>,
}

impl LogRound {
    fn disturbance(&mut self, by: Disturbance) -> &mut Option<u64> {
        match by {
            Disturbance::Switches => &mut self.switches,
            Disturbance::RunDelay => &mut self.run_delay_ns,
            Disturbance::Steal => &mut self.steal_cs,
            Disturbance::Interrupts => &mut self.interrupts,
        }
    }
}

/// A record of a round, and its line.
#[derive(Debug)]
pub(super) enum Raw {
    Clock(usize, Clock),
    Disturbed(usize, Disturbed),
}

/// The rounds about which anything is known, checked against the header.
pub(super) fn rounds(raw: &[Raw], rounds: u32) -> Result<BTreeMap<u32, LogRound>, LogError> {
    let mut known = BTreeMap::<u32, LogRound>::new();
    for record in raw {
        match record {
            Raw::Clock(line, clock) => {
                if clock.imul_ticks == 0 || clock.add_ticks == 0 {
                    return Err(LogError::NoChain { line: *line });
                }
                let round = within(*line, clock.round, rounds)?;
                let of = known.entry(round).or_default();
                set(&mut of.imul_ticks, clock.imul_ticks, *line, round)?;
                set(&mut of.add_ticks, clock.add_ticks, *line, round)?;
            }
            Raw::Disturbed(line, disturbed) => {
                let round = within(*line, disturbed.round, rounds)?;
                let of = known.entry(round).or_default();
                set(of.disturbance(disturbed.by), disturbed.amount, *line, round)?;
            }
        }
    }
    Ok(known)
}

fn set(slot: &mut Option<u64>, value: u64, line: usize, round: u32) -> Result<(), LogError> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(LogError::SecondOfRound { line, round }),
    }
}
