//! Everything that a plan is made from, read once.

use std::collections::BTreeMap;

use serde::Serialize;

use super::cpus;
use super::policy::{POLICIES, Policy};
use super::sys::{Sys, value};

/// `1` keeps intel_pstate out of the turbo range.
pub const NO_TURBO: &str = "/sys/devices/system/cpu/intel_pstate/no_turbo";
/// `0` turns the boost of all other drivers off.
pub const BOOST: &str = "/sys/devices/system/cpu/cpufreq/boost";
/// The mask for interrupts that are yet to come.
pub const DEFAULT_IRQ_AFFINITY: &str = "/proc/irq/default_smp_affinity";
/// Samples that perf may take in a second.
pub const PERF_SAMPLE_RATE: &str = "/proc/sys/kernel/perf_event_max_sample_rate";
/// The share of time that perf's sampling may take.
pub const PERF_CPU_PERCENT: &str = "/proc/sys/kernel/perf_cpu_time_max_percent";
/// `1` lets a performance counter interrupt every CPU now and then.
pub const NMI_WATCHDOG: &str = "/proc/sys/kernel/nmi_watchdog";

const CPUS: &str = "/sys/devices/system/cpu";
const IRQS: &str = "/proc/irq";

/// The machine as it is. What it does not tell is `None`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Seen {
    /// CPUs that are online.
    pub online: Vec<usize>,
    /// cpufreq's policies; none on most virtual machines.
    pub policies: Vec<Policy>,
    /// `active`, `passive` or `off`.
    pub intel_pstate: Option<String>,
    /// `active`, `passive`, `guided` or `disable`.
    pub amd_pstate: Option<String>,
    /// [`NO_TURBO`]
    pub no_turbo: Option<String>,
    /// [`BOOST`]
    pub boost: Option<String>,
    /// By CPU, the CPUs of the same core, itself among them.
    pub siblings: BTreeMap<usize, Vec<usize>>,
    /// Interrupts, by number.
    pub irqs: BTreeMap<u32, Irq>,
    /// [`DEFAULT_IRQ_AFFINITY`]
    pub default_irq_affinity: Option<String>,
    /// [`PERF_SAMPLE_RATE`]
    pub perf_sample_rate: Option<String>,
    /// [`PERF_CPU_PERCENT`]
    pub perf_cpu_percent: Option<String>,
    /// [`NMI_WATCHDOG`]
    pub nmi_watchdog: Option<String>,
}

/// An interrupt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Irq {
    /// CPUs that it may come to: `smp_affinity_list`.
    pub cpus: Vec<usize>,
    /// Who handles it.
    pub handlers: Vec<String>,
}

impl Seen {
    /// Reads everything.
    pub fn read(sys: &dyn Sys) -> Self {
        let online = value(sys, &format!("{CPUS}/online"))
            .and_then(|list| cpus::parse(&list))
            .unwrap_or_default();
        Self {
            policies: Policy::all(sys),
            intel_pstate: value(sys, &format!("{CPUS}/intel_pstate/status")),
            amd_pstate: value(sys, &format!("{CPUS}/amd_pstate/status")),
            no_turbo: value(sys, NO_TURBO),
            boost: value(sys, BOOST),
            siblings: siblings(sys, &online),
            online,
            irqs: irqs(sys),
            default_irq_affinity: value(sys, DEFAULT_IRQ_AFFINITY),
            perf_sample_rate: value(sys, PERF_SAMPLE_RATE),
            perf_cpu_percent: value(sys, PERF_CPU_PERCENT),
            nmi_watchdog: value(sys, NMI_WATCHDOG),
        }
    }

    /// The other CPUs of these CPUs' cores.
    pub fn siblings_of(&self, cpus: &[usize]) -> Vec<usize> {
        let cores = cpus.iter().filter_map(|cpu| self.siblings.get(cpu));
        let mut others: Vec<_> = cores.flatten().copied().collect();
        others.sort_unstable();
        others.dedup();
        others.retain(|cpu| !cpus.contains(cpu));
        others
    }

    /// Whether any policy's clock can be set at all.
    pub fn has_cpufreq(&self) -> bool {
        !self.policies.is_empty()
    }
}

/// The file that takes a CPU offline.
pub fn online_file(cpu: usize) -> String {
    format!("{CPUS}/cpu{cpu}/online")
}

/// The file that says which CPUs an interrupt may come to.
pub fn irq_file(irq: u32) -> String {
    format!("{IRQS}/{irq}/smp_affinity_list")
}

/// Whether a path is a setting of cpufreq.
pub fn is_cpufreq(path: &str) -> bool {
    path == NO_TURBO || path.starts_with(POLICIES)
}

fn siblings(sys: &dyn Sys, online: &[usize]) -> BTreeMap<usize, Vec<usize>> {
    let of = |cpu: usize| {
        let list = value(
            sys,
            &format!("{CPUS}/cpu{cpu}/topology/thread_siblings_list"),
        );
        Some((cpu, cpus::parse(&list?)?))
    };
    online.iter().filter_map(|&cpu| of(cpu)).collect()
}

fn irqs(sys: &dyn Sys) -> BTreeMap<u32, Irq> {
    let of = |name: &String| {
        let number: u32 = name.parse().ok()?;
        let folder = format!("{IRQS}/{name}");
        let list = value(sys, &irq_file(number))?;
        let handlers = sys.names(&folder).into_iter();
        let irq = Irq {
            cpus: cpus::parse(&list)?,
            // A handler is a folder beside the kernel's own files.
            handlers: handlers
                .filter(|file| !IRQ_FILES.contains(&file.as_str()))
                .collect(),
        };
        Some((number, irq))
    };
    sys.names(IRQS).iter().filter_map(of).collect()
}

/// What the kernel keeps for each interrupt (core-api/irq/irq-affinity.rst and kernel/irq/proc.c).
const IRQ_FILES: &[&str] = &[
    "affinity_hint",
    "effective_affinity",
    "effective_affinity_list",
    "node",
    "smp_affinity",
    "smp_affinity_list",
    "spurious",
];
