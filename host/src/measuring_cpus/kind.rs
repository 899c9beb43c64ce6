//! The types of cores in a hybrid processor.
//!
//! CPPC's `highest_perf` does not reveal them: AMD uses it to rank equal cores, from 241 down
//! to 166 on one Ryzen 9.

use std::arch::x86_64::{__cpuid, __cpuid_count};
use std::collections::BTreeMap;
use std::thread;

use crate::cpus;
use crate::tree::Tree;

/// A core's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CoreKind {
    /// The faster kind.
    Performance,
    /// The smaller kind.
    Efficiency,
}

/// Linux has a performance monitoring unit for each type of core of Intel's hybrid processors
/// (arch/x86/events/intel/core.c, `intel_hybrid_pmu_type_map`).
const UNITS: [(&str, CoreKind); 3] = [
    ("cpu_core", CoreKind::Performance),
    ("cpu_atom", CoreKind::Efficiency),
    ("cpu_lowpower", CoreKind::Efficiency),
];

/// The types of these CPUs' cores: from Linux, or else from what `ask` returns for each CPU.
/// Empty if the processor is not hybrid.
pub fn kinds(
    tree: &Tree,
    cpus: &[usize],
    ask: impl Fn(usize) -> Option<CoreKind>,
) -> BTreeMap<usize, CoreKind> {
    let lists = UNITS.iter().filter_map(|(unit, kind)| {
        let cpus = tree.cpus(&format!("/sys/devices/{unit}/cpus"))?;
        Some(cpus.into_iter().map(|cpu| (cpu, *kind)))
    });
    let kinds: BTreeMap<_, _> = lists.flatten().collect();
    if !kinds.is_empty() {
        return kinds;
    }
    let asked = cpus.iter().filter_map(|&cpu| Some((cpu, ask(cpu)?)));
    asked.collect()
}

/// The type from CPUID, executed on that CPU; `None` if the processor is not hybrid.
pub fn by_cpuid(cpu: usize) -> Option<CoreKind> {
    let ask: fn() -> Option<CoreKind> = if is_intel_hybrid() {
        intel
    } else if is_amd_heterogeneous() {
        amd
    } else {
        return None;
    };
    let there = move || cpus::pin_thread(cpu).ok().and_then(|()| ask());
    thread::scope(|scope| scope.spawn(there).join().ok()?)
}

/// CPUID 7, EDX bit 15: "Hybrid" (Intel SDM 2A, CPUID).
fn is_intel_hybrid() -> bool {
    __cpuid(0).eax >= 0x1a && __cpuid(7).edx & 1 << 15 != 0
}

/// CPUID 1AH, EAX bits 31 to 24: the native model's core type (Intel SDM 2A, CPUID).
fn intel() -> Option<CoreKind> {
    match __cpuid(0x1a).eax >> 24 {
        0x20 => Some(CoreKind::Efficiency),
        0x40 => Some(CoreKind::Performance),
        _ => None,
    }
}

const AMD_TOPOLOGY: u32 = 0x8000_0026;

/// CPUID 80000026H, EAX bit 30: "HeterogeneousCores" (AMD APM 3, appendix E).
fn is_amd_heterogeneous() -> bool {
    __cpuid(0x8000_0000).eax >= AMD_TOPOLOGY && __cpuid_count(AMD_TOPOLOGY, 0).eax & 1 << 30 != 0
}

/// CPUID 80000026H, EBX bits 31 to 28: "CoreType" (AMD APM 3, appendix E).
fn amd() -> Option<CoreKind> {
    match __cpuid_count(AMD_TOPOLOGY, 0).ebx >> 28 {
        0 => Some(CoreKind::Performance),
        1 => Some(CoreKind::Efficiency),
        _ => None,
    }
}
