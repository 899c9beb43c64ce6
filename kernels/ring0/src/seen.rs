//! Remembers numbers, so that each is reported once.

/// Up to [`Seen::CAPACITY`] different numbers.
#[derive(Debug)]
pub struct Seen {
    numbers: [u64; Self::CAPACITY],
    count: usize,
}

/// What [`Seen::insert`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Insert {
    /// The number is new.
    New,
    /// The number is new, and the last one for which there was room.
    Last,
    /// The number was seen before, or the table is full.
    Old,
}

impl Seen {
    /// More than the unknown calls of any program that can still do its work here, and few
    /// enough for a linear search.
    pub const CAPACITY: usize = 64;

    /// Nothing has been seen yet.
    pub const fn new() -> Self {
        Self {
            numbers: [0; Self::CAPACITY],
            count: 0,
        }
    }

    /// Remembers `number`.
    pub fn insert(&mut self, number: u64) -> Insert {
        let known = self.numbers.iter().take(self.count);
        if known.clone().any(|known| *known == number) {
            return Insert::Old;
        }
        let Some(slot) = self.numbers.get_mut(self.count) else {
            return Insert::Old;
        };
        *slot = number;
        self.count += 1;
        if self.count == Self::CAPACITY {
            Insert::Last
        } else {
            Insert::New
        }
    }
}

impl Default for Seen {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_is_new_once() {
        let mut seen = Seen::new();
        assert_eq!(seen.insert(0), Insert::New);
        assert_eq!(seen.insert(0), Insert::Old);
        for number in 2..Seen::CAPACITY as u64 {
            assert_eq!(seen.insert(u64::MAX - number), Insert::New);
        }
        assert_eq!(seen.insert(7), Insert::Last);
        assert_eq!(seen.insert(8), Insert::Old);
    }
}
