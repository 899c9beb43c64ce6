//! A CPU's own settings.

use super::CPU;
use crate::core_files;
use crate::tree::Tree;

/// A measuring CPU's settings.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cpu {
    /// Its number.
    pub cpu: usize,
    /// The driver that sets its frequency.
    pub driver: Option<String>,
    /// Its governor.
    pub governor: Option<String>,
    /// The lowest and highest frequency that the governor may choose, in kHz.
    pub range_khz: Option<(u64, u64)>,
    /// The highest frequency without turbo, in kHz.
    pub nominal_khz: Option<u64>,
    /// Other hardware threads of its core; `None` if the topology is not shown.
    pub siblings: Option<Vec<usize>>,
    /// The deepest idle state that is neither disabled nor forbidden to this CPU.
    pub deepest_idle: Option<IdleState>,
}

/// An idle state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdleState {
    /// The driver's name for it.
    pub name: String,
    /// The time to leave it, in microseconds.
    pub latency_us: u64,
}

impl Cpu {
    /// Reads them.
    pub(super) fn read(tree: &Tree, cpu: usize) -> Self {
        let file = |name: &str| format!("{CPU}/cpu{cpu}/{name}");
        let khz = |name| tree.number(&file(name));
        let text = |file: &str| tree.text(file);
        Self {
            cpu,
            driver: tree.text(&file("cpufreq/scaling_driver")),
            governor: tree.text(&file("cpufreq/scaling_governor")),
            range_khz: khz("cpufreq/scaling_min_freq").zip(khz("cpufreq/scaling_max_freq")),
            nominal_khz: core_files::nominal(&text, &file("cpufreq"), cpu).map(|found| found.khz),
            siblings: core_files::siblings(&text, cpu),
            deepest_idle: deepest_idle(tree, cpu),
        }
    }
}

/// A CPU's own latency limit: 0 means that it is not set, and `n/a` is 0 µs
/// (pm_qos_resume_latency_us_show in drivers/base/power/sysfs.c).
fn latency_limit(tree: &Tree, cpu: usize) -> u64 {
    let wish = tree.text(&format!("{CPU}/cpu{cpu}/power/pm_qos_resume_latency_us"));
    match wish.as_deref() {
        None | Some("0") => u64::MAX,
        Some(wish) => wish.parse().unwrap_or(0),
    }
}

fn deepest_idle(tree: &Tree, cpu: usize) -> Option<IdleState> {
    let folder = format!("{CPU}/cpu{cpu}/cpuidle");
    let limit = latency_limit(tree, cpu);
    let states = tree.names(&folder).into_iter().filter_map(|state| {
        let file = |name: &str| format!("{folder}/{state}/{name}");
        let disabled: u64 = tree.number(&file("disable"))?;
        (disabled == 0).then_some(IdleState {
            name: tree.text(&file("name"))?,
            latency_us: tree.number(&file("latency"))?,
        })
    });
    let allowed = states.filter(|state| state.latency_us <= limit);
    allowed.max_by_key(|state| state.latency_us)
}
