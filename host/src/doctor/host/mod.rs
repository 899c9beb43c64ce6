//! Linux's description of the host and its settings.

pub mod cpu;
pub mod group;
pub mod power;
pub mod security;
pub mod services;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use self::cpu::Cpu;
use self::group::Group;
use self::power::Power;
use self::security::Security;
use self::services::Does;
use super::audit::{self, Audit};
use crate::core_files;
use crate::cpus;
use crate::holders::Process;
use crate::measuring_cpus::{self, CoreKind};
use crate::tree::Tree;

const CPU: &str = "/sys/devices/system/cpu";

/// The host as its files describe it. What they do not contain is `None` or missing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Host {
    /// The measuring CPUs, one entry each.
    pub cpus: Vec<Cpu>,
    /// The processor's maker, as CPUID names it: `AuthenticAMD`.
    pub vendor: Option<String>,
    /// The clock that the kernel uses.
    pub clocksource: Option<String>,
    /// The clocks that it could use.
    pub clocksources: Vec<String>,
    /// Whether the processor may exceed its nominal frequency.
    pub turbo: Option<bool>,
    /// The driver that puts idle CPUs to sleep.
    pub idle_driver: Option<String>,
    /// The longest wake-up time that /dev/cpu_dma_latency allows, in microseconds.
    pub latency_limit_us: Option<i32>,
    /// CPUs without the scheduler's load balancing.
    pub isolated: Option<Vec<usize>>,
    /// CPUs without a periodic tick while one thread runs there.
    pub nohz_full: Option<Vec<usize>>,
    /// The kernel's command line.
    pub cmdline: Option<String>,
    /// Runnable threads, averaged over a minute.
    pub load: Option<f64>,
    /// /proc/sys/kernel/randomize_va_space.
    pub randomize_va_space: Option<u32>,
    /// Whether a seccomp filter checks this process's system calls, and with them those of the
    /// programs that it starts.
    pub seccomp: Option<bool>,
    /// The kernel's line about each vulnerability.
    pub vulnerabilities: BTreeMap<String, String>,
    /// The microcode's revision, for each CPU.
    pub microcode: Vec<String>,
    /// Device interrupts and the CPUs to which they are delivered.
    pub interrupts: Vec<Interrupt>,
    /// The highest number that a CPU can have.
    pub last_cpu: Option<usize>,
    /// CPUs of isolated partitions of control groups.
    pub partitions: Vec<usize>,
    /// The control groups of this process.
    pub group: Option<Group>,
    /// Power, its limits and heat.
    pub power: Power,
    /// The kernel's other work at system calls.
    pub security: Security,
    /// Services that change the machine.
    pub services: Option<Vec<(Process, Does)>>,
    /// Whether system calls are audited; only root may ask.
    pub audit: Option<Audit>,
    /// CPUs that the kernel's unbound work may run on.
    pub workqueue: Option<Vec<usize>>,
    /// How often each CPU's statistics are gathered, in seconds.
    pub stat_interval: Option<u64>,
    /// The types of the measuring CPUs' cores; empty where all are of one type.
    pub kinds: BTreeMap<usize, CoreKind>,
}

/// A device's interrupt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interrupt {
    /// Its number, as in /proc/interrupts.
    pub number: u32,
    /// The CPUs to which it is actually delivered.
    pub cpus: Vec<usize>,
}

impl Host {
    /// Reads everything about the host and these CPUs.
    pub fn read(tree: &Tree, cpus: &[usize]) -> Self {
        Self {
            cpus: cpus.iter().map(|&cpu| Cpu::read(tree, cpu)).collect(),
            vendor: vendor(tree),
            clocksource: tree.text(&clocksource("current_clocksource")),
            clocksources: words(tree.text(&clocksource("available_clocksource"))),
            turbo: core_files::turbo(&|file| tree.text(file)).map(|turbo| turbo.is_on),
            idle_driver: tree.text(&format!("{CPU}/cpuidle/current_driver")),
            latency_limit_us: latency_limit(tree),
            isolated: tree.cpus(&format!("{CPU}/isolated")),
            nohz_full: nohz_full(tree),
            cmdline: tree.text("/proc/cmdline"),
            load: load(tree),
            randomize_va_space: tree.number("/proc/sys/kernel/randomize_va_space"),
            seccomp: seccomp(tree),
            vulnerabilities: vulnerabilities(tree),
            microcode: microcode(tree),
            interrupts: interrupts(tree),
            last_cpu: tree
                .cpus(&format!("{CPU}/possible"))
                .and_then(|cpus| cpus.last().copied()),
            partitions: group::isolated(tree),
            group: Group::read(tree),
            power: Power::read(tree),
            security: Security::read(tree),
            services: services::running(tree),
            audit: tree.is_this_machine().then(|| audit::ask().ok()).flatten(),
            workqueue: tree
                .text("/sys/devices/virtual/workqueue/cpumask")
                .and_then(|mask| cpus::parse_mask(&mask)),
            stat_interval: tree.number("/proc/sys/vm/stat_interval"),
            kinds: kinds(tree, cpus),
        }
    }

