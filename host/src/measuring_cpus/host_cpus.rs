//! What Linux shows about each CPU.

use std::collections::{BTreeMap, BTreeSet};
use std::thread;
use std::time::Duration;

use super::kind::{self, CoreKind};
use crate::core_files;
use crate::cpu_time::{self, CpuTime};
use crate::cpus;
use crate::tree::Tree;

const CPU: &str = "/sys/devices/system/cpu";
const NODE: &str = "/sys/devices/system/node";

/// How long the CPUs are watched: the kernel counts their time in steps of 10 ms.
const WATCHED: Duration = Duration::from_millis(200);
/// A CPU that works for more than this share of the time is busy.
const BUSY: f64 = 0.1;

/// The CPUs of this host, at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HostCpus {
    /// The CPUs that may measure, in ascending order.
    pub(super) allowed: Vec<usize>,
    /// Other threads of each CPU's core.
    pub(super) siblings: BTreeMap<usize, Vec<usize>>,
    /// The type of each CPU's core; empty if all are of one type.
    pub(super) kinds: BTreeMap<usize, CoreKind>,
    /// CPUs that were busy.
    pub(super) busy: BTreeSet<usize>,
    /// CPUs without the scheduler's load balancing (isolcpus).
    pub(super) isolated: BTreeSet<usize>,
    /// CPUs without a periodic tick while one thread runs there (nohz_full).
    pub(super) tickless: BTreeSet<usize>,
    /// Each CPU's memory node.
    pub(super) nodes: BTreeMap<usize, usize>,
}

impl HostCpus {
    /// Watches the CPUs for a fifth of a second.
    pub fn read(tree: &Tree) -> Self {
        let times = || cpu_time::of_each_cpu(&tree.text("/proc/stat").unwrap_or_default());
        let before = times();
        thread::sleep(WATCHED);
        let busy = busy(&before, &times());
        let isolated = isolated(tree);
        Self::of(tree, allowed(&isolated), busy, kind::by_cpuid)
    }

    /// The CPUs that `tree` describes. `ask` returns the type of a CPU's core if the tree does
    /// not have it.
    pub(super) fn of(
        tree: &Tree,
        allowed: Vec<usize>,
        busy: BTreeSet<usize>,
        ask: impl Fn(usize) -> Option<CoreKind>,
    ) -> Self {
        let online = tree.cpus(&format!("{CPU}/online")).unwrap_or_default();
        let all: BTreeSet<_> = online.iter().chain(&allowed).copied().collect();
        let others = |cpu| core_files::siblings(&|file| tree.text(file), cpu);
        let siblings = all.iter().filter_map(|&cpu| Some((cpu, others(cpu)?)));
        Self {
            siblings: siblings.collect(),
            kinds: kind::kinds(tree, &allowed, ask),
            busy,
            isolated: isolated(tree),
            tickless: listed(tree, "nohz_full"),
            nodes: nodes(tree),
            allowed,
        }
    }
}

fn isolated(tree: &Tree) -> BTreeSet<usize> {
    listed(tree, "isolated")
}

fn listed(tree: &Tree, name: &str) -> BTreeSet<usize> {
    // `nohz_full` says `(null)` if the kernel was not asked for it.
    let cpus = tree.cpus(&format!("{CPU}/{name}")).unwrap_or_default();
    cpus.into_iter().collect()
}

fn nodes(tree: &Tree) -> BTreeMap<usize, usize> {
    let names = tree.names(NODE).into_iter();
    let nodes = names.filter_map(|name| {
        let number: usize = name.strip_prefix("node")?.parse().ok()?;
        let cpus = tree.cpus(&format!("{NODE}/{name}/cpulist"))?;
        Some(cpus.into_iter().map(move |cpu| (cpu, number)))
    });
    nodes.flatten().collect()
}

/// Linux leaves isolated CPUs out of every process's affinity mask. tollgate uses them
/// nevertheless, unless somebody narrowed the mask.
fn allowed(isolated: &BTreeSet<usize>) -> Vec<usize> {
    let mask = cpus::allowed();
    if isolated.is_empty() {
        return mask;
    }
    let usable = cpus::usable();
    let left_out = usable.iter().filter(|cpu| !mask.contains(cpu));
    if left_out.into_iter().all(|cpu| isolated.contains(cpu)) {
        usable
    } else {
        mask
    }
}

fn busy(before: &BTreeMap<usize, CpuTime>, after: &BTreeMap<usize, CpuTime>) -> BTreeSet<usize> {
    let shares = cpu_time::shares(before, after, |time| time.busy);
    let busy = shares.into_iter().filter(|(_, share)| *share > BUSY);
    busy.map(|(cpu, _)| cpu).collect()
}
