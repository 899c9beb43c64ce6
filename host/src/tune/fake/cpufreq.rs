//! cpufreq's part of the kernel: what Linux 6.12 does to one setting when another is written.
//! Each rule names the function that it comes from, in drivers/cpufreq.

use rustix::io::Errno;

use super::{CPU, Fake};
use crate::fake::UNREADABLE;
use crate::tune::cpus;

/// A P-core's step (HYBRID_SCALING_FACTOR in intel_pstate.c).
const P_CORE_STEP: u64 = 78_741;

fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or_default()
}

fn is_policy(folder: &str) -> bool {
    folder.starts_with(&format!("{CPU}/cpufreq/policy"))
}

impl Fake {
    /// A limit equal to the hardware's is not a request.
    pub(super) fn take_limits_for_requests(&self) {
        for folder in self.policies() {
            let highest = self.machine.get(&format!("{folder}/cpuinfo_max_freq"));
            let max = format!("{folder}/scaling_max_freq");
            if self.machine.get(&max) == highest {
                self.put(&max, &u64::from(u32::MAX).to_string());
            }
        }
    }

    fn policies(&self) -> Vec<String> {
        let folder = format!("{CPU}/cpufreq");
        let names = super::Sys::names(self, &folder).into_iter();
        let names = names.filter(|name| name.starts_with("policy"));
        names.map(|name| format!("{folder}/{name}")).collect()
    }

    fn cpus_of(&self, folder: &str) -> Vec<usize> {
        let related = self.machine.get(&format!("{folder}/related_cpus"));
        related
            .and_then(|list| cpus::parse(list))
            .unwrap_or_default()
    }

    /// Files of a policy all of whose CPUs are offline: EBUSY (show and store in cpufreq.c).
    pub(super) fn is_inactive(&self, path: &str) -> bool {
        let (folder, _) = split(path);
        let offline = self.offline.borrow();
        is_policy(folder) && self.cpus_of(folder).iter().all(|cpu| offline.contains(cpu))
    }

    fn driver(&self, folder: &str) -> String {
        let driver = self.machine.get(&format!("{folder}/scaling_driver"));
        driver.cloned().unwrap_or_default()
    }

    fn governor(&self, folder: &str) -> String {
        self.get(&format!("{folder}/scaling_governor"))
            .unwrap_or_default()
    }

    fn machines_number(&self, path: &str) -> Option<u64> {
        self.machine.get(path)?.parse().ok()
    }

    /// The highest frequency with turbo.
    fn turbo(&self, folder: &str) -> u64 {
        let number = |name: &str| self.machines_number(&format!("{folder}/{name}"));
        number("amd_pstate_max_freq")
            .or_else(|| number("cpuinfo_max_freq"))
            .unwrap_or(u64::MAX)
    }

    /// The highest one without, which not every machine shows.
    fn non_turbo(&self, folder: &str) -> u64 {
        let number = |name: &str| self.machines_number(&format!("{folder}/{name}"));
        let cpu = self.cpus_of(folder).first().copied().unwrap_or(0);
        let nominal = self.machines_number(&format!("{CPU}/cpu{cpu}/acpi_cppc/nominal_freq"));
        number("base_frequency")
            .or(nominal.filter(|&mhz| mhz > 0).map(|mhz| mhz * 1000))
            .or_else(|| self.non_turbo_by_pstates())
            .unwrap_or_else(|| self.turbo(folder) * 4 / 5)
    }

    /// From the share of P-states that are turbo (show_turbo_pct in intel_pstate.c).
    fn non_turbo_by_pstates(&self) -> Option<u64> {
        let number = |name: &str| self.machines_number(&format!("{CPU}/intel_pstate/{name}"));
        let (states, turbo) = (number("num_pstates")?, number("turbo_pct")?);
        let top = self.turbo(&format!("{CPU}/cpufreq/policy0"));
        Some(top - states * turbo / 100 * 100_000)
    }

    /// `cpuinfo.max_freq` now: __intel_pstate_update_max_freq, amd_pstate_cpu_boost_update,
    /// cppc_cpufreq_set_boost.
    fn hardware_max(&self, folder: &str) -> u64 {
        let file = |path: String| self.get(&path);
        let off = match self.driver(folder).as_str() {
            "intel_pstate" | "intel_cpufreq" => {
                file(format!("{CPU}/intel_pstate/no_turbo")).as_deref() == Some("1")
            }
            "amd-pstate" | "amd-pstate-epp" => {
                file(format!("{folder}/boost")).as_deref() == Some("0")
            }
            "cppc_cpufreq" => file(format!("{CPU}/cpufreq/boost")).as_deref() == Some("0"),
            _ => false,
        };
        if off {
            self.non_turbo(folder)
        } else {
            self.turbo(folder)
        }
    }

