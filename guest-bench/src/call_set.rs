//! A set of system calls.

const WORDS: usize = contract::CALLS as usize / 64;

/// A set of system calls, with one bit for each number below [`contract::CALLS`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallSet([u64; WORDS]);

impl CallSet {
    /// Adds one; `None` if the number does not exist.
    pub fn insert(&mut self, number: u64) -> Option<()> {
        let word = self.0.get_mut((number / 64) as usize)?;
        *word |= 1 << (number % 64);
        Some(())
    }

    /// Whether it contains this one.
    pub fn contains(&self, number: u64) -> bool {
        let word = self.0.get((number / 64) as usize);
        word.is_some_and(|word| word & (1 << (number % 64)) != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_contains_what_was_inserted() {
        let mut set = CallSet::default();
        assert_eq!(set.insert(0), Some(()));
        assert_eq!(set.insert(231), Some(()));
        assert_eq!(set.insert(contract::CALLS), None);
        let all: [bool; 4] = [0, 1, 231, contract::CALLS].map(|call| set.contains(call));
        assert_eq!(all, [true, false, true, false]);
    }
}
