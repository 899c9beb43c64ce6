//! What Linux tells of itself and its settings.

use std::collections::BTreeMap;

use crate::engine;
use crate::tree::Tree;

const CPU: &str = "/sys/devices/system/cpu";

/// The host as its files describe it. What they do not tell is `None` or missing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Host {
    /// The measuring CPUs, one each.
    pub cpus: Vec<Cpu>,
    /// The clock that the kernel uses.
    pub clocksource: Option<String>,
    /// The clocks that it could use.
    pub clocksources: Vec<String>,
    /// Whether the processor may exceed its nominal frequency.
    pub turbo: Option<bool>,
    /// What puts idle CPUs to sleep.
    pub idle_driver: Option<String>,
    /// Longest wake-up that /dev/cpu_dma_latency allows, in microseconds.
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
    /// Whether a seccomp filter judges this process's system calls, and with it those of
    /// the programs that it starts.
    pub seccomp: Option<bool>,
    /// Whether system calls are traced, for whoever makes them.
    pub traced: Option<bool>,
    /// What the kernel says of each vulnerability.
    pub vulnerabilities: BTreeMap<String, String>,
    /// The microcode's revision, as each CPU tells it.
    pub microcode: Vec<String>,
    /// Device interrupts and the CPUs that they are delivered to.
    pub interrupts: Vec<Interrupt>,
}

/// A measuring CPU's settings.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cpu {
    /// Its number.
    pub cpu: usize,
    /// What sets its frequency.
    pub driver: Option<String>,
    /// By which rule.
    pub governor: Option<String>,
    /// Lowest and highest frequency that the rule may choose, in kHz.
    pub range_khz: Option<(u64, u64)>,
    /// The highest frequency without turbo, in kHz.
    pub nominal_khz: Option<u64>,
    /// Other hardware threads of its core; `None` where the topology is not told.
    pub siblings: Option<Vec<usize>>,
    /// The deepest idle state that is not disabled.
    pub deepest_idle: Option<IdleState>,
}

/// An idle state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdleState {
    /// The driver's name for it.
    pub name: String,
    /// How long leaving it takes, in microseconds.
    pub latency_us: u64,
}

/// A device's interrupt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interrupt {
    /// Its number, as in /proc/interrupts.
    pub number: u32,
    /// The CPUs that it is really delivered to.
    pub cpus: Vec<usize>,
}

impl Host {
    /// Reads everything about the host, and these CPUs.
    pub fn read(tree: &Tree, cpus: &[usize]) -> Self {
        Self {
            cpus: cpus.iter().map(|&cpu| Cpu::read(tree, cpu)).collect(),
            clocksource: tree.text(&clocksource("current_clocksource")),
            clocksources: words(tree.text(&clocksource("available_clocksource"))),
            turbo: turbo(tree),
            idle_driver: tree.text(&format!("{CPU}/cpuidle/current_driver")),
            latency_limit_us: latency_limit(tree),
            isolated: tree.cpus(&format!("{CPU}/isolated")),
            nohz_full: nohz_full(tree),
            cmdline: tree.text("/proc/cmdline"),
            load: load(tree),
            randomize_va_space: tree.number("/proc/sys/kernel/randomize_va_space"),
            seccomp: seccomp(tree),
            traced: traced(tree),
            vulnerabilities: vulnerabilities(tree),
            microcode: microcode(tree),
            interrupts: interrupts(tree),
        }
    }

    /// Whether a parameter of the kernel's command line lists that CPU.
    pub fn cmdline_lists(&self, parameter: &str, cpu: usize) -> bool {
        let words = self.cmdline.iter().flat_map(|line| line.split_whitespace());
        let mut lists = words.filter_map(|word| word.strip_prefix(parameter)?.strip_prefix('='));
        lists.any(|list| {
            let cpus = || engine::parse_list(list).unwrap_or_default();
            list == "all" || cpus().contains(&cpu)
        })
    }
}

