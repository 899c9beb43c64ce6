//! cpufreq's policies: groups of CPUs that share a clock, each with its settings.
//!
//! The kernel's admin-guide/pm/cpufreq.rst describes the files.

use std::fmt;

use serde::Serialize;

use super::cpus;
use super::khz::Khz;
use super::sys::{Sys, UNREADABLE, shown, value};
use crate::core_files::{self, Nominal};

/// The folder of the policies.
pub const POLICIES: &str = "/sys/devices/system/cpu/cpufreq";

/// `energy_performance_preference`
pub const EPP: &str = "energy_performance_preference";
/// `scaling_governor`
pub const GOVERNOR: &str = "scaling_governor";
/// `boost`, a policy's own.
pub const BOOST: &str = "boost";
/// `scaling_max_freq`
pub const MAX: &str = "scaling_max_freq";
/// `scaling_min_freq`
pub const MIN: &str = "scaling_min_freq";
/// `scaling_setspeed`
pub const SETSPEED: &str = "scaling_setspeed";
/// All files of a policy that are ever written.
pub const SETTINGS: [&str; 6] = [EPP, GOVERNOR, BOOST, MAX, MIN, SETSPEED];

/// The preference that restores the firmware's value.
pub const DEFAULT_EPP: &str = "default";

/// The driver of a policy's clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Driver {
    /// `intel_pstate`: the processor or the driver chooses.
    IntelPstateActive,
    /// `intel_cpufreq`: intel_pstate under the generic governors.
    IntelPstatePassive,
    /// `amd-pstate-epp`: the processor chooses.
    AmdPstateActive,
    /// `amd-pstate`: under the generic governors.
    AmdPstatePassive,
    /// `amd-pstate`, where the governor sets the minimum and the processor chooses.
    AmdPstateGuided,
    /// `acpi-cpufreq`: the firmware's table of P-states.
    AcpiCpufreq,
    /// Another driver, by its own name.
    Other(String),
}

impl Driver {
    fn named(name: &str, amd_mode: Option<&str>) -> Self {
        match (name, amd_mode) {
            ("intel_pstate", _) => Self::IntelPstateActive,
            ("intel_cpufreq", _) => Self::IntelPstatePassive,
            ("amd-pstate-epp" | "amd_pstate_epp", _) => Self::AmdPstateActive,
            ("amd-pstate" | "amd_pstate", Some("guided")) => Self::AmdPstateGuided,
            ("amd-pstate" | "amd_pstate", _) => Self::AmdPstatePassive,
            ("acpi-cpufreq", _) => Self::AcpiCpufreq,
            _ => Self::Other(name.to_owned()),
        }
    }

    /// Whether the driver has its own governors, under the names of generic ones, and obeys a
    /// preference for energy or performance.
    pub fn is_active(&self) -> bool {
        matches!(self, Self::IntelPstateActive | Self::AmdPstateActive)
    }
}

impl fmt::Display for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::IntelPstateActive => "intel_pstate active",
            Self::IntelPstatePassive => "intel_pstate passive",
            Self::AmdPstateActive => "amd_pstate active",
            Self::AmdPstatePassive => "amd_pstate passive",
            Self::AmdPstateGuided => "amd_pstate guided",
            Self::AcpiCpufreq => "acpi-cpufreq",
            Self::Other(name) => name,
        })
    }
}

/// The highest frequency that all cores can hold, and its source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NonTurbo {
    /// The frequency.
    pub khz: Khz,
    /// The file that contains it.
    pub source: &'static str,
}

impl From<Nominal> for NonTurbo {
    fn from(Nominal { khz, source }: Nominal) -> Self {
        Self {
            khz: Khz(khz),
            source,
        }
    }
}

