//! The checks: each is a function from facts to a finding.

mod background;
mod core;
mod engine;
mod frequency;
mod isolation;
mod kernel;
mod neighbours;
mod noise;
mod power;
mod process;
#[cfg(test)]
mod tests;
mod tracing;
mod tsc;

use eval::verdict::State;

use super::Facts;

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub state: State,
    pub what: String,
    pub fix: Option<String>,
}

/// A check.
pub(super) struct Check {
    /// Its name. docs/DOCTOR.md describes each under it.
    pub name: &'static str,
    /// Judges the facts.
    pub judge: Judge,
    /// The sources of the facts: files, in which `{cpu}` stands for each measuring CPU and `*`
    /// for any name, and instructions or system calls.
    pub reads: &'static [&'static str],
}

type Judge = fn(&Facts) -> Found;

const fn check(name: &'static str, judge: Judge, reads: &'static [&'static str]) -> Check {
    Check { name, judge, reads }
}

/// All checks, in the order in which they are printed.
pub(super) const ALL: &[Check] = &[
    check(
        "engine",
        engine::engine,
        &[
            "/dev/kvm",
            "a few instructions, run by KVM",
            "CPUID 1, 80000001H: vmx, svm",
        ],
    ),
    check("pinning", isolation::pinning, &["the experiment"]),
    check(
        "measuring-cpu",
        isolation::measuring_cpu,
        &[
            "/proc/stat",
            "/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list",
            "/sys/devices/system/cpu/isolated",
            "/sys/devices/system/cpu/nohz_full",
            "/sys/devices/system/node/node*/cpulist",
        ],
    ),
    check(
        "core-type",
        core::core_type,
        &[
            "/sys/devices/cpu_core/cpus",
            "/sys/devices/cpu_atom/cpus",
            "/sys/devices/cpu_lowpower/cpus",
            "CPUID 1AH, 80000026H",
        ],
    ),
    check(
        "hypervisor",
        engine::hypervisor,
        &["CPUID 1, ECX bit 31", "CPUID 40000000H"],
    ),
    check(
        "tsc-invariant",
        tsc::invariant,
        &["CPUID 80000007H, EDX bit 8"],
    ),
    check(
        "tsc-synchronised",
        tsc::synchronised,
        &[
            "RDTSCP on the first measuring CPU and on up to 32 others",
            "/sys/devices/system/clocksource/clocksource0/current_clocksource",
            "/sys/devices/system/clocksource/clocksource0/available_clocksource",
        ],
    ),
    check("tsc-step", tsc::step, &["10,000 readings of RDTSCP"]),
    check(
        "tsc-frequency",
        tsc::frequency,
        &["RDTSCP against CLOCK_MONOTONIC_RAW", "CPUID 15H, 40000010H"],
    ),
    check(
        "frequency-driver",
        frequency::driver,
        &["/sys/devices/system/cpu/cpu{cpu}/cpufreq/scaling_driver"],
    ),
    check(
        "governor",
        frequency::governor,
        &[
            "/sys/devices/system/cpu/cpu{cpu}/cpufreq/scaling_governor",
            "/sys/devices/system/cpu/cpu{cpu}/cpufreq/scaling_min_freq",
            "/sys/devices/system/cpu/cpu{cpu}/cpufreq/scaling_max_freq",
            "chains of multiplications in the noise test",
        ],
    ),
    check(
        "turbo",
        frequency::turbo,
        &[
            "/sys/devices/system/cpu/intel_pstate/no_turbo",
            "/sys/devices/system/cpu/cpufreq/boost",
            "/sys/devices/system/cpu/cpufreq/policy0/boost",
            "/sys/devices/system/cpu/cpu{cpu}/cpufreq/scaling_max_freq",
            "/sys/devices/system/cpu/cpu{cpu}/cpufreq/base_frequency",
            "/sys/devices/system/cpu/cpu{cpu}/acpi_cppc/nominal_freq",
            "/proc/cpuinfo",
        ],
    ),
    check(
        "core-clock",
        core::core_clock,
        &[
            "chains of multiplications and of additions, against the clock",
            "/sys/devices/system/cpu/cpu{cpu}/cpufreq/base_frequency",
            "/sys/devices/system/cpu/cpu{cpu}/acpi_cppc/nominal_freq",
        ],
    ),
    check(
        "throttling",
        power::throttling,
        &[
            "/sys/devices/system/cpu/cpu{cpu}/thermal_throttle/core_throttle_count",
            "/sys/devices/system/cpu/cpu{cpu}/thermal_throttle/package_throttle_count",
            "/sys/class/hwmon/*/temp*_input",
            "/sys/class/hwmon/*/temp*_crit",
        ],
    ),
    check(
        "power",
        power::power,
        &[
            "/sys/class/power_supply/*/type",
            "/sys/class/power_supply/*/online",
            "/sys/class/powercap/*/constraint_*_power_limit_uw",
            "/sys/class/powercap/*/constraint_*_max_power_uw",
        ],
    ),
    check(
        "idle-states",
        frequency::idle_states,
        &[
            "/sys/devices/system/cpu/cpuidle/current_driver",
            "/sys/devices/system/cpu/cpu{cpu}/cpuidle/*/latency",
            "/sys/devices/system/cpu/cpu{cpu}/cpuidle/*/disable",
            "/sys/devices/system/cpu/cpu{cpu}/power/pm_qos_resume_latency_us",
            "/dev/cpu_dma_latency",
        ],
    ),
    check(
        "smt",
        neighbours::smt,
        &[
            "/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list",
            "/proc/stat, before and after the noise test",
        ],
    ),
    check(
        "isolation",
        isolation::isolation,
        &[
            "/sys/devices/system/cpu/isolated",
            "/sys/devices/system/cpu/nohz_full",
            "/sys/fs/cgroup/cpuset.cpus.isolated",
            "/proc/cmdline",
        ],
    ),
    check(
        "background-work",
        background::background_work,
        &[
            "/sys/devices/virtual/workqueue/cpumask",
            "/proc/sys/vm/stat_interval",
        ],
    ),
    check(
        "interrupts",
        isolation::interrupts,
        &[
            "/proc/interrupts, before and after the noise test",
            "/proc/irq/*/effective_affinity_list",
        ],
    ),
    check("services", background::services, &["/proc/*/comm"]),
    check(
        "load",
        neighbours::load,
        &[
            "/proc/stat, before and after the noise test",
            "/proc/*/stat, before and after the noise test",
            "/proc/loadavg",
        ],
    ),
    check(
        "control-group",
        process::control_group,
        &[
            "/proc/self/cgroup",
            "/sys/fs/cgroup, cpu.max of the group and those above",
            "/sys/fs/cgroup, cpu.stat of them, before and after the noise test",
        ],
    ),
    check(
        "steal",
        neighbours::steal,
        &[
            "/proc/stat, before and after the noise test",
            "CPUID 40000001H",
        ],
    ),
    check(
        "smi",
        power::smi,
        &["/dev/cpu/{cpu}/msr, 34H, before and after the noise test"],
    ),
    check(
        "kernel-messages",
        background::messages,
        &["/dev/kmsg, during the noise test"],
    ),
    check(
        "noise",
        noise::noise,
        &[
            "RDTSCP for two seconds on each measuring CPU",
            "/proc/interrupts, before and after the noise test",
            "/proc/thread-self/status, before and after the noise test",
        ],
    ),
    check(
        "clock",
        noise::clock,
        &["chains of multiplications in the noise test"],
    ),
    check("system-calls", kernel::system_calls, &["/proc/self/status"]),
    check(
        "tracing",
        tracing::tracing,
        &[
            "/sys/kernel/tracing/events/raw_syscalls/enable",
            "/sys/kernel/tracing/events/syscalls/enable",
            "/sys/kernel/tracing/current_tracer",
            "bpf(2): BPF_LINK_GET_NEXT_ID, BPF_OBJ_GET_INFO_BY_FD, BPF_TASK_FD_QUERY",
            "descriptors of all processes, in /proc/PID/fd, and what their perf events count",
            "getppid(2), timed against chains of multiplications",
            "/var/lib/tollgate/system-call.json",
        ],
    ),
    check(
        "audit",
        background::audit,
        &[
            "netlink(7): AUDIT_GET, AUDIT_LIST_RULES",
            "/proc/*/comm",
            "/proc/cmdline",
        ],
    ),
    check(
        "security-modules",
        background::modules,
        &[
            "/sys/kernel/security/lsm",
            "/sys/kernel/livepatch/*/enabled",
            "bpf(2): programs on LSM hooks",
        ],
    ),
    check("speculation", process::speculation, &["/proc/self/status"]),
    check(
        "aslr",
        kernel::aslr,
        &["/proc/sys/kernel/randomize_va_space"],
    ),
    check(
        "mitigations",
        kernel::mitigations,
        &["/sys/devices/system/cpu/vulnerabilities/*", "/proc/cmdline"],
    ),
    check(
        "microcode",
        kernel::microcode,
        &[
            "/proc/cpuinfo",
            "/sys/devices/system/cpu/vulnerabilities/old_microcode",
        ],
    ),
];

impl Found {
    fn new(state: State, what: impl Into<String>) -> Self {
        Self {
            state,
            what: what.into(),
            fix: None,
        }
    }

    fn ok(what: impl Into<String>) -> Self {
        Self::new(State::Ok, what)
    }

    fn warning(what: impl Into<String>) -> Self {
        Self::new(State::Warning, what)
    }

    fn unfit(what: impl Into<String>) -> Self {
        Self::new(State::Unfit, what)
    }

    fn unknown(what: impl Into<String>) -> Self {
        Self::new(State::Unknown, what)
    }

    /// The fix, if one is needed.
    fn fix(self, fix: impl Into<String>) -> Self {
        Self {
            fix: (self.state != State::Ok).then(|| fix.into()),
            ..self
        }
    }

    /// The state for a figure that should be small: above `warning` it is a warning, and above
    /// `unfit` it invalidates the numbers.
    fn graded(figure: f64, warning: f64, unfit: f64, what: String) -> Self {
        match figure {
            _ if figure > unfit => Self::unfit(what),
            _ if figure > warning => Self::warning(what),
            _ => Self::ok(what),
        }
    }
}

/// CPUs as the kernel lists them: `1,3`.
fn list(cpus: &[usize]) -> String {
    let numbers: Vec<_> = cpus.iter().map(usize::to_string).collect();
    numbers.join(",")
}

/// The CPUs as part of a sentence.
fn named(cpus: &[usize]) -> String {
    match cpus {
        [cpu] => format!("CPU {cpu}"),
        _ => format!("CPUs {}", list(cpus)),
    }
}