impl Cpu {
    fn read(tree: &Tree, cpu: usize) -> Self {
        let file = |name: &str| format!("{CPU}/cpu{cpu}/{name}");
        let khz = |name| tree.number(&file(name));
        let siblings = tree.cpus(&file("topology/thread_siblings_list"));
        Self {
            cpu,
            driver: tree.text(&file("cpufreq/scaling_driver")),
            governor: tree.text(&file("cpufreq/scaling_governor")),
            range_khz: khz("cpufreq/scaling_min_freq").zip(khz("cpufreq/scaling_max_freq")),
            nominal_khz: khz("cpufreq/base_frequency").or_else(|| {
                let mhz: u64 = khz("acpi_cppc/nominal_freq").filter(|mhz| *mhz > 0)?;
                mhz.checked_mul(1000)
            }),
            siblings: siblings.map(|all| all.into_iter().filter(|&other| other != cpu).collect()),
            deepest_idle: deepest_idle(tree, cpu),
        }
    }
}

fn clocksource(name: &str) -> String {
    format!("/sys/devices/system/clocksource/clocksource0/{name}")
}

/// Each driver has a switch of its own; AMD's may stand at the policy.
fn turbo(tree: &Tree) -> Option<bool> {
    let switch = |name: &str| tree.number::<u8>(&format!("{CPU}/{name}"));
    let boost = || switch("cpufreq/boost").or_else(|| switch("cpufreq/policy0/boost"));
    match switch("intel_pstate/no_turbo") {
        Some(off) => Some(off == 0),
        None => Some(boost()? != 0),
    }
}

fn deepest_idle(tree: &Tree, cpu: usize) -> Option<IdleState> {
    let folder = format!("{CPU}/cpu{cpu}/cpuidle");
    let states = tree.names(&folder).into_iter().filter_map(|state| {
        let file = |name: &str| format!("{folder}/{state}/{name}");
        let disabled: u64 = tree.number(&file("disable"))?;
        (disabled == 0).then_some(IdleState {
            name: tree.text(&file("name"))?,
            latency_us: tree.number(&file("latency"))?,
        })
    });
    states.max_by_key(|state| state.latency_us)
}

/// Reading the device gives the strictest wish of all programs that hold it open, as
/// a number of four bytes (Linux, pm_qos_interface.rst).
fn latency_limit(tree: &Tree) -> Option<i32> {
    let bytes = tree.bytes("/dev/cpu_dma_latency")?;
    Some(i32::from_ne_bytes(bytes.as_slice().try_into().ok()?))
}

/// The file says `(null)` where the kernel could and was not asked to.
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

/// proc_pid_status(5): 0 is no filter.
fn seccomp(tree: &Tree) -> Option<bool> {
    let status = tree.text("/proc/self/status")?;
    let mode = status
        .lines()
        .find_map(|line| line.strip_prefix("Seccomp:"))?;
    Some(mode.trim() != "0")
}

/// The switches of all events at entry and exit: `0` is off, `1` on, `X` on for some
/// calls (Linux, events.rst). Only root may read them.
fn traced(tree: &Tree) -> Option<bool> {
    let events = ["raw_syscalls", "syscalls"];
    let switches =
        events.map(|name| tree.text(&format!("/sys/kernel/tracing/events/{name}/enable")));
    let mut told = switches.into_iter().flatten().peekable();
    told.peek()?;
    Some(told.any(|switch| switch != "0"))
}

