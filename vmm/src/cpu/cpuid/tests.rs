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
fn one_vcpu_is_no_multiprocessor() {
    let host = amd(leaf(1, 0, [0, 0, 0, 1 << 28]));
    let guest = adapt(&host, Topology { id: 0, cpus: 1 }, 0);
    assert_eq!(find(&guest, 1, 0)[3] & 1 << 28, 0);
}

#[test]
fn arch_capabilities_are_hidden_on_amd_only() {
    let one = Topology { id: 0, cpus: 1 };
    let all_ones = leaf(7, 0, [u32::MAX; 4]);
    assert_eq!(find(&adapt(&intel(all_ones), one, 0), 7, 0), [u32::MAX; 4]);
    assert_eq!(find(&adapt(&amd(all_ones), one, 0), 7, 0)[3], !(1 << 29));
}

#[test]
fn the_tsc_frequency_has_its_leaf() {
    let host = amd(leaf(KVM_BASE, 0, [0x4000_0001, 1, 2, 3]));
    let guest = adapt(&host, Topology { id: 0, cpus: 1 }, 3_600_000);
    assert_eq!(find(&guest, KVM_BASE, 0), [KVM_TIMING, 1, 2, 3]);
    assert_eq!(find(&guest, KVM_TIMING, 0), [3_600_000, APIC_BUS_KHZ, 0, 0]);
}

#[test]
fn leaf_b_counts_cores() {
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