    /// A percentage of the turbo frequency, which limits policies in passive mode
    /// (update_qos_request in intel_pstate.c) and the hardware in active mode
    /// (intel_pstate_update_perf_limits).
    fn percent(&self, folder: &str, name: &str) -> Option<u64> {
        let percent = self.number(&format!("{CPU}/intel_pstate/{name}"))?;
        Some((self.turbo(folder) * percent).div_ceil(100))
    }

    /// `policy->max`: the strictest request, within what the driver allows
    /// (cpufreq_set_policy).
    fn max(&self, folder: &str) -> u64 {
        let asked = self.number(&format!("{folder}/scaling_max_freq"));
        let asked = self.rounded(asked.unwrap_or(u64::MAX));
        let passive = self.driver(folder) == "intel_cpufreq";
        let percent = self.percent(folder, "max_perf_pct").filter(|_| passive);
        asked
            .min(self.hardware_max(folder))
            .min(self.clamped.get().unwrap_or(u64::MAX))
            .min(percent.unwrap_or(u64::MAX))
            .min(self.highest_of_table(folder))
    }

    fn highest_of_table(&self, folder: &str) -> u64 {
        let table = self
            .machine
            .get(&format!("{folder}/scaling_available_frequencies"));
        let words = table.map(|table| table.split_whitespace());
        let numbers = words
            .into_iter()
            .flatten()
            .filter_map(|word| word.parse().ok());
        numbers.max().unwrap_or(u64::MAX)
    }

    /// `policy->min`, never above the maximum.
    fn min(&self, folder: &str) -> u64 {
        let asked = self.number(&format!("{folder}/scaling_min_freq"));
        let lowest = self.machines_number(&format!("{folder}/cpuinfo_min_freq"));
        let passive = self.driver(folder) == "intel_cpufreq";
        let percent = self.percent(folder, "min_perf_pct").filter(|_| passive);
        self.rounded(asked.unwrap_or(0))
            .max(lowest.unwrap_or(0))
            .max(percent.unwrap_or(0))
            .min(self.max(folder))
    }

    fn rounded(&self, khz: u64) -> u64 {
        let (from, to) = self.rounded.get();
        if khz == from { to } else { khz }
    }

    /// `policy->cur` under the `userspace` governor: what was set, within the limits
    /// (cpufreq_userspace_policy_limits), in the driver's steps (intel_cpufreq_target).
    fn current(&self, folder: &str) -> u64 {
        let set = self.number(&format!("{folder}/scaling_setspeed"));
        let khz = set.unwrap_or(0).clamp(self.min(folder), self.max(folder));
        if self.is_p_core(folder) {
            khz.div_ceil(P_CORE_STEP) * P_CORE_STEP
        } else {
            khz
        }
    }

    fn is_p_core(&self, folder: &str) -> bool {
        let cores = self.machine.get("/sys/devices/cpu_core/cpus");
        let cores = cores.and_then(|list| cpus::parse(list)).unwrap_or_default();
        self.cpus_of(folder).iter().all(|cpu| cores.contains(cpu))
    }

    pub(super) fn read_cpufreq(&self, path: &str) -> Option<String> {
        let (folder, name) = split(path);
        if path == "/sys/class/thermal/cooling_device0/cur_state" {
            let hot = self.clamped.get().is_some();
            return Some(u32::from(hot).to_string());
        }
        if !is_policy(folder) {
            return None;
        }
        match name {
            "bios_limit" => Some(self.clamped.get()?.to_string()),
            "cpuinfo_max_freq" => Some(self.hardware_max(folder).to_string()),
            "scaling_max_freq" => Some(self.max(folder).to_string()),
            "scaling_min_freq" => Some(self.min(folder).to_string()),
            "scaling_setspeed" if self.governor(folder) == "userspace" => {
                Some(self.current(folder).to_string())
            }
            "scaling_setspeed" => Some("<unsupported>".into()),
            "affected_cpus" => {
                let offline = self.offline.borrow();
                let cpus = self.cpus_of(folder).into_iter();
                let cpus = cpus.filter(|cpu| !offline.contains(cpu));
                Some(
                    cpus.map(|cpu| cpu.to_string())
                        .collect::<Vec<_>>()
                        .join(" "),
                )
            }
            _ => None,
        }
    }

