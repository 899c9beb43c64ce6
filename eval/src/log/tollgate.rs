//! Our own samples: from ticks and operations to the cost of one operation.

use std::collections::{BTreeMap, HashMap};

use contract::{Batch, Benchmark, Fact, Slope};

use super::{LogError, LogSample, Reading};
use crate::units::Ticks;

/// Possible offsets of the program's loops from the start of a cache line, in bytes.
const ALIGNMENTS: [u64; 4] = [0, 16, 32, 48];

/// A sample as in its record.
#[derive(Debug)]
pub(super) struct Raw {
    line: usize,
    benchmark: Benchmark,
    round: u64,
    reading: Reading,
}

impl Raw {
    pub(super) fn batch(line: usize, b: &Batch) -> Self {
        Self {
            line,
            benchmark: b.benchmark,
            round: b.round,
            reading: Reading::Batch {
                ops: b.ops,
                ticks: b.ticks,
            },
        }
    }

    pub(super) fn slope(line: usize, s: &Slope) -> Self {
        Self {
            line,
            benchmark: s.benchmark,
            round: s.round,
            reading: Reading::Slope {
                align: s.align,
                ops_n: s.ops_n,
                ticks_n: s.ticks_n,
                ops_2n: s.ops_2n,
                ticks_2n: s.ticks_2n,
                chain_before: s.chain_before,
                chain_after: s.chain_after,
            },
        }
    }
}

/// The samples with their values, checked against the header and the facts.
pub(super) fn samples(
    raw: &[Raw],
    meta: &[(String, String)],
    rounds: u32,
) -> Result<Vec<LogSample>, LogError> {
    let empty = empty_measurements(raw);
    let samples = raw
        .iter()
        .map(|raw| {
            check_answer(raw.line, raw.benchmark, meta)?;
            check_reading(raw)?;
            let round = within(raw.line, raw.round, rounds)?;
            let empty = empty.get(&raw.round).copied();
            Ok(LogSample {
                benchmark: raw.benchmark,
                round,
                reading: raw.reading,
                value: Ticks(value(raw, round, empty)?),
            })
        })
        .collect::<Result<Vec<_>, _>>()?;
    check_rounds(samples.iter().map(|s| (s.benchmark, s.round)), rounds)?;
    Ok(samples)
}

/// Every round has the same number of samples of each benchmark.
pub(super) fn check_rounds(
    samples: impl Iterator<Item = (Benchmark, u32)>,
    rounds: u32,
) -> Result<(), LogError> {
    let mut counts = BTreeMap::<Benchmark, BTreeMap<u32, usize>>::new();
    for (benchmark, round) in samples {
        *counts
            .entry(benchmark)
            .or_default()
            .entry(round)
            .or_default() += 1;
    }
    for (benchmark, counts) in counts {
        let Some((&whole, &expected)) = counts.first_key_value() else {
            continue;
        };
        let count = |round| counts.get(&round).copied().unwrap_or(0);
        // Ends, at the latest, after the last round that has samples.
        if let Some(round) = (0..rounds).find(|round| count(*round) != expected) {
            return Err(LogError::RoundSamples {
                benchmark,
                round,
                found: count(round),
                whole,
                expected,
            });
        }
    }
    Ok(())
}

/// A round that the header allows.
pub(super) fn within(line: usize, round: u64, rounds: u32) -> Result<u32, LogError> {
    u32::try_from(round)
        .ok()
        .filter(|round| *round < rounds)
        .ok_or(LogError::Round {
            line,
            round,
            rounds,
        })
}

/// Ticks of each round's empty measurement, which the paper's method subtracts.
fn empty_measurements(raw: &[Raw]) -> HashMap<u64, u64> {
    raw.iter()
        .filter_map(|raw| match (raw.benchmark, raw.reading) {
            (Benchmark::Tsc, Reading::Batch { ticks, .. }) => Some((raw.round, ticks)),
            _ => None,
        })
        .collect()
}

fn value(raw: &Raw, round: u32, empty: Option<u64>) -> Result<f64, LogError> {
    let bad = |ops, problem| LogError::Operations {
        line: raw.line,
        benchmark: raw.benchmark,
        ops,
        problem,
    };
    const EMPTY: &str = "an empty measurement does not have any";
    const NONE: &str = "the divisor is zero";
    const FEWER: &str = "the second batch must have more operations than the first";
    match (raw.benchmark, raw.reading) {
        (Benchmark::Tsc, Reading::Batch { ops: 0, ticks }) => Ok(ticks as f64),
        (Benchmark::Tsc, Reading::Batch { ops, .. }) => Err(bad(ops, EMPTY)),
        (_, Reading::Batch { ops: 0, .. }) => Err(bad(0, NONE)),
        (_, Reading::Batch { ops, ticks }) => {
            let empty = empty.ok_or(LogError::NoTsc {
                line: raw.line,
                round,
            })?;
            Ok(difference(ticks, empty) / ops as f64)
        }
        (
            Benchmark::Tsc,
            Reading::Slope {
                ops_n: 0,
                ops_2n: 0,
                ticks_n,
                ..
            },
        ) => Ok(ticks_n as f64),
        (Benchmark::Tsc, Reading::Slope { ops_n, ops_2n, .. }) => {
            Err(bad(ops_n.max(ops_2n), EMPTY))
        }
        (_, Reading::Slope { ops_n, ops_2n, .. }) if ops_2n <= ops_n => Err(bad(ops_2n, FEWER)),
        (
            _,
            Reading::Slope {
                ops_n,
                ticks_n,
                ops_2n,
                ticks_2n,
                ..
            },
        ) => Ok(difference(ticks_2n, ticks_n) / difference(ops_2n, ops_n)),
        // None of our records produces this.
        (_, Reading::ValueOnly) => Err(bad(0, NONE)),
    }
}

/// Exact until it becomes a float; may be negative if something disturbed the smaller batch.
fn difference(a: u64, b: u64) -> f64 {
    (i128::from(a) - i128::from(b)) as f64
}

/// Loops begin at one of the program's offsets, and chains took time. An empty measurement has
/// no loop, and does not need chains.
fn check_reading(raw: &Raw) -> Result<(), LogError> {
    let line = raw.line;
    let Reading::Slope {
        align,
        chain_before,
        chain_after,
        ..
    } = raw.reading
    else {
        return Ok(());
    };
    check_align(line, align)?;
    if raw.benchmark != Benchmark::Tsc && (chain_before == 0 || chain_after == 0) {
        Err(LogError::NoChain { line })
    } else {
        Ok(())
    }
}

/// Loops begin at one of the program's offsets.
pub(super) fn check_align(line: usize, align: u64) -> Result<(), LogError> {
    if ALIGNMENTS.contains(&align) {
        Ok(())
    } else {
        Err(LogError::Align { line, align })
    }
}

/// A cost of a refused call must never pass as one of the call, nor the other way round.
pub(super) fn check_answer(
    line: usize,
    benchmark: Benchmark,
    meta: &[(String, String)],
) -> Result<(), LogError> {
    let (Some(call), Some(answer)) = (benchmark.system_call(), benchmark.answer()) else {
        return Ok(());
    };
    let number = call.number().to_string();
    let is_asked = |key: &str| Fact::of_key(key) == Some((Fact::SystemCall, &number));
    match meta.iter().find(|(key, _)| is_asked(key)) {
        Some((_, said)) if said == call.answered(answer) => Ok(()),
        said => Err(LogError::Answer {
            line,
            benchmark,
            call,
            said: said.map(|(_, said)| said.clone()),
        }),
    }
}
