use proptest::prelude::*;

use super::*;

fn adapt(host: &[kvm_cpuid_entry2], topology: Topology, tsc_khz: u32) -> Vec<kvm_cpuid_entry2> {
    super::adapt(host, topology, tsc_khz, |leaf| [leaf, 1, 2, 3])
}

fn leaf(function: u32, index: u32, registers: [u32; 4]) -> kvm_cpuid_entry2 {
    let [eax, ebx, ecx, edx] = registers;
    kvm_cpuid_entry2 {
        function,
        index,
        eax,
        ebx,
        ecx,
        edx,
        ..Default::default()
    }
}

fn vendor_leaf(name: &[u8; 12]) -> kvm_cpuid_entry2 {
    let word = |at: usize| u32::from_le_bytes([name[at], name[at + 1], name[at + 2], name[at + 3]]);
    leaf(0, 0, [0x1f, word(0), word(8), word(4)])
}

fn amd(leaf: kvm_cpuid_entry2) -> [kvm_cpuid_entry2; 2] {
    [vendor_leaf(b"AuthenticAMD"), leaf]
}

fn intel(leaf: kvm_cpuid_entry2) -> [kvm_cpuid_entry2; 2] {
    [vendor_leaf(b"GenuineIntel"), leaf]
}

fn find(entries: &[kvm_cpuid_entry2], function: u32, index: u32) -> [u32; 4] {
    let entry = entries
        .iter()
        .find(|e| (e.function, e.index) == (function, index))
        .unwrap();
    [entry.eax, entry.ebx, entry.ecx, entry.edx]
}

#[test]
fn leaf_1_names_the_vcpu_and_its_hypervisor() {
    let host = intel(leaf(1, 0, [0x906ed, 0x0c10_0800, 0, 0]));
    let guest = adapt(&host, Topology { id: 3, cpus: 4 }, 0);
    assert_eq!(
        find(&guest, 1, 0),
        [0x906ed, 0x0304_0800, 1 << 31 | 1 << 24, 1 << 28]
    );
}

#[test]
fn one_vcpu_is_not_a_multiprocessor() {
    let host = amd(leaf(1, 0, [0, 0, 0, 1 << 28]));
    let guest = adapt(&host, Topology { id: 0, cpus: 1 }, 0);
    assert_eq!(find(&guest, 1, 0)[3] & 1 << 28, 0);
}

#[test]
fn arch_capabilities_are_hidden_on_amd_only() {
    let one = Topology { id: 0, cpus: 1 };
    let has_them = leaf(7, 0, [0, 0, 0, 1 << 29 | 1 << 26]);
    let shown = |host: &[_]| find(&adapt(host, one, 0), 7, 0)[3];
    assert_eq!(shown(&intel(has_them)), 1 << 29 | 1 << 26);
    assert_eq!(shown(&amd(has_them)), 1 << 26);
}

/// AMX on a Xeon of the fourth generation, and the other fields of the same leaves.
fn sapphire_rapids() -> Vec<kvm_cpuid_entry2> {
    vec![
        vendor_leaf(b"GenuineIntel"),
        leaf(0x7, 0, [2, 0xf3bf_bffb, 0xfb41_7ffe, 0xffdd_4432]),
        leaf(0x7, 1, [0x0000_1c30, 0, 0, 0]),
        leaf(0xd, 0, [0x0006_02e7, 0x2b00, 0x2b00, 0]),
        leaf(0xd, 17, [0x40, 0xac0, 2, 0]),
        leaf(0xd, 18, [0x2000, 0xb00, 6, 0]),
        leaf(0x1d, 0, [1, 0, 0, 0]),
        leaf(0x1d, 1, [0x0400_2000, 0x0008_0040, 0x10, 0]),
        leaf(0x1e, 0, [0, 0x4010, 0, 0]),
    ]
}

#[test]
fn amx_is_shown_if_the_process_may_use_it() {
    let host = sapphire_rapids();
    let guest = adapt(&host, Topology { id: 0, cpus: 1 }, 0);
    for entry in &host[1..] {
        let (function, index) = (entry.function, entry.index);
        let registers = [entry.eax, entry.ebx, entry.ecx, entry.edx];
        let seen = find(&guest, function, index);
        assert_eq!(seen, registers, "{function:#x}/{index}");
    }
}