    /// A core's clock: its governor's choice, and turbo unless it is forbidden.
    pub(super) fn runs_at(&self, cpu: usize) -> Option<u64> {
        let mut policies = self.policies().into_iter();
        let folder = &policies.find(|folder| self.cpus_of(folder).contains(&cpu))?;
        let active = matches!(
            self.driver(folder).as_str(),
            "intel_pstate" | "amd-pstate-epp"
        );
        let khz = match self.governor(folder).as_str() {
            "performance" => self.max(folder),
            "userspace" => self.current(folder),
            _ => self.machines_number(&format!("{folder}/scaling_cur_freq"))?,
        };
        let percent = self.percent(folder, "max_perf_pct").filter(|_| active);
        let khz = khz.min(percent.unwrap_or(u64::MAX));
        let boosts = self.get(&format!("{CPU}/cpufreq/boost")).as_deref() == Some("1");
        Some(match self.driver(folder).as_str() {
            // Beyond the table, or in its entry for the whole turbo range.
            "acpi-cpufreq" if boosts && khz == self.highest_of_table(folder) => {
                self.turbo(folder) + 500_000
            }
            "intel_pstate" if self.is_p_core(folder) => khz.div_ceil(P_CORE_STEP) * P_CORE_STEP,
            _ => khz,
        })
    }

    /// Whether the kernel takes the value.
    pub(super) fn check_cpufreq(&self, path: &str, value: &str) -> Result<(), Errno> {
        let (folder, name) = split(path);
        let beside = |name: &str| self.get(&format!("{folder}/{name}")).unwrap_or_default();
        let is_valid = match name {
            "scaling_governor" => beside("scaling_available_governors")
                .split(' ')
                .any(|governor| governor == value),
            "energy_performance_preference" => return self.check_epp(folder, value),
            // Older kernels refuse limits that cross.
            "scaling_max_freq" => value
                .parse::<u64>()
                .is_ok_and(|khz| khz >= self.min(folder)),
            "scaling_min_freq" => value
                .parse::<u64>()
                .is_ok_and(|khz| khz <= self.max(folder)),
            "scaling_setspeed" => self.governor(folder) == "userspace",
            // For every value, including 0 (store_local_boost).
            "boost" if is_policy(folder) => {
                self.get(&format!("{CPU}/cpufreq/boost")).as_deref() != Some("0")
            }
            _ => true,
        };
        if is_valid { Ok(()) } else { Err(Errno::INVAL) }
    }

    /// Under `performance`, every value except 0 is refused (intel_pstate_set_energy_pref_index,
    /// amd_pstate_set_energy_pref_index), and on Meteor Lake `performance` is not 0.
    fn check_epp(&self, folder: &str, value: &str) -> Result<(), Errno> {
        let names = [
            "default",
            "performance",
            "balance_performance",
            "balance_power",
            "power",
        ];
        if !names.contains(&value) {
            return Err(Errno::INVAL);
        }
        let is_zero = value == "performance" && self.forced_epp(folder) == "performance";
        match self.is_active(folder) && self.governor(folder) == "performance" && !is_zero {
            true => Err(Errno::BUSY),
            false => Ok(()),
        }
    }

    fn is_active(&self, folder: &str) -> bool {
        matches!(
            self.driver(folder).as_str(),
            "intel_pstate" | "amd-pstate-epp"
        )
    }