/// A policy as it was read. Values that the machine does not show are `None`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Policy {
    /// `policy0`
    pub name: String,
    /// Its CPUs that are online.
    pub cpus: Vec<usize>,
    /// What sets its clock.
    pub driver: Driver,
    /// `scaling_governor`
    pub governor: Option<String>,
    /// `scaling_available_governors`
    pub governors: Vec<String>,
    /// `scaling_min_freq`
    pub min: Option<Khz>,
    /// `scaling_max_freq`
    pub max: Option<Khz>,
    /// `bios_limit`: the firmware's current limit (ACPI's _PPC), which only acpi-cpufreq
    /// shows.
    pub bios_limit: Option<Khz>,
    /// The highest of `scaling_available_frequencies`; boost may go beyond it.
    pub table_max: Option<Khz>,
    /// `scaling_available_frequencies`, the highest first; empty if the driver has no table.
    #[serde(skip)]
    pub table: Vec<Khz>,
    /// `scaling_cur_freq`
    pub current: Option<Khz>,
    /// `cpuinfo_min_freq`
    pub hardware_min: Option<Khz>,
    /// `cpuinfo_max_freq`
    pub hardware_max: Option<Khz>,
    /// `scaling_setspeed`, a number only while the governor is `userspace`.
    pub setspeed: Option<String>,
    /// `energy_performance_preference`; also `default` if the kernel does not have a name for
    /// it, so that reading fails (EINVAL: amd_pstate_get_energy_pref_index in amd-pstate.c).
    pub epp: Option<String>,
    /// The policy's own `boost`.
    pub boost: Option<String>,
    /// The maximum non-turbo frequency.
    pub non_turbo: Option<NonTurbo>,
}

impl Policy {
    /// All policies with a CPU online, in the order of their numbers.
    pub fn all(sys: &dyn Sys) -> Vec<Self> {
        let amd_mode = value(sys, "/sys/devices/system/cpu/amd_pstate/status");
        let mut numbers: Vec<usize> = sys
            .names(POLICIES)
            .iter()
            .filter_map(|name| name.strip_prefix("policy")?.parse().ok())
            .collect();
        numbers.sort_unstable();
        numbers
            .into_iter()
            .filter_map(|n| Self::read(sys, &format!("policy{n}"), amd_mode.as_deref()))
            .collect()
    }

    /// `None` for a policy whose CPUs are all offline; its files cannot be read.
    fn read(sys: &dyn Sys, name: &str, amd_mode: Option<&str>) -> Option<Self> {
        let folder = format!("{POLICIES}/{name}");
        let text = |file: &str| value(sys, &format!("{folder}/{file}"));
        let khz = |file: &str| Some(Khz(text(file)?.parse().ok()?));
        let cpus = cpus::parse(&text("affected_cpus")?)?;
        let first = *cpus.first()?;
        let frequencies = core_files::frequencies(&|file| value(sys, file), &folder);
        Some(Self {
            name: name.to_owned(),
            cpus,
            driver: Driver::named(&text("scaling_driver")?, amd_mode),
            governor: text("scaling_governor"),
            governors: words(&text("scaling_available_governors").unwrap_or_default()),
            min: khz("scaling_min_freq"),
            max: khz("scaling_max_freq"),
            bios_limit: khz("bios_limit"),
            table_max: frequencies
                .as_ref()
                .and_then(|all| all.first().copied())
                .map(Khz),
            table: frequencies.into_iter().flatten().map(Khz).collect(),
            current: khz("scaling_cur_freq"),
            hardware_min: khz("cpuinfo_min_freq"),
            hardware_max: khz("cpuinfo_max_freq"),
            setspeed: text("scaling_setspeed"),
            epp: epp(sys, &format!("{POLICIES}/{name}/{EPP}")),
            boost: text("boost"),
            non_turbo: core_files::nominal(&|file| value(sys, file), &folder, first)
                .map(NonTurbo::from),
        })
    }

    /// The limit that is shown when that much is allowed: the next lower entry of the table
    /// (cpufreq_set_policy, with CPUFREQ_RELATION_H).
    pub fn within_table(&self, khz: Khz) -> Khz {
        let below = self.table.iter().find(|&&entry| entry <= khz);
        below.or(self.table.last()).copied().unwrap_or(khz)
    }

    /// The path of one of its files.
    pub fn file(&self, name: &str) -> String {
        format!("{POLICIES}/{}/{name}", self.name)
    }
}

fn epp(sys: &dyn Sys, path: &str) -> Option<String> {
    let now = shown(sys, path)?;
    Some(if now.starts_with(UNREADABLE) {
        DEFAULT_EPP.to_owned()
    } else {
        now
    })
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}