/// What the kernel says of each vulnerability.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::laid_out;

    #[test]
    fn a_laptop_is_read() {
        let (_folder, tree) = laid_out(&[
            (
                "sys/devices/system/cpu/cpu1/cpufreq/scaling_driver",
                "intel_pstate\n",
            ),
            (
                "sys/devices/system/cpu/cpu1/cpufreq/scaling_governor",
                "powersave\n",
            ),
            (
                "sys/devices/system/cpu/cpu1/cpufreq/scaling_min_freq",
                "400000\n",
            ),
            (
                "sys/devices/system/cpu/cpu1/cpufreq/scaling_max_freq",
                "4600000\n",
            ),
            (
                "sys/devices/system/cpu/cpu1/cpufreq/base_frequency",
                "2100000\n",
            ),
            (
                "sys/devices/system/cpu/cpu1/topology/thread_siblings_list",
                "1,5\n",
            ),
            ("sys/devices/system/cpu/cpu1/cpuidle/state0/name", "POLL\n"),
            ("sys/devices/system/cpu/cpu1/cpuidle/state0/latency", "0\n"),
            ("sys/devices/system/cpu/cpu1/cpuidle/state0/disable", "0\n"),
            ("sys/devices/system/cpu/cpu1/cpuidle/state1/name", "C8\n"),
            (
                "sys/devices/system/cpu/cpu1/cpuidle/state1/latency",
                "200\n",
            ),
            ("sys/devices/system/cpu/cpu1/cpuidle/state1/disable", "0\n"),
            ("sys/devices/system/cpu/cpu1/cpuidle/state2/name", "C10\n"),
            (
                "sys/devices/system/cpu/cpu1/cpuidle/state2/latency",
                "680\n",
            ),
            ("sys/devices/system/cpu/cpu1/cpuidle/state2/disable", "1\n"),
            ("sys/devices/system/cpu/intel_pstate/no_turbo", "0\n"),
            ("sys/devices/system/cpu/isolated", "\n"),
            ("sys/devices/system/cpu/nohz_full", "(null)\n"),
            (
                "sys/devices/system/cpu/vulnerabilities/meltdown",
                "Mitigation: PTI\n",
            ),
            (
                "proc/cmdline",
                "root=/dev/sda rcu_nocbs=1-3 rcu_nocbs_poll quiet\n",
            ),
            ("proc/loadavg", "1.34 0.62 0.56 5/109 25486\n"),
            ("proc/cpuinfo", "microcode\t: 0x42\n\nmicrocode\t: 0x42\n"),
            ("proc/irq/default_smp_affinity", "f\n"),
            (
                "proc/self/status",
                "Name:\tx\nSeccomp:\t2\nSeccomp_filters:\t1\n",
            ),
            ("sys/kernel/tracing/events/raw_syscalls/enable", "0\n"),
            ("sys/kernel/tracing/events/syscalls/enable", "X\n"),
            ("proc/irq/9/effective_affinity_list", "0\n"),
            ("proc/irq/130/smp_affinity_list", "0-3\n"),
        ]);
        let expected = Host {
            cpus: vec![Cpu {
                cpu: 1,
                driver: Some("intel_pstate".into()),
                governor: Some("powersave".into()),
                range_khz: Some((400_000, 4_600_000)),
                nominal_khz: Some(2_100_000),
                siblings: Some(vec![5]),
                deepest_idle: Some(IdleState {
                    name: "C8".into(),
                    latency_us: 200,
                }),
            }],
            turbo: Some(true),
            isolated: Some(vec![]),
            nohz_full: Some(vec![]),
            cmdline: Some("root=/dev/sda rcu_nocbs=1-3 rcu_nocbs_poll quiet".into()),
            load: Some(1.34),
            seccomp: Some(true),
            traced: Some(true),
            vulnerabilities: BTreeMap::from([("meltdown".into(), "Mitigation: PTI".into())]),
            microcode: vec!["0x42".into()],
            interrupts: vec![
                Interrupt {
                    number: 9,
                    cpus: vec![0],
                },
                Interrupt {
                    number: 130,
                    cpus: vec![0, 1, 2, 3],
                },
            ],
            ..Host::default()
        };
        let host = Host::read(&tree, &[1]);
        assert_eq!(host, expected);
        assert!(host.cmdline_lists("rcu_nocbs", 3));
        assert!(!host.cmdline_lists("rcu_nocbs", 0));
        assert!(!host.cmdline_lists("rcu", 3));
    }

    #[test]
    fn drivers_have_switches_of_their_own() {
        for (path, text, turbo) in [
            ("intel_pstate/no_turbo", "1", Some(false)),
            ("cpufreq/boost", "1", Some(true)),
            ("cpufreq/policy0/boost", "0", Some(false)),
            ("cpufreq/boost", "garbage", None),
        ] {
            let path = format!("sys/devices/system/cpu/{path}");
            let (_folder, tree) = laid_out(&[(&path, text)]);
            assert_eq!(Host::read(&tree, &[0]).turbo, turbo, "{path}");
        }
    }

    #[test]
    fn the_strictest_wish_for_latency_is_a_number_of_four_bytes() {
        let (_folder, tree) = laid_out(&[("dev/cpu_dma_latency", "\x05\0\0\0")]);
        assert_eq!(Host::read(&tree, &[]).latency_limit_us, Some(5));
    }

    #[test]
    fn an_empty_machine_tells_nothing() {
        let (_folder, tree) = laid_out::<&str>(&[]);
        assert_eq!(Host::read(&tree, &[]), Host::default());
    }
}
