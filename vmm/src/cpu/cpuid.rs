//! The CPUID that a guest sees: what KVM supports, with the host's own place in its machine
//! replaced by the guest's. docs/BOOT.md lists every change and its reason. Sources: Intel SDM
//! vol. 2, CPUID; AMD APM vol. 3, appendix E; Documentation/virt/kvm/x86/cpuid.rst of the Linux
//! kernel.

use kvm_bindings::{KVM_CPUID_FLAG_SIGNIFCANT_INDEX, kvm_cpuid_entry2};

/// The manufacturer of the CPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vendor {
    /// GenuineIntel.
    Intel,
    /// AuthenticAMD, and HygonGenuine, which follows AMD's manuals.
    Amd,
    /// Another one.
    Other,
}

impl Vendor {
    /// Reads leaf 0.
    pub fn of(entries: &[kvm_cpuid_entry2]) -> Self {
        let leaf = entries.iter().find(|entry| entry.function == 0);
        let name = leaf.map(|e| [e.ebx, e.edx, e.ecx].map(u32::to_le_bytes).concat());
        match name.as_deref() {
            Some(b"GenuineIntel") => Self::Intel,
            Some(b"AuthenticAMD" | b"HygonGenuine") => Self::Amd,
            _ => Self::Other,
        }
    }
}

/// A vCPU's place in its guest: one core of one package, without SMT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Topology {
    /// The vCPU's number, which is its APIC ID.
    pub id: u8,
    /// How many vCPUs the guest has.
    pub cpus: u8,
}

impl Topology {
    /// Bits of an APIC ID that distinguish the cores of a package.
    fn core_bits(self) -> u32 {
        u32::from(self.cpus).next_power_of_two().trailing_zeros()
    }
}

/// Leaf at which KVM's own leaves begin.
const KVM_BASE: u32 = 0x4000_0000;
/// TSC and APIC bus frequency in kHz: a leaf that VMware invented.
const KVM_TIMING: u32 = 0x4000_0010;
/// KVM's local APIC counts nanoseconds.
const APIC_BUS_KHZ: u32 = 1_000_000;

/// `supported`, as the vCPU at `topology` sees it. `tsc_khz` is 0 if it is unknown.
///
/// `host` reads a leaf from the host's own CPU, for the leaves that KVM leaves empty.
pub fn adapt(
    supported: &[kvm_cpuid_entry2],
    topology: Topology,
    tsc_khz: u32,
    host: impl Fn(u32) -> [u32; 4],
) -> Vec<kvm_cpuid_entry2> {
    let vendor = Vendor::of(supported);
    let mut entries: Vec<_> = supported
        .iter()
        .copied()
        .filter(|entry| !matches!(entry.function, 0xb | 0x1f | KVM_TIMING))
        .collect();
    let has_tiles = has_tiles(&entries);
    for entry in &mut entries {
        fill_from_host(entry, &host);
        adapt_leaf(entry, vendor, topology);
        if !has_tiles {
            hide_amx(entry);
        }
    }
    let highest = entries
        .iter()
        .find(|entry| entry.function == 0)
        .map_or(0, |entry| entry.eax);
    if highest >= 0xb {
        entries.extend(extended_topology(topology));
    }
    if tsc_khz != 0 {
        raise_kvm_limit(&mut entries);
        entries.push(timing(tsc_khz));
    }
    entries
}

/// The CPU's name and its L1 caches: KVM does not provide a name, and provides the caches only
/// since Linux 6.2.
fn fill_from_host(entry: &mut kvm_cpuid_entry2, host: impl Fn(u32) -> [u32; 4]) {
    let is_empty = entry.eax | entry.ebx | entry.ecx | entry.edx == 0;
    if is_empty && matches!(entry.function, 0x8000_0002..=0x8000_0005) {
        [entry.eax, entry.ebx, entry.ecx, entry.edx] = host(entry.function);
    }
}

