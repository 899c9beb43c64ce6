//! System calls on this host: who watches them, and their cost now and earlier.

pub mod cost;
pub mod record;
pub mod watchers;

use jiff::Timestamp;

use self::cost::{Burst, CallCost};
use self::record::Record;
use self::watchers::Watchers;
use crate::cpus;
use crate::tree::Tree;

/// The facts about this host's system calls.
#[derive(Clone, Debug, PartialEq)]
pub struct Calls {
    /// Who watches them.
    pub watchers: Watchers,
    /// The cost of one.
    pub cost: Option<CallCost>,
    /// Its earlier cost under the same kernel.
    pub record: Option<Record>,
    /// Why today's cost could not be kept for later.
    pub not_kept: Option<String>,
}

impl Calls {
    /// Measures on that CPU, together with the bursts of a moment earlier, and records the
    /// cost if it is the smallest so far, or the first one measured without watchers. Calls of
    /// another machine cannot be measured.
    pub fn measure(tree: &Tree, cpu: Option<usize>, mut earlier: Vec<Burst>) -> Self {
        let mut calls = Self {
            watchers: elsewhere(cpu, || Watchers::read(tree)),
            cost: None,
            record: None,
            not_kept: None,
        };
        if !tree.is_this_machine() {
            return calls;
        }
        let folders = record::folders(rustix::process::geteuid().is_root());
        let kernel = record::kernel(tree);
        earlier.extend(cpu.into_iter().flat_map(cost::bursts));
        calls.cost = CallCost::of(&earlier);
        calls.record = record::read(&folders, &kernel);
        if let Some(record) = calls.worth_keeping(Timestamp::now()) {
            let kept = record::write(&folders, &kernel, record);
            calls.not_kept = kept.err().map(|error| format!("{error:#}"));
        }
        calls
    }

    /// Today's cost, if it says more than the record.
    fn worth_keeping(&self, at: Timestamp) -> Option<Record> {
        let cost = self.cost.filter(|cost| cost.is_steady())?;
        let today = Record {
            cycles: cost.cheapest,
            at,
            nobody_watched: self.watchers.sees_all && !self.watchers.found_any(),
        };
        let says_more = self.record.as_ref().is_none_or(|earlier| {
            let is_better_known = today.nobody_watched && !earlier.nobody_watched;
            let is_cheaper = today.cycles < earlier.cycles;
            // A cost without a check for watchers does not replace one that root checked.
            is_better_known || is_cheaper && today.nobody_watched == earlier.nobody_watched
        });
        says_more.then_some(today)
    }
}

/// Does that on the CPU, and leaves this thread on its own CPU.
fn elsewhere<T: Send>(cpu: Option<usize>, work: impl FnOnce() -> T + Send) -> T {
    let _there = cpus::Elsewhere::on(cpu.as_slice());
    work()
}

#[cfg(test)]
mod tests {
    use super::cost::CoreCycles;
    use super::*;

    #[test]
    fn the_cheapest_call_is_kept_and_root_sees_more_than_others() {
        let at = Timestamp::from_second(1_800_000_000).unwrap();
        let kept = |now: f64, sees_all, earlier: Option<(f64, bool)>| {
            let calls = Calls {
                watchers: Watchers {
                    switches: None,
                    bpf: Ok(vec![]),
                    perf: vec![],
                    sees_all,
                    ours: vec![],
                },
                cost: Some(CallCost {
                    cheapest: CoreCycles(now),
                    spread: 0.01,
                }),
                record: earlier.map(|(cycles, nobody_watched)| Record {
                    cycles: CoreCycles(cycles),
                    at,
                    nobody_watched,
                }),
                not_kept: None,
            };
            calls.worth_keeping(at).map(|record| record.nobody_watched)
        };
        assert_eq!(kept(300.0, false, None), Some(false));
        assert_eq!(kept(300.0, true, None), Some(true));
        assert_eq!(kept(299.0, false, Some((300.0, false))), Some(false));
        assert_eq!(kept(301.0, false, Some((300.0, false))), None);
        assert_eq!(kept(301.0, true, Some((300.0, false))), Some(true));
        assert_eq!(kept(200.0, false, Some((300.0, true))), None);
    }
}
