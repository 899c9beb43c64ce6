//! Settings, and values that change by themselves.

use std::collections::BTreeMap;

use crate::tree::Tree;

/// One file per setting.
const SETTINGS: &[(&str, &str)] = &[
    (
        "clocksource",
        "/sys/devices/system/clocksource/clocksource0/current_clocksource",
    ),
    (
        "clocksources",
        "/sys/devices/system/clocksource/clocksource0/available_clocksource",
    ),
    ("cpus_online", "/sys/devices/system/cpu/online"),
    ("cpus_isolated", "/sys/devices/system/cpu/isolated"),
    ("cpus_nohz_full", "/sys/devices/system/cpu/nohz_full"),
    ("smt", "/sys/devices/system/cpu/smt/control"),
    ("smt_active", "/sys/devices/system/cpu/smt/active"),
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
        "cpuidle_governor",
        "/sys/devices/system/cpu/cpuidle/current_governor",
    ),
    (
        "transparent_hugepage",
        "/sys/kernel/mm/transparent_hugepage/enabled",
    ),
    (
        "transparent_hugepage_defrag",
        "/sys/kernel/mm/transparent_hugepage/defrag",
    ),
    ("same_page_merging", "/sys/kernel/mm/ksm/run"),
    ("randomize_va_space", "/proc/sys/kernel/randomize_va_space"),
    ("numa_balancing", "/proc/sys/kernel/numa_balancing"),
    ("nmi_watchdog", "/proc/sys/kernel/nmi_watchdog"),
    ("default_smp_affinity", "/proc/irq/default_smp_affinity"),
];

/// Settings that each CPU has separately.
const CPU_SETTINGS: &[(&str, &str)] = &[
    ("scaling_driver", "cpufreq/scaling_driver"),
    ("scaling_governor", "cpufreq/scaling_governor"),
    ("scaling_min_khz", "cpufreq/scaling_min_freq"),
    ("scaling_max_khz", "cpufreq/scaling_max_freq"),
    ("nominal_khz", "cpufreq/base_frequency"),
    ("cpuinfo_max_khz", "cpufreq/cpuinfo_max_freq"),
    ("cpu_boost", "cpufreq/boost"),
    (
        "energy_performance_preference",
        "cpufreq/energy_performance_preference",
    ),
];

/// Values that show how busy the machine was, and with what.
const PASSING: &[(&str, &str)] = &[
    ("load", "/proc/loadavg"),
    ("uptime_s", "/proc/uptime"),
    // The kernel lowers it by itself.
    (
        "perf_event_max_sample_rate",
        "/proc/sys/kernel/perf_event_max_sample_rate",
    ),
];

/// Frequency, power and scheduling settings; absent or empty ones are not listed.
pub fn read(tree: &Tree) -> BTreeMap<String, String> {
    let mut settings = files(tree, SETTINGS);
    let cpus = tree
        .cpus("/sys/devices/system/cpu/online")
        .unwrap_or_default();
    settings.extend(CPU_SETTINGS.iter().filter_map(|(name, file)| {
        let value = of_all(tree, &cpus, file)?;
        Some(((*name).to_owned(), value))
    }));
    settings.extend(idle_states(tree));
    settings
}

/// Load and similar values.
pub fn passing(tree: &Tree) -> BTreeMap<String, String> {
    let mut passing = files(tree, PASSING);
    let meminfo = tree.text("/proc/meminfo").unwrap_or_default();
    let mut lines = meminfo.lines();
    if let Some(free) = lines.find_map(|line| line.strip_prefix("MemAvailable:")) {
        passing.insert("memory_available".into(), free.trim().into());
    }
    passing
}

/// The parameters of all modules whose names begin with kvm.
pub fn kvm_parameters(tree: &Tree) -> BTreeMap<String, String> {
    const MODULES: &str = "/sys/module";
    let modules = tree.names(MODULES).into_iter();
    let modules = modules.filter(|module| module.starts_with("kvm"));
    modules
        .flat_map(|module| {
            let folder = format!("{MODULES}/{module}/parameters");
            let names = tree.names(&folder).into_iter();
            names.filter_map(move |name| {
                let value = tree.text(&format!("{folder}/{name}"))?;
                Some((format!("{module}.{name}"), value))
            })
        })
        .collect()
}

