use std::collections::HashMap;

use contract::Fact;

use super::LogError;
use super::error::excerpt;

/// The `meta` records: a fact that appears again must be the same.
#[derive(Debug, Default)]
pub(super) struct BootFacts {
    all: Vec<(String, String)>,
    /// For each name: the line of its first appearance, and its index in `all`.
    first: HashMap<String, (usize, usize)>,
}

impl BootFacts {
    pub(super) fn take(&mut self, line: usize, key: &str, value: &str) -> Result<(), LogError> {
        check(line, key, value)?;
        if let Some(&(first, place)) = self.first.get(key) {
            let before = self.all.get(place).map_or("", |(_, value)| value);
            if before != value {
                return Err(LogError::TwoFacts {
                    first,
                    line,
                    key: excerpt(key),
                    before: excerpt(before),
                    value: excerpt(value),
                });
            }
        } else {
            self.first.insert(key.into(), (line, self.all.len()));
        }
        self.all.push((key.into(), value.into()));
        Ok(())
    }

    /// All of them, in their order.
    pub(super) fn finish(self) -> Vec<(String, String)> {
        self.all
    }
}

/// A fact that the contract does not have may be any text.
fn check(line: usize, key: &str, value: &str) -> Result<(), LogError> {
    let Some((fact, _)) = Fact::of_key(key) else {
        return Ok(());
    };
    fact.check(value).map_err(|problem| LogError::Fact {
        line,
        key: excerpt(key),
        value: excerpt(value),
        problem,
    })
}
