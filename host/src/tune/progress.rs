//! The journal's progress lines, and their meaning.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// The values of files, by their number.
pub type Shown = BTreeMap<usize, String>;

/// A line of progress.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Step {
    /// The file with this number is about to be written; the current values of the files that
    /// it affects, as far as they are ours.
    Begin(usize, Shown),
    /// It was written, or could not be: its current value, and those that changed.
    End(usize, Shown),
}

/// What the lines say about each setting, by its number.
#[derive(Debug, Default)]
pub struct Known {
    /// Those that were written.
    begun: BTreeSet<usize>,
    /// Values that files had because of us.
    ours: BTreeMap<usize, BTreeSet<String>>,
    /// Writes with an unknown result, because of a kill, and the previous values of the files
    /// that they affect.
    in_doubt: BTreeMap<usize, Shown>,
}

impl Known {
    /// Adds a line.
    pub fn take(&mut self, step: Step) {
        match step {
            Step::Begin(k, before) => {
                self.begun.insert(k);
                // After two kills in a row, the first values count.
                let first = self.in_doubt.entry(k).or_default();
                for (i, now) in before {
                    first.entry(i).or_insert(now);
                }
            }
            Step::End(k, shown) => {
                self.in_doubt.remove(&k);
                for (k, now) in shown {
                    self.ours.entry(k).or_default().insert(now);
                }
            }
        }
    }

    /// The files that were written.
    pub fn begun(&self) -> impl Iterator<Item = usize> {
        self.begun.iter().copied()
    }

    /// The previous values of the files that a write affects, while its result is not known.
    pub fn before(&self, k: usize) -> Shown {
        self.in_doubt.get(&k).cloned().unwrap_or_default()
    }

    /// Whether the file showed another value than that one because of us, or may have.
    pub fn has_shown_other(&self, k: usize, old: &str) -> bool {
        let mut ours = self.ours.get(&k).into_iter().flatten();
        self.in_doubt.contains_key(&k) || ours.any(|ours| ours != old)
    }

    /// Whether a number is below one that the file showed because of us.
    pub fn is_below_ours(&self, k: usize, now: &str) -> bool {
        let number = |text: &str| text.parse::<u64>().ok();
        let mut ours = self.ours.get(&k).into_iter().flatten();
        number(now).is_some_and(|now| ours.any(|ours| number(ours) > Some(now)))
    }

    /// Whether the file shows this because of us. While a write's end is not known, any
    /// value of its file counts, and any change of those that it touches.
    pub fn is_ours(&self, k: usize, now: &str) -> bool {
        let changed = |before: &Shown| before.get(&k).is_some_and(|before| before != now);
        let seen = self.ours.get(&k);
        seen.is_some_and(|ours| ours.contains(now))
            || self.in_doubt.contains_key(&k)
            || self.in_doubt.values().any(changed)
    }
}
