//! The rounds of a boot, independent of what a round does.

use guest_bench::Options;

use crate::disturbance::Watch;
use crate::store::Store;

/// Runs every round, after a warm-up that leaves no results, and records what disturbed each.
#[inline(always)]
pub fn all(
    options: &Options,
    watch: &mut Option<Watch>,
    store: &mut Store,
    round: impl Fn(u64, &mut Store),
) {
    if options.warmup {
        round(0, store);
        store.clear();
    }
    for index in 0..options.rounds {
        Watch::around(watch, index, store, |store| round(index, store));
    }
}
