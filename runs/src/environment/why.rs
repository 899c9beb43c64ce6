//! Why a difference matters for numbers.

/// By the beginning of a fact's name; the first match counts, and the order is that of
/// relevance.
const WHY: &[(&str, &str)] = &[
    ("program.", "another benchmark program: check this first"),
    ("method", "the two methods measure different things"),
    (
        "tuned",
        "without --tune, clocks drift, CPUs go to sleep, and interrupts and perf disturb the \
         measurement",
    ),
    (
        "engine.emulated",
        "an emulator's times measure the emulator",
    ),
    (
        "cpu.vendor_id",
        "another processor: numbers cannot be compared",
    ),
    (
        "cpu.cpu family",
        "another processor: numbers cannot be compared",
    ),
    ("cpu.model", "another processor: numbers cannot be compared"),
    (
        "cpu.stepping",
        "other mitigations may be needed, with other costs",
    ),
    (
        "cpu.microcode",
        "it determines the cost of VERW, IBPB and fences, which mitigations use",
    ),
    (
        "vulnerability.",
        "mitigations run at every entry into the kernel and exit from it",
    ),
    (
        "cpu.bugs",
        "the kernel chooses its mitigations according to it",
    ),
    (
        "state.debug_options",
        "a kernel with debugging checks is slower everywhere, including its entry",
    ),
    (
        "state.speculation",
        "this process may pay for mitigations that others do not",
    ),
    (
        "state.audit",
        "with rules, the kernel records each call from its entry on",
    ),
    ("state.live_patches", "patched functions take a detour"),
    (
        "state.preemption",
        "it determines the kernel's checks on exit, and when it can be preempted",
    ),
    ("cmdline", "it contains mitigations= and similar options"),
    (
        "kernel.cmdline",
        "it contains mitigations=, isolcpus=, nohz_full= and similar options",
    ),
    (
        "image.",
        "another kernel: its entry code and configuration may differ",
    ),
    ("release", "another kernel: its entry code may differ"),
    (
        "kernel.release",
        "another kernel of the host: its entry code, scheduler and KVM may differ",
    ),
    (
        "kernel.config",
        "preemption, tick rate and hardening affect the path into the kernel",
    ),
    (
        "syscall_",
        "a refused call takes a different path than an implemented one",
    ),
    (
        "kvm",
        "it determines the cost of the guests' exits and interrupts",
    ),
    (
        "hypervisor",
        "a hypervisor takes CPU time and hides the clock and the neighbours",
    ),
    (
        "engine",
        "it determines the guest's machine and the cost of its exits",
    ),
    (
        "run.throttled",
        "a core that is throttled because of heat measures at another clock",
    ),
    (
        "run.group_throttled",
        "the control group had used up its CPU time, and its processes had to wait",
    ),
    (
        "run.stolen",
        "the hypervisor gave the measuring CPUs to others",
    ),
    (
        "run.kernel_messages",
        "the kernel logged warnings during the boots",
    ),
    (
        "state.core_clock_ghz",
        "the core's clock determines the ticks for the same work",
    ),
    (
        "state.core_types",
        "efficiency cores have another clock, other caches, and another cost of entering the \
         kernel",
    ),
    (
        "setting.scaling_",
        "the core's clock determines the ticks for the same work",
    ),
    (
        "setting.nominal_khz",
        "the core's clock determines the ticks for the same work",
    ),
    (
        "setting.cpuinfo_max_khz",
        "the core's clock determines the ticks for the same work",
    ),
    (
        "setting.energy_",
        "the core's clock determines the ticks for the same work",
    ),
    (
        "setting.intel_no_turbo",
        "turbo's clock depends on temperature and other cores",
    ),
    (
        "setting.boost",
        "turbo's clock depends on temperature and other cores",
    ),
    (
        "setting.cpu_boost",
        "turbo's clock depends on temperature and other cores",
    ),
    (
        "setting.intel_pstate",
        "the core's clock determines the ticks for the same work",
    ),
    (
        "setting.amd_pstate",
        "the core's clock determines the ticks for the same work",
    ),
    ("state.min_perf_pct", "it is the clock's lower limit"),
    (
        "state.max_perf_pct",
        "it limits the clock, whatever the governor requests",
    ),
    (
        "state.hwp_dynamic_boost",
        "the clock rises temporarily after a task has waited",
    ),
    (
        "state.energy_perf_bias",
        "the processor saves power at the cost of its clock",
    ),
    (
        "state.platform_profile",
        "the firmware saves power at the cost of the clock",
    ),
    (
        "state.power_",
        "a lower power limit eventually lowers the clock",
    ),
    (
        "state.group_limit",
        "a control group that has used up its CPU time has to wait",
    ),
    (
        "state.container",
        "containers add seccomp filters, limits and speculation controls",
    ),
    (
        "setting.smt",
        "a busy sibling shares the core's execution units, caches and predictors",
    ),
    (
        "tsc.",
        "a tick has another length: compare nanoseconds or core cycles",
    ),
    (
        "pin",
        "cores differ in siblings, caches, interrupts and speed",
    ),
    (
        "setting.cpus_",
        "on a CPU that is not isolated, the tick and other threads disturb samples",
    ),
    ("setting.cpuidle", "a core that wakes up is slow at first"),
    (
        "state.idle_latencies_us",
        "a core that wakes up is slow at first",
    ),
    (
        "setting.idle_states",
        "a core that wakes up is slow at first",
    ),
    (
        "cpu.flags",
        "kernels choose code according to it: PCID, FSGSBASE, FRED, ERMS and more",
    ),
    (
        "vcpus",
        "a kernel on several CPUs uses other locks and timer ticks",
    ),
    (
        "memory_mib",
        "other page tables and cache behaviour; a small effect",
    ),
    (
        "parameter.",
        "KVM's settings determine how exits, halts and timers are handled",
    ),
    (
        "setting.transparent_hugepage",
        "huge pages avoid TLB misses",
    ),
    (
        "setting.same_page_merging",
        "merged pages cause page faults, which disturb the measurement",
    ),
    (
        "setting.randomize",
        "without it, every boot has the same memory layout",
    ),
    (
        "setting.clocksource",
        "the kernel may no longer use the counter as its clock",
    ),
    (
        "setting.numa",
        "balancing unmaps pages to find out who uses them, and the page faults disturb the \
         measurement",
    ),
    (
        "setting.nmi_watchdog",
        "it interrupts the CPU, and uses a performance counter",
    ),
    (
        "setting.default_smp_affinity",
        "it determines which CPUs devices interrupt",
    ),
    (
        "state.interrupts",
        "it determines which CPUs devices interrupt",
    ),
    (
        "state.workqueue_cpumask",
        "the kernel's own work may come to the measuring CPUs",
    ),
    (
        "state.stat_interval_s",
        "each CPU is interrupted this often to gather statistics",
    ),
    (
        "state.scheduling",
        "another policy or niceness gives the CPU to others sooner or later",
    ),
    (
        "state.security_modules",
        "security modules check opens, maps and signals, but not a call that does nothing",
    ),
    (
        "state.perf_event_paranoid",
        "it determines who may use counters and tracing",
    ),
    (
        "state.limits",
        "the limits on locked memory and stack size affect how memory is mapped",
    ),
    ("state.numa_distances", "memory of another node is slower"),
    (
        "state.tainted",
        "third-party modules, warnings or machine checks since the kernel started",
    ),
    (
        "cache.",
        "the data of a call may no longer fit into the cache",
    ),
    (
        "cpu.cache",
        "the data of a call may no longer fit into the cache",
    ),
    ("cores.", "more cores share power, caches and interrupts"),
    ("node.", "memory of another node is slower"),
    (
        "memory",
        "other page tables and cache behaviour; a small effect",
    ),
    ("kernel.version", "another build of the host's kernel"),
    (
        "firmware.",
        "firmware has its own microcode, power limits and interrupts (SMI)",
    ),
    (
        "cpu.",
        "the kernel chooses its code according to the processor's features",
    ),
    ("experiment", "other targets, boots, rounds or batches"),
    ("guest_bench", "another version of the benchmark program"),
    (
        "tollgate",
        "another version of this tool may boot and measure differently",
    ),
    (
        "system",
        "another system; its kernel and settings are listed separately",
    ),
];

/// Why a fact matters, if that is known, and how much: 0 is the most relevant.
pub fn why(name: &str) -> (usize, Option<&'static str>) {
    let found = WHY.iter().position(|(prefix, _)| name.starts_with(prefix));
    match found.and_then(|at| Some((at, WHY.get(at)?.1))) {
        Some((at, reason)) => (at, Some(reason)),
        None => (WHY.len(), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_that_fits_counts() {
        let rank = |name| why(name).0;
        assert!(rank("cpu.microcode") < rank("cpu.flags"));
        assert!(rank("cpu.flags") < rank("cpu.TLB size"));
        assert!(rank("vulnerability.mds") < rank("setting.boost"));
        assert_eq!(why("kvm").1, why("kvm.").1);
        assert_eq!(why("never heard of"), (WHY.len(), None));
    }

    #[test]
    fn nothing_is_hidden_behind_a_shorter_name() {
        for (at, (prefix, _)) in WHY.iter().enumerate() {
            assert_eq!(why(prefix).0, at, "{prefix}");
        }
    }
}
