//! The rounds of a boot, whatever a round does.

use guest_bench::Options;

use crate::disturbance::Watch;
use crate::store::Store;

/// Runs every round, a warm-up before them that leaves nothing behind, and keeps what
/// disturbed each.
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
