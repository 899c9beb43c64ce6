//! Samples are kept in memory and printed after the measurement.

use core::mem::MaybeUninit;

use console_format::{Batch, Slope};

use crate::take_once::TakeOnce;

/// As many samples as a boot can hold.
pub const CAPACITY: usize = console_format::MAX_SAMPLES as usize;

/// One sample of either method.
#[derive(Clone, Copy)]
pub enum Sample {
    Batch(Batch),
    Slope(Slope),
}

static SLOTS: TakeOnce<[MaybeUninit<Sample>; CAPACITY]> =
    TakeOnce::new([const { MaybeUninit::uninit() }; CAPACITY]);

/// The samples so far.
pub struct Store {
    slots: &'static mut [MaybeUninit<Sample>],
    used: usize,
}

impl Store {
    /// A store for so many samples, its memory touched, so that no page fault
    /// falls into the measurement. `None` if that is too many.
    pub fn with_room_for(samples: u64) -> Option<Self> {
        let samples = usize::try_from(samples).ok()?;
        let slots = SLOTS.take()?.get_mut(..samples)?;
        for slot in slots.iter_mut() {
            // SAFETY: the slot is ours. A volatile write is not optimised away.
            unsafe { slot.as_mut_ptr().cast::<u8>().write_volatile(0) };
        }
        Some(Self { slots, used: 0 })
    }

    /// Keeps one more sample.
    pub fn push(&mut self, sample: Sample) {
        if let Some(slot) = self.slots.get_mut(self.used) {
            slot.write(sample);
            self.used += 1;
        }
    }

    /// Forgets all samples: those of the warm-up.
    pub fn clear(&mut self) {
        self.used = 0;
    }

    /// All samples, in the order in which they were taken.
    pub fn iter(&self) -> impl Iterator<Item = &Sample> {
        let filled = self.slots.iter().take(self.used);
        // SAFETY: `push` has written every slot before `used`.
        filled.map(|slot| unsafe { slot.assume_init_ref() })
    }
}
