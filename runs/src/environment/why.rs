//! Why a difference matters for numbers.

/// By the beginning of a fact's name; the first match counts, and the order is that of
/// relevance.
const WHY: &[(&str, &str)] = &[
    ("program.", "another benchmark program: look at this first"),
    ("method", "the two methods measure different things"),
    (
        "tuned",
        "without --tune, clocks drift, CPUs go to sleep, and interrupts and perf disturb",
    ),
    (
        "engine.emulated",
        "an emulator's numbers measure the emulator",
    ),
    ("cpu.vendor_id", "another processor: no number carries over"),
    (
        "cpu.cpu family",
        "another processor: no number carries over",
    ),
    ("cpu.model", "another processor: no number carries over"),
    (
        "cpu.stepping",
        "other mitigations may be needed, with other costs",
    ),
    (
        "cpu.microcode",
        "it decides the cost of VERW, IBPB and fences, which mitigations use",
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
        "a kernel that checks itself is slow everywhere, at its entry too",
    ),
    (
        "state.speculation",
        "this process may pay for mitigations that others do not",
    ),
    (
        "state.audit",
        "with rules, each call is recorded from its entry on",
    ),
    ("state.live_patches", "patched functions take a detour"),
    (
        "state.preemption",
        "it decides what the kernel checks on its way out, and when it lets go of the CPU",
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
        "a refused call takes another path than one that is answered",
    ),
    (
        "kvm",
        "it decides what the guests' exits and interrupts cost",
    ),
    (
        "hypervisor",
        "a hypervisor takes time and hides clock and neighbours",
    ),
    (
        "engine",
        "it decides what the guest finds, and what its exits cost",
    ),
    (
        "run.throttled",
        "a core that slows down for heat runs at another clock while it measures",
    ),
    (
        "run.group_throttled",
        "the control group had used up its time, and everything waited",
    ),
    (
        "run.stolen",
        "the hypervisor gave the measuring CPUs to others",
    ),
    (
        "run.kernel_messages",
        "the kernel complained while boots were made",
    ),
    (
        "state.core_clock_ghz",
        "ticks for the same work follow the core's clock",
    ),
    (
        "state.core_types",
        "efficiency cores have another clock, other caches, and another entry into the kernel",
    ),
    (
        "setting.scaling_",
        "ticks for the same work follow the core's clock",
    ),
    (
        "setting.nominal_khz",
        "ticks for the same work follow the core's clock",
    ),
    (
        "setting.cpuinfo_max_khz",
        "ticks for the same work follow the core's clock",
    ),
    (
        "setting.energy_",
        "ticks for the same work follow the core's clock",
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
        "ticks for the same work follow the core's clock",
    ),
    (
        "setting.amd_pstate",
        "ticks for the same work follow the core's clock",
    ),
    ("state.min_perf_pct", "it bounds the clock from below"),
    (
        "state.max_perf_pct",
        "it bounds the clock, whatever the governor asks for",
    ),
    (
        "state.hwp_dynamic_boost",
        "the clock rises for a while after a task has waited",
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
        "less power is a lower clock, sooner or later",
    ),
    (
        "state.group_limit",
        "a control group that has used up its time waits",
    ),
    (
        "state.container",
        "containers bring seccomp filters, limits and speculation switches",
    ),
    (
        "setting.smt",
        "a busy sibling shares units, caches and predictors of the core",
    ),
    (
        "tsc.",
        "a tick has another length: compare nanoseconds, or core cycles",
    ),
    (
        "pin",
        "cores differ in siblings, caches, interrupts and speed",
    ),
    (
        "setting.cpus_",
        "on a CPU that is not isolated, the tick and other threads disturb samples",
    ),
    ("setting.cpuidle", "a core that was asleep starts slowly"),
    (
        "state.idle_latencies_us",
        "a core that was asleep begins slowly",
    ),
    (
        "setting.idle_states",
        "a core that was asleep starts slowly",
    ),
    (
        "cpu.flags",
        "kernels choose code according to it: PCID, FSGSBASE, FRED, ERMS and more",
    ),
    (
        "vcpus",
        "a kernel on several CPUs uses other locks and other ticks",
    ),
    (
        "memory_mib",
        "other page tables, other cache behaviour; small",
    ),
    (
        "parameter.",
        "KVM's settings decide how exits, halts and timers are handled",
    ),
    (
        "setting.transparent_hugepage",
        "huge pages avoid TLB misses",
    ),
    (
        "setting.same_page_merging",
        "merged pages cost faults, and disturb",
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
        "balancing unmaps pages to see who uses them, and disturbs",
    ),
    (
        "setting.nmi_watchdog",
        "it interrupts, and takes a performance counter",
    ),
    (
        "setting.default_smp_affinity",
        "it decides where devices interrupt",
    ),
    ("state.interrupts", "it decides where devices interrupt"),
    (
        "state.workqueue_cpumask",
        "the kernel's own work may come to the measuring CPUs",
    ),
    (
        "state.stat_interval_s",
        "gathering statistics interrupts each CPU so often",
    ),
    (
        "state.scheduling",
        "another policy or niceness gives the CPU to others sooner or later",
    ),
    (
        "state.security_modules",
        "modules judge opens, maps and signals; a call that does nothing is not their affair",
    ),
    (
        "state.perf_event_paranoid",
        "it decides who may count and trace",
    ),
    (
        "state.limits",
        "what a process may lock and how large its stack is decide how its memory is mapped",
    ),
    ("state.numa_distances", "memory of another node is slower"),
    (
        "state.tainted",
        "modules from elsewhere, warnings or machine checks since the start",
    ),
    ("cache.", "the data of a call may no longer fit"),
    ("cpu.cache", "the data of a call may no longer fit"),
    ("cores.", "more cores share power, caches and interrupts"),
    ("node.", "memory of another node is slower"),
    ("memory", "other page tables, other cache behaviour; small"),
    ("kernel.version", "another build of the host's kernel"),
    (
        "firmware.",
        "firmware has its own microcode, power limits and interrupts (SMI)",
    ),
    (
        "cpu.",
        "the features of the processor decide what the kernel does",
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
