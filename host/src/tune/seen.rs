//! The state of the machine from which a plan is made, read once.

use std::collections::BTreeMap;

use serde::Serialize;

use super::idle::{Idle, RESUME_LATENCY};
use super::policy::{self, POLICIES, Policy};
use super::processes::{Activity, IRQBALANCE, Process};
use super::sys::{Sys, value};
use super::{TuneError, cpus};
use crate::core_files::{self, BOOST, NO_TURBO};

/// The least share of the turbo frequency; `no_turbo` lowers it (store_no_turbo in
/// intel_pstate.c).
pub const MIN_PERF_PCT: &str = "/sys/devices/system/cpu/intel_pstate/min_perf_pct";
/// The greatest one, which caps every clock.
pub const MAX_PERF_PCT: &str = "/sys/devices/system/cpu/intel_pstate/max_perf_pct";
/// The mask for future interrupts.
pub const DEFAULT_IRQ_AFFINITY: &str = "/proc/irq/default_smp_affinity";
/// Samples that perf may take per second.
pub const PERF_SAMPLE_RATE: &str = "/proc/sys/kernel/perf_event_max_sample_rate";
/// The share of time that perf's sampling may take.
pub const PERF_CPU_PERCENT: &str = "/proc/sys/kernel/perf_cpu_time_max_percent";
/// `1` lets a performance counter interrupt every CPU now and then.
pub const NMI_WATCHDOG: &str = "/proc/sys/kernel/nmi_watchdog";

const CPUS: &str = "/sys/devices/system/cpu";
const IRQS: &str = "/proc/irq";
const AFFINITY: &str = "smp_affinity_list";

/// The current state of the machine. Values that it does not show are `None`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Seen {
    /// CPUs that are online.
    pub online: Vec<usize>,
    /// cpufreq's policies; empty on most virtual machines.
    pub policies: Vec<Policy>,
    /// `active`, `passive` or `off`.
    pub intel_pstate: Option<String>,
    /// `active`, `passive`, `guided` or `disable`.
    pub amd_pstate: Option<String>,
    /// [`NO_TURBO`]
    pub no_turbo: Option<String>,
    /// [`MIN_PERF_PCT`]
    pub min_perf_pct: Option<String>,
    /// [`MAX_PERF_PCT`]
    pub max_perf_pct: Option<String>,
    /// [`BOOST`]
    pub boost: Option<String>,
    /// By CPU, its idle states.
    pub idle: BTreeMap<usize, Idle>,
    /// The processors that heat slows, by what their cooling devices show: steps of 20 % of the
    /// highest frequency (cpufreq_set_cur_state in drivers/acpi/processor_thermal.c).
    pub cooling_steps: Vec<u64>,
    /// The processes of irqbalance.
    pub irqbalance: Vec<Balancer>,
    /// Those of /sys, /proc/sys and /proc/irq that cannot be written, as in a container.
    pub read_only: Vec<String>,
    /// Whether the machine runs on battery; `None` if that is unknown.
    pub on_battery: Option<bool>,
    /// The firmware's choice between speed and quiet.
    pub platform_profile: Option<String>,
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

/// A process that moves interrupts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Balancer {
    /// The process.
    pub process: Process,
    /// Whether it runs.
    pub activity: Activity,
}

/// An interrupt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Irq {
    /// CPUs to which it may come: `smp_affinity_list`.
    pub cpus: Vec<usize>,
    /// Its handler.
    pub handlers: Vec<String>,
}

