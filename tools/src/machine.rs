//! The machine that measures: what a reader needs to ask "why is your number not
//! mine?".

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};
use vmm::probe::Kvm;

use crate::engine;
use crate::tsc::{self, TscFrequency};

/// The machine, as it says of itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// The first processor's lines of `/proc/cpuinfo`, `flags` and `bugs` among them.
    pub cpu: BTreeMap<String, String>,
    /// Mitigations, by vulnerability.
    pub vulnerabilities: BTreeMap<String, String>,
    /// Frequency, power and scheduling settings, by name; what is absent is not listed.
    pub settings: BTreeMap<String, String>,
    /// The time stamp counter.
    pub tsc: TscFrequency,
    /// What /dev/kvm is.
    pub kvm: Kvm,
}

const VULNERABILITIES: &str = "/sys/devices/system/cpu/vulnerabilities";

/// One file a setting. Of the frequency settings, those of CPU 0 stand for all.
const SETTINGS: &[(&str, &str)] = &[
    ("kernel", "/proc/version"),
    ("kernel_command_line", "/proc/cmdline"),
    (
        "clocksource",
        "/sys/devices/system/clocksource/clocksource0/current_clocksource",
    ),
    ("cpus_online", "/sys/devices/system/cpu/online"),
    ("cpus_isolated", "/sys/devices/system/cpu/isolated"),
    ("cpus_nohz_full", "/sys/devices/system/cpu/nohz_full"),
    ("smt", "/sys/devices/system/cpu/smt/control"),
    (
        "scaling_driver",
        "/sys/devices/system/cpu/cpu0/cpufreq/scaling_driver",
    ),
    (
        "scaling_governor",
        "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor",
    ),
    (
        "scaling_min_khz",
        "/sys/devices/system/cpu/cpu0/cpufreq/scaling_min_freq",
    ),
    (
        "scaling_max_khz",
        "/sys/devices/system/cpu/cpu0/cpufreq/scaling_max_freq",
    ),
    (
        "energy_performance_preference",
        "/sys/devices/system/cpu/cpu0/cpufreq/energy_performance_preference",
    ),
    (
        "intel_pstate",
        "/sys/devices/system/cpu/intel_pstate/status",
    ),
    (
        "intel_no_turbo",
        "/sys/devices/system/cpu/intel_pstate/no_turbo",
    ),
    ("amd_pstate", "/sys/devices/system/cpu/amd_pstate/status"),
    ("boost", "/sys/devices/system/cpu/cpufreq/boost"),
    (
        "cpuidle_driver",
        "/sys/devices/system/cpu/cpuidle/current_driver",
    ),
    (
        "transparent_hugepage",
        "/sys/kernel/mm/transparent_hugepage/enabled",
    ),
    ("randomize_va_space", "/proc/sys/kernel/randomize_va_space"),
    ("hypervisor", "/sys/hypervisor/type"),
    ("dmi_product", "/sys/class/dmi/id/product_name"),
    ("load", "/proc/loadavg"),
];

impl Machine {
    /// Reads everything; takes a fifth of a second for the counter's frequency.
    pub fn read() -> Self {
        Self {
            cpu: first_processor(&fs::read_to_string("/proc/cpuinfo").unwrap_or_default()),
            vulnerabilities: vulnerabilities(),
            settings: SETTINGS
                .iter()
                .filter_map(|&(name, path)| Some((name.to_owned(), setting(path)?)))
                .collect(),
            tsc: tsc::frequency(),
            kvm: engine::probe(),
        }
    }
}

impl Machine {
    /// The first thing in which two machines, or one machine at two times, would not
    /// measure the same.
    pub fn difference(&self, other: &Self) -> Option<&'static str> {
        let setting = |name| self.settings.get(name) == other.settings.get(name);
        let same = [
            ("processor or its microcode", self.cpu == other.cpu),
            ("mitigations", self.vulnerabilities == other.vulnerabilities),
            ("kernel", setting("kernel")),
            ("kernel's command line", setting("kernel_command_line")),
        ];
        same.into_iter()
            .find_map(|(what, same)| (!same).then_some(what))
    }
}

/// The lines of `/proc/cpuinfo` up to the first empty one.
fn first_processor(cpuinfo: &str) -> BTreeMap<String, String> {
    // The current frequency is no property of the machine; it changes all the time.
    let passing = [
        "cpu MHz",
        "processor",
        "initial apicid",
        "apicid",
        "core id",
    ];
    cpuinfo
        .lines()
        .take_while(|line| !line.trim().is_empty())
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
        .filter(|(name, _)| !passing.contains(&name.as_str()))
        .collect()
}

fn vulnerabilities() -> BTreeMap<String, String> {
    let entries = fs::read_dir(VULNERABILITIES).into_iter().flatten();
    entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let name = entry.file_name().into_string().ok()?;
            Some((name, setting(entry.path())?))
        })
        .collect()
}

fn setting(path: impl AsRef<Path>) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_processor_counts() {
        let cpuinfo = "processor\t: 0\nmodel name\t: AMD EPYC\ncpu MHz\t\t: 2596.1\nbugs\t\t:\n\n\
                       processor\t: 1\nmodel name\t: another\n";
        let expected = [("model name", "AMD EPYC"), ("bugs", "")];
        let expected = expected.map(|(k, v)| (k.to_owned(), v.to_owned()));
        assert_eq!(first_processor(cpuinfo), BTreeMap::from(expected));
    }
}
