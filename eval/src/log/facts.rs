use std::collections::HashMap;

use super::error::excerpt;
use super::{
    LogError, META_BATCH_TICKS, META_CHAIN_OPS, META_FENCE_OPS, META_FENCED, META_TSC_KHZ,
    META_TSC_STEP, META_UNFENCED,
};

/// Facts that are whole numbers.
const NUMBERS: [&str; 7] = [
    META_BATCH_TICKS,
    META_CHAIN_OPS,
    META_FENCE_OPS,
    META_FENCED,
    META_TSC_KHZ,
    META_TSC_STEP,
    META_UNFENCED,
];

/// The `meta` records: a fact that is told again must be the same.
#[derive(Debug, Default)]
pub(super) struct Facts {
    all: Vec<(String, String)>,
    /// Of each name: the line where it stands first, and its place in `all`.
    first: HashMap<String, (usize, usize)>,
}

impl Facts {
    pub(super) fn take(&mut self, line: usize, key: &str, value: &str) -> Result<(), LogError> {
        check_number(line, key, value)?;
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

fn check_number(line: usize, key: &str, value: &str) -> Result<(), LogError> {
    if !NUMBERS.contains(&key) {
        return Ok(());
    }
    let bad = |problem| LogError::Fact {
        line,
        key: key.into(),
        value: excerpt(value),
        problem,
    };
    match value.parse::<u64>() {
        Err(_) => Err(bad("it must be a whole number")),
        Ok(0) if key == META_CHAIN_OPS => Err(bad("an empty chain tells no clock")),
        Ok(_) => Ok(()),
    }
}