impl Seen {
    /// Whether all of these CPUs are online.
    ///
    /// # Errors
    ///
    /// Names the first one that is not.
    pub fn check_online(&self, cpus: &[usize]) -> Result<(), TuneError> {
        match cpus.iter().find(|cpu| !self.online.contains(cpu)) {
            Some(&cpu) => Err(TuneError::NoSuchCpu {
                cpu,
                online: cpus::list(&self.online),
            }),
            None => Ok(()),
        }
    }

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
            min_perf_pct: value(sys, MIN_PERF_PCT),
            max_perf_pct: value(sys, MAX_PERF_PCT),
            boost: value(sys, BOOST),
            idle: online
                .iter()
                .map(|&cpu| (cpu, Idle::read(sys, cpu)))
                .collect(),
            cooling_steps: cooling_steps(sys),
            irqbalance: balancers(sys),
            read_only: read_only(sys),
            on_battery: on_battery(sys),
            platform_profile: value(sys, "/sys/firmware/acpi/platform_profile"),
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

/// The file with the CPUs to which an interrupt may come.
pub fn irq_file(irq: u32) -> String {
    format!("{IRQS}/{irq}/{AFFINITY}")
}

/// Whether a path is a setting of cpufreq.
pub fn is_cpufreq(path: &str) -> bool {
    [NO_TURBO, MIN_PERF_PCT, MAX_PERF_PCT].contains(&path) || path.starts_with(POLICIES)
}

/// The policy and the name of a policy's file: `policy3` and `boost`.
pub fn policys_file(path: &str) -> Option<(&str, &str)> {
    let rest = path.strip_prefix(POLICIES)?.strip_prefix('/')?;
    let (policy, name) = rest.split_once('/')?;
    is_number(policy.strip_prefix("policy")?).then_some((policy, name))
}

/// Whether a policy's file goes and comes with the CPU of that switch. A policy has the number
/// of its first CPU, and is there while any of its CPUs is.
pub fn takes_policy(switch: &str, path: &str) -> bool {
    let cpu = cpus_file(switch).filter(|(_, name)| *name == "online");
    cpu.zip(policys_file(path))
        .is_some_and(|((cpu, _), (policy, _))| policy.strip_prefix("policy") == Some(cpu))
}

/// The number of the CPU and the name of a CPU's own file: `3` and `online`.
fn cpus_file(path: &str) -> Option<(&str, &str)> {
    let (cpu, name) = path
        .strip_prefix(CPUS)?
        .strip_prefix("/cpu")?
        .split_once('/')?;
    is_number(cpu).then_some((cpu, name))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a plan can name this file; nothing else is ever written.
pub fn is_setting(path: &str) -> bool {
    const ALONE: [&str; 7] = [
        NO_TURBO,
        MIN_PERF_PCT,
        MAX_PERF_PCT,
        BOOST,
        DEFAULT_IRQ_AFFINITY,
        PERF_SAMPLE_RATE,
        NMI_WATCHDOG,
    ];
    let irq = || {
        let (number, name) = path
            .strip_prefix(IRQS)?
            .strip_prefix('/')?
            .split_once('/')?;
        Some(is_number(number) && name == AFFINITY)
    };
    ALONE.contains(&path)
        || policys_file(path).is_some_and(|(_, name)| policy::SETTINGS.contains(&name))
        || cpus_file(path).is_some_and(|(_, name)| ["online", RESUME_LATENCY].contains(&name))
        || irq().unwrap_or(false)
}

/// Whether the file cannot come back: its CPU or its interrupt has left the machine.
pub fn is_absent(sys: &dyn Sys, path: &str) -> bool {
    let policy = |(policy, _): (&str, &str)| policy.trim_start_matches("policy").to_owned();
    let cpu = policys_file(path)
        .map(policy)
        .or_else(|| Some(cpus_file(path)?.0.to_owned()));
    if let Some(cpu) = cpu {
        let present = value(sys, &format!("{CPUS}/present")).and_then(|list| cpus::parse(&list));
        let cpu = cpu.parse().ok();
        return present.is_some_and(|present| cpu.is_some_and(|cpu| !present.contains(&cpu)));
    }
    match path
        .strip_prefix(IRQS)
        .and_then(|rest| rest.split('/').nth(1))
    {
        Some(irq) if is_number(irq) => {
            !sys.names(IRQS).is_empty() && !sys.names(IRQS).iter().any(|name| name == irq)
        }
        _ => false,
    }
}

fn cooling_steps(sys: &dyn Sys) -> Vec<u64> {
    const DEVICES: &str = "/sys/class/thermal";
    let names = sys.names(DEVICES).into_iter();
    let mut steps: Vec<_> = names
        .filter_map(|name| {
            let text = |file: &str| value(sys, &format!("{DEVICES}/{name}/{file}"));
            let is_processor = text("type").as_deref() == Some("Processor");
            let state = text("cur_state")?.parse().ok()?;
            (is_processor && state > 0).then_some(state)
        })
        .collect();
    steps.sort_unstable();
    steps.dedup();
    steps
}

fn balancers(sys: &dyn Sys) -> Vec<Balancer> {
    let found = Process::named(sys, IRQBALANCE).into_iter();
    found
        .map(|(process, activity)| Balancer { process, activity })
        .collect()
}

/// The mounts of /sys and /proc that hold settings; the last mount of a folder counts.
fn read_only(sys: &dyn Sys) -> Vec<String> {
    const FOLDERS: [&str; 3] = ["/sys", "/proc/sys", "/proc/irq"];
    let mounts = value(sys, "/proc/self/mounts").unwrap_or_default();
    let is_read_only = |folder: &&str| {
        let options = mounts.lines().rev().find_map(|line| {
            let mut fields = line.split(' ').skip(1);
            (fields.next()? == *folder).then(|| fields.nth(1))?
        });
        options.is_some_and(|options| options.split(',').any(|option| option == "ro"))
    };
    let folders = FOLDERS.into_iter().filter(is_read_only);
    folders.map(str::to_owned).collect()
}

/// A mains supply that is offline, and a battery (power/power_supply_class.rst).
fn on_battery(sys: &dyn Sys) -> Option<bool> {
    const SUPPLIES: &str = "/sys/class/power_supply";
    let names = sys.names(SUPPLIES);
    let text = |name: &str, file: &str| value(sys, &format!("{SUPPLIES}/{name}/{file}"));
    let of = |kind: &str| -> Vec<_> {
        let is_one = |name: &&String| text(name, "type").as_deref() == Some(kind);
        names.iter().filter(is_one).collect()
    };
    let mains = of("Mains");
    if mains.is_empty() {
        None
    } else {
        Some(
            !mains
                .iter()
                .any(|name| text(name, "online").as_deref() == Some("1"))
                && !of("Battery").is_empty(),
        )
    }
}

fn siblings(sys: &dyn Sys, online: &[usize]) -> BTreeMap<usize, Vec<usize>> {
    let threads = |cpu| core_files::threads(&|file| value(sys, file), cpu);
    let of = |&cpu: &usize| Some((cpu, threads(cpu)?));
    online.iter().filter_map(of).collect()
}

fn irqs(sys: &dyn Sys) -> BTreeMap<u32, Irq> {
    let of = |name: &String| {
        let number: u32 = name.parse().ok()?;
        let folder = format!("{IRQS}/{name}");
        let list = value(sys, &irq_file(number))?;
        let handlers = sys.names(&folder).into_iter();
        let irq = Irq {
            cpus: cpus::parse(&list)?,
            // A handler is a folder next to the kernel's own files.
            handlers: handlers
                .filter(|file| !IRQ_FILES.contains(&file.as_str()))
                .collect(),
        };
        Some((number, irq))
    };
    sys.names(IRQS).iter().filter_map(of).collect()
}

/// The kernel's files for each interrupt (core-api/irq/irq-affinity.rst and kernel/irq/proc.c).
const IRQ_FILES: &[&str] = &[
    "affinity_hint",
    "effective_affinity",
    "effective_affinity_list",
    "node",
    "smp_affinity",
    "smp_affinity_list",
    "spurious",
];
