//! The original program's values: `tsc`, `scall` and `fcall` lines, one per round. The program
//! divides and subtracts itself and prints three decimals. If the value of a `tsc` line was
//! zero, the line is missing; the other two are always there.

use contract::{Benchmark, Method};

use super::error::excerpt;
use super::lines::Line;
use super::{Config, LogError, LogSample, Reading};
use crate::units::Ticks;

/// A line that begins like one of the original's values.
#[derive(Debug)]
pub(super) struct Value {
    line: usize,
    benchmark: Benchmark,
    value: Option<f64>,
    terminated: bool,
    text: String,
}

impl Value {
    /// Reads a line; `None`: it is not one of the original's.
    pub(super) fn read(line: &Line<'_>, text: &str) -> Option<Self> {
        let (name, value) = text.split_once('\t')?;
        let is_its_own = |b: &Benchmark| b.is_choice() && b.is_by(Method::Paper);
        let benchmark = Benchmark::from_name(name).filter(is_its_own)?;
        Some(Self {
            line: line.number,
            benchmark,
            value: decimal(value),
            terminated: line.terminated,
            text: excerpt(text),
        })
    }
}

/// Digits, and optionally a point and more digits: what the original prints, and less than
/// `f64::from_str` would accept.
fn decimal(text: &str) -> Option<f64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let value: f64 = (digits(whole) && digits(fraction))
        .then(|| text.parse().ok())
        .flatten()?;
    value.is_finite().then_some(value)
}

/// The samples, if their number matches the header.
pub(super) fn samples(values: &[Value], config: &Config) -> Result<Vec<LogSample>, LogError> {
    let mut samples = Vec::with_capacity(values.len());
    let mut seen = Seen::default();
    for value in values {
        samples.push(LogSample {
            benchmark: value.benchmark,
            round: seen.round(value)?,
            reading: Reading::ValueOnly,
            value: Ticks(checked(value)?),
        });
    }
    for (benchmark, found) in [
        (Benchmark::Scall, seen.scall),
        (Benchmark::Fcall, seen.fcall),
    ] {
        if found != config.rounds {
            return Err(LogError::ValueCount {
                benchmark,
                rounds: config.rounds,
                found: found as usize,
            });
        }
    }
    Ok(samples)
}

fn checked(value: &Value) -> Result<f64, LogError> {
    let Value { line, text, .. } = value;
    match value.value {
        _ if !value.terminated => Err(LogError::UnterminatedValue {
            line: *line,
            text: text.clone(),
        }),
        Some(value) => Ok(value),
        None => Err(LogError::Value {
            line: *line,
            text: text.clone(),
        }),
    }
}

/// How many values came so far, which determines their round.
#[derive(Default)]
struct Seen {
    last_tsc: Option<u32>,
    scall: u32,
    fcall: u32,
}

impl Seen {
    fn round(&mut self, value: &Value) -> Result<u32, LogError> {
        let count = match value.benchmark {
            Benchmark::Scall => &mut self.scall,
            Benchmark::Fcall => &mut self.fcall,
            _ => {
                // `tsc` comes first in its round, so that the rounds before it are complete.
                let round = self.scall;
                if self.last_tsc.replace(round) == Some(round) {
                    return Err(LogError::SecondTsc {
                        line: value.line,
                        round,
                    });
                }
                return Ok(round);
            }
        };
        *count = count.saturating_add(1);
        Ok(*count - 1)
    }
}