    /// Whether a parameter of the kernel's command line lists that CPU. Without a list, as in a
    /// bare `rcu_nocbs`, it does not list any.
    pub fn cmdline_lists(&self, parameter: &str, cpu: usize) -> bool {
        let words = self.cmdline.iter().flat_map(|line| line.split_whitespace());
        let mut lists = words.filter_map(|word| word.strip_prefix(parameter)?.strip_prefix('='));
        lists.any(|list| match cpus::parse_parameter(list, self.last_cpu) {
            Some(cpus) => cpus.contains(&cpu),
            None => list == "all",
        })
    }
}

fn clocksource(name: &str) -> String {
    format!("/sys/devices/system/clocksource/clocksource0/{name}")
}

/// Another machine's processor cannot be queried for facts that are missing in its files.
fn kinds(tree: &Tree, cpus: &[usize]) -> BTreeMap<usize, CoreKind> {
    let mut kinds = measuring_cpus::kinds(tree, cpus, |cpu| {
        if tree.is_this_machine() {
            measuring_cpus::by_cpuid(cpu)
        } else {
            None
        }
    });
    kinds.retain(|cpu, _| cpus.contains(cpu));
    kinds
}

fn vendor(tree: &Tree) -> Option<String> {
    let cpuinfo = tree.text("/proc/cpuinfo")?;
    let mut lines = cpuinfo.lines().filter_map(|line| line.split_once(':'));
    let (_, vendor) = lines.find(|(name, _)| name.trim() == "vendor_id")?;
    Some(vendor.trim().to_owned())
}

/// Reading the device gives the strictest request of all programs that hold it open, as a
/// number of four bytes (Linux, pm_qos_interface.rst).
fn latency_limit(tree: &Tree) -> Option<i32> {
    let bytes = tree.bytes("/dev/cpu_dma_latency")?;
    Some(i32::from_ne_bytes(bytes.as_slice().try_into().ok()?))
}

/// The file says `(null)` if the kernel supports it but was not asked to.
fn nohz_full(tree: &Tree) -> Option<Vec<usize>> {
    let path = format!("{CPU}/nohz_full");
    match tree.text(&path)?.as_str() {
        "(null)" => Some(Vec::new()),
        _ => tree.cpus(&path),
    }
}

fn load(tree: &Tree) -> Option<f64> {
    let text = tree.text("/proc/loadavg")?;
    text.split_whitespace().next()?.parse().ok()
}

/// proc_pid_status(5): 0 means no filter.
fn seccomp(tree: &Tree) -> Option<bool> {
    let status = tree.text("/proc/self/status")?;
    let mode = status
        .lines()
        .find_map(|line| line.strip_prefix("Seccomp:"))?;
    Some(mode.trim() != "0")
}

/// The kernel's line about each vulnerability.
pub fn vulnerabilities(tree: &Tree) -> BTreeMap<String, String> {
    let folder = format!("{CPU}/vulnerabilities");
    let files = tree.names(&folder).into_iter();
    files
        .filter_map(|name| {
            let text = tree.text(&format!("{folder}/{name}"))?;
            Some((name, text))
        })
        .collect()
}

/// Each revision once.
fn microcode(tree: &Tree) -> Vec<String> {
    let cpuinfo = tree.text("/proc/cpuinfo").unwrap_or_default();
    let mut revisions: Vec<_> = cpuinfo
        .lines()
        .filter_map(|line| line.split_once(':'))
        .filter(|(name, _)| name.trim() == "microcode")
        .map(|(_, revision)| revision.trim().to_owned())
        .collect();
    revisions.sort();
    revisions.dedup();
    revisions
}

fn interrupts(tree: &Tree) -> Vec<Interrupt> {
    let numbers = tree.names("/proc/irq").into_iter();
    let mut interrupts: Vec<_> = numbers
        .filter_map(|name| {
            let number = name.parse().ok()?;
            let file = |name: &str| format!("/proc/irq/{number}/{name}");
            let cpus = tree
                .cpus(&file("effective_affinity_list"))
                .or_else(|| tree.cpus(&file("smp_affinity_list")))?;
            Some(Interrupt { number, cpus })
        })
        .collect();
    interrupts.sort_by_key(|interrupt| interrupt.number);
    interrupts
}

fn words(text: Option<String>) -> Vec<String> {
    let text = text.unwrap_or_default();
    text.split_whitespace().map(str::to_owned).collect()
}