/// KVM's answer if the process has not requested AMX, or was refused.
#[test]
fn amx_without_its_state_is_hidden() {
    let mut host = sapphire_rapids();
    host.retain(|entry| (entry.function, entry.index) != (0xd, 18));
    host[3].eax = 0x0000_02e7;
    let guest = adapt(&host, Topology { id: 0, cpus: 1 }, 0);
    let [eax, ebx, ecx, edx] = find(&guest, 0x7, 0);
    assert_eq!([eax, ebx, ecx], [2, 0xf3bf_bffb, 0xfb41_7ffe]);
    assert_eq!(edx, 0xffdd_4432 & !(1 << 22 | 1 << 24 | 1 << 25));
    assert_eq!(find(&guest, 0xd, 0)[0], 0x2e7);
    for (function, index) in [(0xd, 17), (0x1d, 0), (0x1d, 1), (0x1e, 0)] {
        assert_eq!(find(&guest, function, index), [0; 4]);
    }
}

/// SME, SEV, SEV-ES, SEV-SNP and their encryption bit, on an EPYC of the third generation.
#[test]
fn memory_encryption_is_hidden_from_plain_guests() {
    let one = Topology { id: 0, cpus: 1 };
    let host = amd(leaf(
        0x8000_001f,
        0,
        [0x0001_780f, 0x0000_0173, 0x0000_01fd, 0x0000_0001],
    ));
    assert_eq!(find(&adapt(&host, one, 0), 0x8000_001f, 0), [0; 4]);
}

#[test]
fn the_tsc_frequency_has_its_leaf() {
    let host = amd(leaf(KVM_BASE, 0, [0x4000_0001, 1, 2, 3]));
    let guest = adapt(&host, Topology { id: 0, cpus: 1 }, 3_600_000);
    assert_eq!(find(&guest, KVM_BASE, 0), [KVM_TIMING, 1, 2, 3]);
    assert_eq!(find(&guest, KVM_TIMING, 0), [3_600_000, APIC_BUS_KHZ, 0, 0]);
}

#[test]
fn leaf_b_describes_the_cores() {
    let guest = adapt(&amd(leaf(1, 0, [0; 4])), Topology { id: 2, cpus: 3 }, 0);
    assert_eq!(find(&guest, 0xb, 0), [0, 1, 0x100, 2]);
    assert_eq!(find(&guest, 0xb, 1), [2, 3, 0x201, 2]);
    assert_eq!(find(&guest, 0xb, 2), [0, 0, 2, 2]);
}

#[test]
fn amd_cores_are_counted_and_named() {
    let four = Topology { id: 3, cpus: 4 };
    let guest = adapt(&amd(leaf(0x8000_0008, 0, [1, 2, 0x7f7f, 4])), four, 0);
    assert_eq!(
        find(&guest, 0x8000_0008, 0),
        [1, 2, 0x2f03 & !0x0f00 | 0x0f00, 4]
    );
    let guest = adapt(&amd(leaf(0x8000_001e, 0, [9; 4])), four, 0);
    assert_eq!(find(&guest, 0x8000_001e, 0), [3, 3, 0, 0]);
}

#[test]
fn a_name_that_kvm_does_not_give_is_the_hosts() {
    let one = Topology { id: 0, cpus: 1 };
    let guest = adapt(&amd(leaf(0x8000_0002, 0, [0; 4])), one, 0);
    assert_eq!(find(&guest, 0x8000_0002, 0), [0x8000_0002, 1, 2, 3]);
    let guest = adapt(&amd(leaf(0x8000_0002, 0, [9; 4])), one, 0);
    assert_eq!(find(&guest, 0x8000_0002, 0), [9; 4]);
}

#[test]
fn performance_monitoring_is_hidden() {
    let one = Topology { id: 0, cpus: 1 };
    let guest = adapt(&intel(leaf(0xa, 0, [0x0830_0805, 0, 0xf, 0x8604])), one, 0);
    assert_eq!(find(&guest, 0xa, 0), [0; 4]);
}

proptest! {
    #[test]
    fn leaves_without_a_place_in_the_machine_pass_unchanged(
        function in prop_oneof![2u32..4, 5u32..7, 0xdu32..0xf, 0x8000_0006u32..0x8000_0008],
        registers in any::<[u32; 4]>(),
        cpus in 1u8..=254,
    ) {
        let guest = adapt(&amd(leaf(function, 0, registers)), Topology { id: 0, cpus }, 1);
        prop_assert_eq!(find(&guest, function, 0), registers);
    }

    #[test]
    fn no_host_cpuid_panics(
        leaves in proptest::collection::vec((any::<u8>(), 0u32..4, any::<[u32; 4]>()), 0..40),
        cpus in 1u8..=254,
        tsc_khz in any::<u32>(),
    ) {
        let ranges = [0, 0x4000_0000, 0x8000_0000];
        let host: Vec<_> = leaves
            .into_iter()
            .map(|(n, index, r)| leaf(ranges[n as usize % 3] + u32::from(n) / 3, index, r))
            .collect();
        adapt(&host, Topology { id: cpus - 1, cpus }, tsc_khz);
    }
}
