//! What Linux shows about a core's threads, clock and turbo: the only reader of each of these
//! files, shared by `doctor`, `tune` and the choice of CPUs.

use crate::cpus;

/// `1` keeps intel_pstate out of the turbo range.
pub const NO_TURBO: &str = "/sys/devices/system/cpu/intel_pstate/no_turbo";
/// `0` turns the boost of all other drivers off.
pub const BOOST: &str = "/sys/devices/system/cpu/cpufreq/boost";
/// The first policy's own `boost`, for drivers without the common one.
const POLICY_BOOST: &str = "/sys/devices/system/cpu/cpufreq/policy0/boost";

/// Returns what a file holds; `None` if it is absent, empty or cannot be read.
pub type Text<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The hardware threads of a CPU's core, that CPU included.
pub fn threads(text: Text, cpu: usize) -> Option<Vec<usize>> {
    cpus::parse_list(&threads_as_shown(text, cpu)?).ok()
}

/// The same as Linux writes it.
pub fn threads_as_shown(text: Text, cpu: usize) -> Option<String> {
    text(&format!(
        "/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list"
    ))
}

/// The other hardware threads of a CPU's core.
pub fn siblings(text: Text, cpu: usize) -> Option<Vec<usize>> {
    let threads = threads(text, cpu)?.into_iter();
    Some(threads.filter(|&other| other != cpu).collect())
}

/// A driver's switch for turbo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TurboSwitch {
    /// Whether turbo is on.
    pub is_on: bool,
    /// Its file.
    pub file: &'static str,
}

/// The switch for turbo; each driver has its own.
pub fn turbo(text: Text) -> Option<TurboSwitch> {
    let set = |file: &str| text(file)?.parse::<u8>().ok().map(|value| value != 0);
    let switch = |file, on| {
        let is_on = set(file)? == on;
        Some(TurboSwitch { is_on, file })
    };
    switch(NO_TURBO, false)
        .or_else(|| switch(BOOST, true))
        .or_else(|| switch(POLICY_BOOST, true))
}

/// The highest frequency without turbo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nominal {
    /// In kHz.
    pub khz: u64,
    /// The file that shows it, below the policy or the CPU.
    pub source: &'static str,
}

/// The highest frequency without turbo, from the best source that a policy has:
///
/// - `base_frequency` (intel_pstate with HWP): "any frequency above this will be in the turbo
///   frequency range" (intel_pstate.rst);
/// - `scaling_available_frequencies` (acpi-cpufreq): the whole turbo range is one entry, 1 MHz
///   above the highest other one (the same document, on `_PSS`). Frequencies of AMD's boost
///   are not in the list at all;
/// - `nominal_freq` (amd_pstate): the level that all cores can hold at once, in MHz
///   (admin-guide/acpi/cppc_sysfs.rst). It is 0 if the firmware does not provide it.
pub fn nominal(text: Text, policy: &str, cpu: usize) -> Option<Nominal> {
    const TURBO_STEP: u64 = 1000;
    let number = |file: String| text(&file)?.parse::<u64>().ok().filter(|&n| n > 0);
    let base = || {
        let khz = number(format!("{policy}/base_frequency"))?;
        Some((khz, "base_frequency"))
    };
    let listed = || {
        let khz = match *frequencies(text, policy)? {
            [turbo, next, ..] if turbo == next + TURBO_STEP => next,
            [top, ..] => top,
            [] => return None,
        };
        Some((khz, "scaling_available_frequencies"))
    };
    let cppc = || {
        let file = format!("/sys/devices/system/cpu/cpu{cpu}/acpi_cppc/nominal_freq");
        Some((number(file)?.checked_mul(1000)?, "acpi_cppc/nominal_freq"))
    };
    let (khz, source) = base().or_else(listed).or_else(cppc)?;
    Some(Nominal { khz, source })
}

/// The frequencies that a policy lists, in kHz, the highest first.
pub fn frequencies(text: Text, policy: &str) -> Option<Vec<u64>> {
    let available = text(&format!("{policy}/scaling_available_frequencies"))?;
    let words = available.split_whitespace();
    let mut frequencies: Vec<u64> = words.filter_map(|word| word.parse().ok()).collect();
    frequencies.sort_unstable_by(|a, b| b.cmp(a));
    Some(frequencies)
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: &str = "/sys/devices/system/cpu/cpufreq/policy3";
    const CPPC: &str = "/sys/devices/system/cpu/cpu3/acpi_cppc/nominal_freq";

    fn of(files: &[(String, &str)]) -> Option<(u64, &'static str)> {
        let text = |path: &str| {
            let found = files.iter().find(|(file, _)| file == path);
            found.map(|(_, text)| (*text).to_owned())
        };
        nominal(&text, POLICY, 3).map(|found| (found.khz, found.source))
    }

    #[test]
    fn the_turbo_range_is_one_entry_a_megahertz_above_the_rest() {
        let listed = |list| {
            let file = format!("{POLICY}/scaling_available_frequencies");
            of(&[(file, list)]).map(|(khz, _)| khz)
        };
        assert_eq!(listed("2301000 2300000 1200000"), Some(2_300_000));
        assert_eq!(listed("1200000 2300000 2301000"), Some(2_300_000));
        assert_eq!(listed("2800000 2400000"), Some(2_800_000));
        assert_eq!(listed("2800000"), Some(2_800_000));
        assert_eq!(listed("<unknown>"), None);
    }

    #[test]
    fn the_best_source_wins() {
        let base = (format!("{POLICY}/base_frequency"), "1");
        let listed = (format!("{POLICY}/scaling_available_frequencies"), "2");
        let cppc = (CPPC.to_owned(), "3");
        let all = [base, listed, cppc];
        assert_eq!(of(&all), Some((1, "base_frequency")));
        assert_eq!(of(&all[1..]), Some((2, "scaling_available_frequencies")));
        assert_eq!(of(&all[2..]), Some((3000, "acpi_cppc/nominal_freq")));
        assert_eq!(of(&[]), None);
    }

    #[test]
    fn firmware_may_leave_the_nominal_frequency_out() {
        assert_eq!(of(&[(CPPC.to_owned(), "0")]), None);
    }

    #[test]
    fn each_driver_has_its_own_switch_for_turbo() {
        let with = |file: &'static str, value: &'static str| {
            turbo(&move |path| (path == file).then(|| value.to_owned()))
        };
        assert_eq!(with(NO_TURBO, "1").map(|turbo| turbo.is_on), Some(false));
        assert_eq!(with(NO_TURBO, "0").map(|turbo| turbo.is_on), Some(true));
        assert_eq!(with(BOOST, "0").map(|turbo| turbo.is_on), Some(false));
        assert_eq!(with(POLICY_BOOST, "1").map(|turbo| turbo.is_on), Some(true));
        assert_eq!(with("/sys/other", "1"), None);
    }
}
