//! The differences between two results.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};

use crate::result::{CallUse, Usage};
use crate::{Call, Verdict};

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// A difference in what the verdicts are about: the program, its test, or the
    /// machine.
    Subject {
        /// What it is.
        what: &'static str,
        /// In the old result.
        old: String,
        /// In the new one.
        new: String,
    },
    /// A call that only the new result has.
    Added(Call, Verdict),
    /// A call that only the old result has.
    Removed(Call, Verdict),
    /// Another verdict.
    Changed {
        /// The call.
        call: Call,
        /// In the old result.
        old: Verdict,
        /// In the new one.
        new: Verdict,
    },
}

impl Difference {
    /// Whether the program's needs differ, and not only its surroundings.
    pub fn is_about_calls(&self) -> bool {
        !matches!(self, Self::Subject { .. })
    }
}

impl Display for Difference {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Subject { what, old, new } => write!(f, "{what}: {old} → {new}"),
            Self::Added(call, verdict) => write!(f, "+ {call}: {verdict}"),
            Self::Removed(call, verdict) => write!(f, "- {call}: {verdict}"),
            Self::Changed { call, old, new } => write!(f, "  {call}: {old} → {new}"),
        }
    }
}

/// All differences: first what the results are about, then the calls by number.
pub fn diff(old: &Usage, new: &Usage) -> Vec<Difference> {
    let mut differences = subject(old, new);
    let (old, new) = (by_call(old), by_call(new));
    let mut calls: Vec<Call> = old.keys().chain(new.keys()).copied().collect();
    calls.sort_unstable();
    calls.dedup();
    differences.extend(calls.into_iter().filter_map(|call| {
        match (old.get(&call), new.get(&call)) {
            (None, Some(new)) => Some(Difference::Added(call, *new)),
            (Some(old), None) => Some(Difference::Removed(call, *old)),
            (Some(old), Some(new)) if old != new => {
                let (old, new) = (*old, *new);
                Some(Difference::Changed { call, old, new })
            }
            _ => None,
        }
    }));
    differences
}

fn by_call(usage: &Usage) -> BTreeMap<Call, Verdict> {
    let pair = |used: &CallUse| (used.call, used.verdict);
    usage.calls.iter().map(pair).collect()
}

fn subject(old: &Usage, new: &Usage) -> Vec<Difference> {
    let facts = |usage: &Usage| {
        [
            ("program", usage.program.command.join(" ")),
            ("the program's hash", usage.program.sha256.clone()),
            (
                "the test's hash",
                usage
                    .test
                    .sha256
                    .clone()
                    .unwrap_or_else(|| "no test".into()),
            ),
            (
                "ready",
                usage
                    .test
                    .ready
                    .clone()
                    .unwrap_or_else(|| "no server".into()),
            ),
            ("phase", format!("{:?}", usage.phase).to_lowercase()),
            ("kernel", usage.machine.kernel.clone()),
            ("user", usage.machine.uid.to_string()),
            ("complete", usage.complete.to_string()),
        ]
    };
    let pairs = facts(old).into_iter().zip(facts(new));
    let differing = pairs.filter(|((_, old), (_, new))| old != new);
    differing
        .map(|((what, old), (_, new))| Difference::Subject { what, old, new })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::result::example;

    #[test]
    fn calls_that_come_go_or_change_are_named() {
        let old = example();
        assert_eq!(diff(&old, &old), []);
        let mut new = old.clone();
        new.machine.kernel = "another".into();
        new.calls[0].verdict = Verdict::Both;
        new.calls[1].call = Call(435);
        let lines: Vec<_> = diff(&old, &new).iter().map(ToString::to_string).collect();
        let expected = [
            "kernel: 6.1.0 → another",
            "  read: required → both",
            "- openat: stub",
            "+ clone3: stub",
        ];
        assert_eq!(lines, expected);
        assert!(!diff(&old, &new)[0].is_about_calls());
    }
}