    /// The text for a preference of 0 (intel_epp_default, show_energy_performance_preference).
    fn forced_epp(&self, folder: &str) -> &'static str {
        let cpuinfo = self.machine.get("/proc/cpuinfo");
        let is_meteor_lake = cpuinfo.is_some_and(|text| text.contains("model\t\t: 170\n"));
        match is_meteor_lake && self.driver(folder) == "intel_pstate" {
            true => "default",
            false => "performance",
        }
    }

    pub(super) fn take_cpufreq(&self, path: &str, value: &str) {
        let (folder, name) = split(path);
        match name {
            "scaling_governor" => return self.take_governor(folder, value),
            "energy_performance_preference" if value == "default" => {
                // The firmware's value.
                let firmware = match self.machine.get(path).map(String::as_str) {
                    Some(UNREADABLE) => UNREADABLE,
                    _ => "balance_performance",
                };
                return self.put(path, firmware);
            }
            "boost" if !is_policy(folder) => return self.take_boost(value),
            _ => {}
        }
        let percent = |name: &str| self.number(&format!("{folder}/{name}")).unwrap_or(0);
        let value: String = match (name, value.parse::<u64>()) {
            // store_min_perf_pct, store_max_perf_pct
            ("min_perf_pct", Ok(asked)) => asked.min(percent("max_perf_pct")).to_string(),
            ("max_perf_pct", Ok(asked)) => asked.clamp(percent("min_perf_pct"), 100).to_string(),
            _ => value.to_owned(),
        };
        self.put(path, &value);
        if name == "no_turbo" && value == "1" {
            // "Squash the global minimum into the permitted range" (store_no_turbo)
            let policy = format!("{CPU}/cpufreq/policy0");
            let highest = self.non_turbo(&policy) * 100 / self.turbo(&policy);
            let min = percent("min_perf_pct").min(highest);
            self.put(&format!("{folder}/min_perf_pct"), &min.to_string());
        }
    }

    fn take_governor(&self, folder: &str, value: &str) {
        let was = self.governor(folder);
        self.put(&format!("{folder}/scaling_governor"), value);
        if was == value {
            return;
        }
        let epp = format!("{folder}/energy_performance_preference");
        let mut saved = self.saved_epp.borrow_mut();
        match (self.driver(folder).as_str(), value) {
            // intel_pstate_hwp_set: forced, and given back with the governor.
            ("intel_pstate", "performance") => {
                saved.extend(self.get(&epp).map(|now| (folder.to_owned(), now)));
                self.put(&epp, self.forced_epp(folder));
            }
            ("intel_pstate", _) => {
                let back = saved.remove(folder);
                if self.get(&epp).as_deref() == Some(self.forced_epp(folder)) {
                    back.iter().for_each(|back| self.put(&epp, back));
                }
            }
            // amd_pstate_epp_update_limit: forced, and stays so.
            ("amd-pstate-epp", "performance") => self.put(&epp, "performance"),
            _ => {}
        }
        if value == "userspace" {
            // The clock that the core happens to have (cpufreq_userspace_policy_start).
            let now = self.machine.get(&format!("{folder}/scaling_cur_freq"));
            now.iter()
                .for_each(|now| self.put(&format!("{folder}/scaling_setspeed"), now));
        }
    }

    /// cpufreq_boost_trigger_state
    fn take_boost(&self, value: &str) {
        let global = format!("{CPU}/cpufreq/boost");
        if self.get(&global).as_deref() == Some(value) {
            return;
        }
        self.put(&global, value);
        for folder in self.policies() {
            let own = format!("{folder}/boost");
            if !self.is_inactive(&own) {
                self.put(&own, value);
            }
            if self.driver(&folder) == "cppc_cpufreq" {
                let max = self.hardware_max(&folder).to_string();
                self.put(&format!("{folder}/scaling_max_freq"), &max);
            }
        }
    }

    /// amd_pstate_epp_cpu_offline sets the preference; other CPUs of the policy keep it.
    pub(super) fn policy_goes(&self, cpu: usize) {
        for folder in self.policies_of_only(cpu) {
            if self.driver(&folder) == "amd-pstate-epp" {
                self.put(
                    &format!("{folder}/energy_performance_preference"),
                    "balance_power",
                );
            }
        }
    }

    /// The policy begins with the default governor: kernels before 6.12 and governors that are
    /// modules do not come back (cpufreq_init_policy).
    pub(super) fn policy_comes(&self, cpu: usize) {
        for folder in self.policies_of_only(cpu) {
            let governors = self
                .machine
                .get(&format!("{folder}/scaling_available_governors"));
            let first = governors.and_then(|list| list.split(' ').next());
            self.take_governor(&folder, first.unwrap_or("performance"));
            let is_forced = self.governor(&folder) == "performance";
            if is_forced && self.driver(&folder) == "amd-pstate-epp" {
                self.put(
                    &format!("{folder}/energy_performance_preference"),
                    "performance",
                );
            }
        }
    }

    fn policies_of_only(&self, cpu: usize) -> Vec<String> {
        let mut policies = self.policies();
        policies.retain(|folder| {
            let offline = self.offline.borrow();
            let cpus = self.cpus_of(folder);
            let mut others = cpus.iter().filter(|&&other| other != cpu);
            cpus.contains(&cpu) && others.all(|other| offline.contains(other))
        });
        policies
    }
}
