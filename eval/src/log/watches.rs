//! Watches: what was watched, its slopes, and how it ended.

use std::collections::BTreeMap;

use contract::{Record, Watch, WatchRuns, WatchedSlope};

use super::LogError;
use super::error::excerpt;

/// One watch of a boot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogWatch {
    /// What was watched and timed.
    pub watch: Watch,
    /// Its slopes, in order of time.
    pub slopes: Vec<WatchedSlope>,
    /// How often its program ran, or why the kernel refused it.
    pub outcome: Result<WatchRuns, String>,
}

/// Collects the records about watches, by the watches' numbers.
#[derive(Default)]
pub(super) struct Raw(BTreeMap<u64, Begun>);

struct Begun {
    line: usize,
    watch: Watch,
    slopes: Vec<WatchedSlope>,
    outcome: Option<Result<WatchRuns, String>>,
}

impl Raw {
    /// Takes a record, if it is about a watch.
    pub(super) fn take(
        &mut self,
        line: usize,
        text: &str,
        record: Record<'_>,
    ) -> Result<(), LogError> {
        let bad = |problem: &str| LogError::Record {
            line,
            text: excerpt(text),
            problem: problem.into(),
        };
        let unknown = || bad("no `watch` record before it has its number");
        match record {
            Record::Watch(number, watch) => {
                let begun = Begun {
                    line,
                    watch,
                    slopes: Vec::new(),
                    outcome: None,
                };
                if self.0.insert(number, begun).is_some() {
                    return Err(bad("another watch has its number"));
                }
            }
            Record::Watched(slope) => {
                if slope.ops == 0 {
                    return Err(bad("the divisor is zero"));
                }
                let begun = self.0.get_mut(&slope.watch).ok_or_else(unknown)?;
                begun.slopes.push(slope);
            }
            Record::Runs(runs) => self.end(runs.watch, Ok(runs)).ok_or_else(unknown)?,
            Record::Refused(refused) => self
                .end(refused.watch, Err(refused.reason.to_owned()))
                .ok_or_else(unknown)?,
            _ => {}
        }
        Ok(())
    }

    /// `None` for a watch that has not begun, or has ended.
    fn end(&mut self, number: u64, outcome: Result<WatchRuns, String>) -> Option<()> {
        let begun = self.0.get_mut(&number)?;
        begun.outcome.is_none().then_some(())?;
        begun.outcome = Some(outcome);
        Some(())
    }

    /// All watches, by number.
    pub(super) fn finish(self) -> Result<Vec<LogWatch>, LogError> {
        let watches = self.0.into_values().map(|begun| {
            let outcome = begun.outcome.ok_or_else(|| LogError::Record {
                line: begun.line,
                text: "watch".into(),
                problem: "the log does not say how this watch ended".into(),
            })?;
            Ok(LogWatch {
                watch: begun.watch,
                slopes: begun.slopes,
                outcome,
            })
        });
        watches.collect()
    }
}
