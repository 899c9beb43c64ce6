//! Why a difference matters for numbers.

/// By the beginning of a fact's name; the first that fits counts, and the order is
/// that of relevance.
const WHY: &[(&str, &str)] = &[
    (
        "program.",
        "another benchmark program: nothing else needs to be looked at first",
    ),
    ("method", "the two methods do not count the same"),
    (
        "tuned",
        "without --tune clocks wander, CPUs fall asleep, and interrupts and perf come between",
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
        "other mitigations may be needed, and cost something else",
    ),
    (
        "cpu.microcode",
        "it decides what VERW, IBPB and fences cost, which mitigations are made of",
    ),
    (
        "vulnerability.",
        "mitigations run at every entry into the kernel and exit from it",
    ),
    ("cpu.bugs", "the kernel chooses its mitigations by it"),
    ("cmdline", "mitigations= and the like stand there"),
    (
        "kernel.cmdline",
        "mitigations=, isolcpus=, nohz_full= and the like stand there",
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
        "preemption, tick rate and hardening lie on the way into the kernel",
    ),
    (
        "syscall_",
        "a refused call takes another path than one that is answered",
    ),
    (
        "kvm",
        "what runs the guests decides what their exits and interrupts cost",
    ),
    (
        "hypervisor",
        "a hypervisor takes time and hides clock and neighbours",
    ),
    (
        "engine",
        "what boots the guest decides what it finds, and what its exits cost",
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
    (
        "setting.smt",
        "a busy sibling shares units, caches and predictors of the core",
    ),
    (
        "tsc.",
        "a tick is another time: compare nanoseconds, or core cycles",
    ),
    (
        "pin",
        "cores differ in siblings, caches, interrupts and speed",
    ),
    (
        "setting.cpus_",
        "ticks and other threads fall into samples where a CPU is not isolated",
    ),
    ("setting.cpuidle", "a core that was asleep begins slowly"),
    (
        "setting.idle_states",
        "a core that was asleep begins slowly",
    ),
    (
        "cpu.flags",
        "kernels choose code by it: PCID, FSGSBASE, FRED, ERMS and more",
    ),
    (
        "vcpus",
        "a kernel on several CPUs takes other locks and other ticks",
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
        "huge pages spare misses of the TLB",
    ),
    (
        "setting.same_page_merging",
        "merged pages cost faults, and disturb",
    ),
    (
        "setting.randomize",
        "without it, every boot has the same luck of layout",
    ),
    (
        "setting.clocksource",
        "the kernel may have given the counter up",
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
    ("cache.", "what a call touches may no longer fit"),
    ("cpu.cache", "what a call touches may no longer fit"),
    ("cores.", "more cores share power, caches and interrupts"),
    ("node.", "memory of another node is slower"),
    ("memory", "other page tables, other cache behaviour; small"),
    ("kernel.version", "another build of the host's kernel"),
    (
        "firmware.",
        "firmware brings microcode, power limits and interrupts of its own (SMI)",
    ),
    (
        "cpu.",
        "what the processor offers decides what the kernel does",
    ),
    ("experiment", "other targets, boots, rounds or batches"),
    ("guest_bench", "another version of the benchmark program"),
    (
        "tollgate",
        "another version of this tool may boot and count otherwise",
    ),
    (
        "system",
        "another system; its kernel and settings are listed apart",
    ),
];

/// Why a fact matters, if that is known, and how much: the most relevant have 0.
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