fn files(tree: &Tree, files: &[(&str, &str)]) -> BTreeMap<String, String> {
    files
        .iter()
        .filter_map(|(name, path)| Some(((*name).to_owned(), tree.text(path)?)))
        .filter(|(_, value)| !value.is_empty())
        .collect()
}

/// The value that all CPUs have, or each value with the CPUs that have it: `powersave on 0,1;
/// performance on 2,3`.
fn of_all(tree: &Tree, cpus: &[usize], file: &str) -> Option<String> {
    let mut values: Vec<(String, Vec<String>)> = Vec::new();
    for cpu in cpus {
        let Some(value) = tree.text(&format!("/sys/devices/system/cpu/cpu{cpu}/{file}")) else {
            continue;
        };
        match values.iter_mut().find(|(known, _)| *known == value) {
            Some((_, cpus)) => cpus.push(cpu.to_string()),
            None => values.push((value, vec![cpu.to_string()])),
        }
    }
    match values.as_slice() {
        [] => None,
        [(value, _)] => Some(value.clone()),
        several => {
            let parts = several.iter();
            let parts: Vec<_> = parts
                .map(|(value, cpus)| format!("{value} on {}", cpus.join(",")))
                .collect();
            Some(parts.join("; "))
        }
    }
}

/// The idle states of CPU 0 that are not disabled: `POLL, C1, C6`.
fn idle_states(tree: &Tree) -> Option<(String, String)> {
    let folder = "/sys/devices/system/cpu/cpu0/cpuidle";
    let states = tree.names(folder).into_iter().filter_map(|state| {
        let disabled: u64 = tree.number(&format!("{folder}/{state}/disable"))?;
        let name = tree.text(&format!("{folder}/{state}/name"))?;
        (disabled == 0).then_some(name)
    });
    let states: Vec<_> = states.collect();
    (!states.is_empty()).then(|| ("idle_states".into(), states.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::laid_out;

    #[test]
    fn a_setting_that_all_cpus_share_is_told_once() {
        let cpu = "sys/devices/system/cpu";
        let (_folder, tree) = laid_out(&[
            (format!("{cpu}/online"), "0-2"),
            (format!("{cpu}/isolated"), "\n"),
            (format!("{cpu}/smt/control"), "on"),
            (format!("{cpu}/cpu0/cpufreq/scaling_governor"), "powersave"),
            (
                format!("{cpu}/cpu1/cpufreq/scaling_governor"),
                "performance",
            ),
            (format!("{cpu}/cpu2/cpufreq/scaling_governor"), "powersave"),
            (format!("{cpu}/cpu0/cpufreq/scaling_driver"), "intel_pstate"),
            (format!("{cpu}/cpu1/cpufreq/scaling_driver"), "intel_pstate"),
            (format!("{cpu}/cpu0/cpuidle/state0/name"), "POLL"),
            (format!("{cpu}/cpu0/cpuidle/state0/disable"), "0"),
            (format!("{cpu}/cpu0/cpuidle/state1/name"), "C6"),
            (format!("{cpu}/cpu0/cpuidle/state1/disable"), "1"),
        ]);
        let expected = [
            ("cpus_online", "0-2"),
            ("idle_states", "POLL"),
            ("scaling_driver", "intel_pstate"),
            ("scaling_governor", "powersave on 0,2; performance on 1"),
            ("smt", "on"),
        ];
        let expected = expected.map(|(k, v)| (k.to_owned(), v.to_owned()));
        assert_eq!(read(&tree), BTreeMap::from(expected));
    }

    #[test]
    fn kvms_modules_are_all_asked() {
        let (_folder, tree) = laid_out(&[
            (
                "sys/module/kvm/parameters/halt_poll_ns".to_owned(),
                "200000",
            ),
            ("sys/module/kvm_intel/parameters/ept".to_owned(), "Y"),
            ("sys/module/loop/parameters/max_loop".to_owned(), "8"),
            ("proc/meminfo".to_owned(), "MemAvailable:  5 kB"),
        ]);
        let expected = [("kvm.halt_poll_ns", "200000"), ("kvm_intel.ept", "Y")];
        let expected = expected.map(|(k, v)| (k.to_owned(), v.to_owned()));
        assert_eq!(kvm_parameters(&tree), BTreeMap::from(expected));
        let available = [("memory_available".to_owned(), "5 kB".to_owned())];
        assert_eq!(passing(&tree), BTreeMap::from(available));
    }
}
