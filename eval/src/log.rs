//! Reads a console, in our own format or the original program's.
//!
//! A console has more than the program's lines: kernel messages, escape sequences, carriage
//! returns, bytes that are not valid UTF-8. They are skipped. What the program itself printed
//! is either complete or an error: our format ends with a record that counts its lines and has
//! their checksum. The original's does not; there, each benchmark's values are counted against
//! the rounds in the header, and a changed digit goes unnoticed.

mod config;
mod error;
mod facts;
pub(crate) mod lines;
mod original;
mod quads;
mod reader;
mod round;
mod sample;
mod tollgate;
mod watches;

use std::collections::BTreeMap;

use contract::{Answer, Fact, Method, Quad, SystemCall};

pub use config::Config;
pub use error::LogError;
pub use round::LogRound;
pub use sample::{LogSample, Reading};
pub use watches::LogWatch;

use crate::units::{CyclesPerTick, cycles_per_tick};

/// Whose format a log is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// The EuroSys'21 program's: values only, no closing record.
    Original,
    /// Ours: raw ticks, facts and a closing record.
    Tollgate,
}

/// What one boot printed, complete and checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Log {
    /// Its format.
    pub dialect: Dialect,
    /// How the samples were taken; the original does not say.
    pub method: Option<Method>,
    /// The header.
    pub config: Config,
    /// The boot's facts, in the order in which they were printed.
    pub meta: Vec<(String, String)>,
    /// The samples, in the order in which they were printed.
    pub samples: Vec<LogSample>,
    /// The samples of the exact method; in the precise method, checks of its slope.
    pub quads: Vec<Quad>,
    /// The watches, if sites were watched.
    pub watches: Vec<LogWatch>,
    /// Facts about the rounds, apart from their samples.
    pub rounds: BTreeMap<u32, LogRound>,
}

impl Log {
    /// The value of a fact of which there is one.
    pub fn fact(&self, fact: Fact) -> Option<&str> {
        self.fact_for(fact, "")
    }

    /// The value of a fact for one of several things, by its name.
    pub fn fact_for(&self, fact: Fact, what: &str) -> Option<&str> {
        let mut facts = self.meta.iter();
        let found = facts.find(|(key, _)| Fact::of_key(key) == Some((fact, what)));
        found.map(|(_, value)| value.as_str())
    }

    /// The same, of a fact that is a number.
    pub fn number(&self, fact: Fact) -> Option<u64> {
        self.fact(fact)?.parse().ok()
    }

    /// The answer of a system call under test; `None` if it was not tried.
    pub fn answer(&self, call: SystemCall) -> Option<Answer> {
        let said = self.fact_for(Fact::SystemCall, &call.number().to_string())?;
        let mut answers = [Answer::Works, Answer::Enosys].into_iter();
        answers.find(|answer| call.answered(*answer) == said)
    }

    /// The core's clock before and after a sample, if the sample has clock chains and the log
    /// has their length.
    pub fn clock(&self, sample: &LogSample) -> Option<(CyclesPerTick, CyclesPerTick)> {
        let imuls = self.number(Fact::ChainOps)?;
        match sample.reading {
            Reading::Slope {
                chain_before,
                chain_after,
                ..
            } => Some((
                cycles_per_tick(imuls, chain_before)?,
                cycles_per_tick(imuls, chain_after)?,
            )),
            _ => None,
        }
    }
}

/// Reads a whole console.
///
/// # Errors
///
/// [`LogError`], unless the console is a complete, unchanged log of one boot.
pub fn parse(console: &[u8]) -> Result<Log, LogError> {
    let mut reader = reader::Reader::default();
    for line in lines::Lines::new(console) {
        reader.line(&line)?;
    }
    reader.finish()
}
