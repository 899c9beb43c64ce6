//! Results are kept in memory and printed afterwards.

use core::mem::MaybeUninit;

use contract::{
    Batch, Benchmark, Clock, Disturbance, Disturbed, MAX_ROUNDS, MAX_SAMPLES, Quad, Slope,
};
use guest_bench::Options;

use crate::take_once::TakeOnce;

/// The most entries per boot.
const CAPACITY: usize = (MAX_SAMPLES + MAX_ROUNDS * BESIDE_SAMPLES) as usize;
/// Entries of a round that are not samples: the clock chains, a check of each benchmark's
/// slope, and each disturbance.
const BESIDE_SAMPLES: u64 = 1 + (Benchmark::CHOICES + Disturbance::ALL.len()) as u64;

/// The results of a round: its samples, and the facts about the round as a whole.
#[derive(Clone, Copy)]
pub enum Entry {
    Batch(Batch),
    Slope(Slope),
    Quad(Quad),
    Clock(Clock),
    Disturbed(Disturbed),
}

static SLOTS: TakeOnce<[MaybeUninit<Entry>; CAPACITY]> =
    TakeOnce::new([const { MaybeUninit::uninit() }; CAPACITY]);

/// The entries so far.
pub struct Store {
    slots: &'static mut [MaybeUninit<Entry>],
    used: usize,
}

impl Store {
    /// A store for everything that a boot will measure. Its memory has been touched, so that no
    /// page fault disturbs the measurement. `None` if that is too much.
    pub fn with_room_for(options: &Options) -> Option<Self> {
        let samples = options.total_samples();
        let within = samples <= MAX_SAMPLES && options.rounds <= MAX_ROUNDS;
        let entries = within.then(|| samples + options.rounds * BESIDE_SAMPLES)?;
        let slots = SLOTS.take()?.get_mut(..usize::try_from(entries).ok()?)?;
        for slot in slots.iter_mut() {
            // SAFETY: the slot is ours. The compiler does not remove a volatile write.
            unsafe { slot.as_mut_ptr().cast::<u8>().write_volatile(0) };
        }
        Some(Self { slots, used: 0 })
    }

    /// Adds one entry.
    pub fn push(&mut self, entry: Entry) {
        if let Some(slot) = self.slots.get_mut(self.used) {
            slot.write(entry);
            self.used += 1;
        }
    }

    /// Deletes all entries, after the warm-up.
    pub fn clear(&mut self) {
        self.used = 0;
    }

    /// All entries, in the order in which they were made.
    pub fn iter(&self) -> impl Iterator<Item = &Entry> {
        let filled = self.slots.iter().take(self.used);
        // SAFETY: `push` has written every slot before `used`.
        filled.map(|slot| unsafe { slot.assume_init_ref() })
    }
}