fn adapt_leaf(entry: &mut kvm_cpuid_entry2, vendor: Vendor, topology: Topology) {
    let cpus = u32::from(topology.cpus);
    let id = u32::from(topology.id);
    match entry.function {
        0x1 => {
            // EBX 31-24: initial APIC ID; 23-16: logical processors in the package, valid if
            // EDX 28 is set.
            let processors = if cpus > 1 { cpus } else { 0 };
            entry.ebx = entry.ebx & 0xffff | processors << 16 | id << 24;
            // ECX 15: PDCM, the interface to a performance monitoring unit, which is hidden.
            set_bit(&mut entry.ecx, 15, false);
            // ECX 24: the timer's TSC deadline mode, which KVM's local APIC has.
            set_bit(&mut entry.ecx, 24, true);
            // ECX 31: a hypervisor is present.
            set_bit(&mut entry.ecx, 31, true);
            // EDX 28: EBX 23-16 is valid.
            set_bit(&mut entry.edx, 28, cpus > 1);
        }
        // Cache parameters. EAX 31-26: cores in the package, minus one; 25-14: CPUs that share
        // the cache, minus one, for the last-level cache.
        0x4 if vendor == Vendor::Intel && entry.eax & 0x1f != 0 => {
            let level = entry.eax >> 5 & 0b111;
            let sharing = if level >= 3 { cpus - 1 } else { 0 };
            let cores = (1 << topology.core_bits()) - 1;
            entry.eax = entry.eax & 0x3fff | sharing << 14 | cores << 26;
        }
        // EDX 29: IA32_ARCH_CAPABILITIES, which AMD CPUs do not have.
        0x7 if entry.index == 0 && vendor == Vendor::Amd => set_bit(&mut entry.edx, 29, false),
        // Performance monitoring, of Intel and of AMD: version 0.
        0xa | 0x8000_0022 => clear(entry),
        0x8000_0001 => {
            // ECX 1: CmpLegacy: the package has more than one core.
            if vendor == Vendor::Amd && cpus > 1 {
                set_bit(&mut entry.ecx, 1, true);
            }
            // ECX 23, 24, 28: performance counters of the core, the northbridge, the L2 cache.
            for bit in [23, 24, 28] {
                set_bit(&mut entry.ecx, bit, false);
            }
        }
        // ECX 15-12: bits of an APIC ID for cores; 7-0: cores in the package, minus one.
        0x8000_0008 if vendor == Vendor::Amd => {
            entry.ecx = entry.ecx & !0xf0ff | topology.core_bits() << 12 | (cpus - 1);
        }
        // Cache parameters. EAX 25-14: CPUs that share the cache, minus one, for the last
        // level.
        0x8000_001d if vendor == Vendor::Amd && entry.eax & 0x1f != 0 => {
            let level = entry.eax >> 5 & 0b111;
            let sharing = if level >= 3 { cpus - 1 } else { 0 };
            entry.eax = entry.eax & !(0xfff << 14) | sharing << 14;
        }
        // Memory encryption: for encrypted guests.
        0x8000_001f => clear(entry),
        // EAX: extended APIC ID; EBX 7-0: core ID, 15-8: threads per core, minus one.
        0x8000_001e if vendor == Vendor::Amd => {
            entry.eax = id;
            entry.ebx = id;
            entry.ecx = 0;
            entry.edx = 0;
        }
        _ => {}
    }
}

/// Whether the guest can have AMX's state: leaf 0xd, EAX 17: tile configuration, 18: tile data.
/// It cannot if the process was not granted it ([`super::amx`]).
fn has_tiles(entries: &[kvm_cpuid_entry2]) -> bool {
    let mut states = entries.iter().filter(|e| (e.function, e.index) == (0xd, 0));
    states.any(|entry| entry.eax >> 17 & 0b11 == 0b11)
}

/// Software may use AMX if the CPU has it and its state can be enabled (Intel SDM vol. 1,
/// chapter 18), so without the state it must not be shown.
fn hide_amx(entry: &mut kvm_cpuid_entry2) {
    match (entry.function, entry.index) {
        // EDX 22: BF16, 24: tiles, 25: INT8.
        (0x7, 0) => {
            for bit in [22, 24, 25] {
                set_bit(&mut entry.edx, bit, false);
            }
        }
        // EAX 21: FP16; EDX 8: complex numbers.
        (0x7, 1) => {
            set_bit(&mut entry.eax, 21, false);
            set_bit(&mut entry.edx, 8, false);
        }
        // The state components, the tiles, and their multiplication.
        (0xd, 17 | 18) | (0x1d | 0x1e, _) => clear(entry),
        _ => {}
    }
}

/// Leaf 0xb: one thread per core, all cores in one package.
fn extended_topology(topology: Topology) -> [kvm_cpuid_entry2; 3] {
    const INVALID: u32 = 0;
    const SMT: u32 = 1;
    const CORE: u32 = 2;
    let level = |index: u32, kind: u32, shift: u32, cpus: u32| kvm_cpuid_entry2 {
        function: 0xb,
        index,
        flags: KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
        eax: shift,
        ebx: cpus,
        ecx: kind << 8 | index,
        edx: topology.id.into(),
        ..Default::default()
    };
    [
        level(0, SMT, 0, 1),
        level(1, CORE, topology.core_bits(), topology.cpus.into()),
        level(2, INVALID, 0, 0),
    ]
}

/// Guests read the timing leaf only if leaf 0x40000000 announces it.
fn raise_kvm_limit(entries: &mut [kvm_cpuid_entry2]) {
    for entry in entries
        .iter_mut()
        .filter(|entry| entry.function == KVM_BASE)
    {
        entry.eax = entry.eax.max(KVM_TIMING);
    }
}

fn timing(tsc_khz: u32) -> kvm_cpuid_entry2 {
    kvm_cpuid_entry2 {
        function: KVM_TIMING,
        eax: tsc_khz,
        ebx: APIC_BUS_KHZ,
        ..Default::default()
    }
}

fn set_bit(register: &mut u32, bit: u32, value: bool) {
    *register = *register & !(1 << bit) | u32::from(value) << bit;
}

fn clear(entry: &mut kvm_cpuid_entry2) {
    (entry.eax, entry.ebx, entry.ecx, entry.edx) = (0, 0, 0, 0);
}

#[cfg(test)]
mod tests;
