//! Facts about rounds, apart from their samples, and `rounds.csv`.

use std::io::{Read, Write};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::log::{Log, LogRound};

/// One round of a run: a line of `rounds.csv`. An empty column is not known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Round {
    /// The target's name.
    pub target: String,
    /// Which boot of the target.
    pub boot: u32,
    /// Round within the boot, from 0.
    pub round: u32,
    /// TSC ticks of the clock chain of multiplications.
    pub imul_ticks: Option<u64>,
    /// TSC ticks of the chain of three times as many additions, which takes as many core
    /// cycles.
    pub add_ticks: Option<u64>,
    /// Involuntary context switches.
    pub switches: Option<u64>,
    /// Nanoseconds for which the program was ready to run but did not.
    pub run_delay_ns: Option<u64>,
    /// Hundredths of a second for which the hypervisor ran something else.
    pub steal_cs: Option<u64>,
    /// Interrupts that the processor took.
    pub interrupts: Option<u64>,
}

/// Cycles of a multiplication divided by cycles of an addition, if the chains of both took so
/// many ticks. `None` for additions that took none.
pub(crate) fn imul_by_add(imul_ticks: u64, add_ticks: u64) -> Option<f64> {
    const ADDS_PER_IMUL: f64 = 3.0;
    (add_ticks > 0).then(|| ADDS_PER_IMUL * imul_ticks as f64 / add_ticks as f64)
}

impl Round {
    /// Cycles of a multiplication divided by cycles of an addition, 3 on every x86-64 core
    /// since 2008. If it is not 3, the clock chains do not measure the core's clock.
    pub fn imul_by_add(&self) -> Option<f64> {
        imul_by_add(self.imul_ticks?, self.add_ticks?)
    }

    /// Whether it is known if it was [disturbed](Self::disturbed).
    pub fn watched(&self) -> bool {
        self.switches.is_some() || self.steal_cs.is_some()
    }

    /// Whether the program lost the processor to anything other than a timer interrupt.
    pub fn disturbed(&self) -> bool {
        let happened = |counter: Option<u64>| counter.is_some_and(|n| n > 0);
        happened(self.switches) || happened(self.steal_cs)
    }
}

/// A boot's rounds, from its log.
pub fn of_log(target: &str, boot: u32, log: &Log) -> impl Iterator<Item = Round> {
    log.rounds.iter().map(move |(round, known)| {
        let LogRound {
            imul_ticks,
            add_ticks,
            switches,
            run_delay_ns,
            steal_cs,
            interrupts,
        } = *known;
        Round {
            target: target.to_owned(),
            boot,
            round: *round,
            imul_ticks,
            add_ticks,
            switches,
            run_delay_ns,
            steal_cs,
            interrupts,
        }
    })
}

/// Why `rounds.csv` cannot be read or written.
#[derive(Debug, Error)]
#[error("rounds.csv: {0}")]
pub struct RoundsError(#[from] csv::Error);

/// Writes `rounds.csv`. The first line names the columns, even if no round follows.
///
/// # Errors
///
/// Those of `out`.
pub fn write_csv(
    out: impl Write,
    rounds: impl IntoIterator<Item = Round>,
) -> Result<(), RoundsError> {
    let mut writer = csv::WriterBuilder::new()
        .has_headers(false)
        .from_writer(out);
    writer.write_record(HEADER)?;
    for round in rounds {
        writer.serialize(round)?;
    }
    writer.flush().map_err(csv::Error::from)?;
    Ok(())
}

/// Reads `rounds.csv`.
///
/// # Errors
///
/// [`RoundsError`] names the line and what is wrong with it.
pub fn read_csv(input: impl Read) -> Result<Vec<Round>, RoundsError> {
    let mut reader = csv::Reader::from_reader(input);
    if reader.headers()? != HEADER.as_slice() {
        let wrong = std::io::Error::other(format!("its first line is not {:?}", HEADER.join(",")));
        return Err(csv::Error::from(wrong).into());
    }
    Ok(reader.deserialize().collect::<Result<_, _>>()?)
}

const HEADER: [&str; 9] = [
    "target",
    "boot",
    "round",
    "imul_ticks",
    "add_ticks",
    "switches",
    "run_delay_ns",
    "steal_cs",
    "interrupts",
];
