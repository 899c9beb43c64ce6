//! The time stamp counter: its frequency from CPUID, and its step.

/// EAX, EBX, ECX and EDX of one leaf of CPUID (subleaf 0).
pub type Leaf = [u32; 4];

/// Ticks per second, rounded down; `None` if CPUID does not provide them.
///
/// In a virtual machine the hypervisor's leaf 40000010H comes first (kHz in EAX, as VMware
/// defined it and QEMU has it for KVM). Leaf 15H describes the processor (Intel SDM 2A, CPUID:
/// the crystal's frequency in ECX, times EBX over EAX), and a hypervisor that scales the
/// counter (Intel SDM 3C, "Use TSC scaling") may pass it on unchanged. Leaves from 40000000H to
/// 4FFFFFFFH never belong to the processor.
pub fn tsc_hz(cpuid: impl Fn(u32) -> Leaf) -> Option<u64> {
    let hz = hypervisor_hz(&cpuid).or_else(|| processor_hz(&cpuid))?;
    (hz > 0).then_some(hz)
}

fn hypervisor_hz(cpuid: impl Fn(u32) -> Leaf) -> Option<u64> {
    const HYPERVISOR: u32 = 0x4000_0000;
    const FREQUENCY: u32 = 0x4000_0010;
    if !in_virtual_machine(&cpuid) {
        return None;
    }
    let [highest, ..] = cpuid(HYPERVISOR);
    if highest < FREQUENCY {
        return None;
    }
    let [khz, ..] = cpuid(FREQUENCY);
    (khz > 0).then_some(u64::from(khz) * 1000)
}

fn processor_hz(cpuid: impl Fn(u32) -> Leaf) -> Option<u64> {
    const FREQUENCY: u32 = 0x15;
    let [highest, ..] = cpuid(0);
    if highest < FREQUENCY {
        return None;
    }
    // A part that is zero is not enumerated.
    let [denominator, numerator, crystal_hz, _] = cpuid(FREQUENCY);
    (u64::from(crystal_hz) * u64::from(numerator)).checked_div(denominator.into())
}

/// Whether this is a virtual machine: CPUID leaf 1, ECX bit 31, which processors leave at 0 for
/// hypervisors to set.
pub fn in_virtual_machine(cpuid: impl Fn(u32) -> Leaf) -> bool {
    const HYPERVISOR: u32 = 1 << 31;
    let [_, _, ecx, _] = cpuid(1);
    ecx & HYPERVISOR != 0
}

/// The counter's step: the greatest common divisor of the step from earlier differences of
/// readings (0: there were none) and one more difference.
pub fn tsc_step(mut step: u64, mut difference: u64) -> u64 {
    while difference != 0 {
        (step, difference) = (difference, step % difference);
    }
    step
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A Skylake client: a crystal of 24 MHz, times 216 / 2.
    const SKYLAKE: Leaf = [2, 216, 24_000_000, 0];

    fn hz(in_vm: bool, highest: u32, leaf_15: Leaf, hypervisor: u32, khz: u32) -> Option<u64> {
        tsc_hz(|leaf| match leaf {
            0 => [highest, 0, 0, 0],
            1 => [0, 0, u32::from(in_vm) << 31, 0],
            0x15 => leaf_15,
            0x4000_0000 => [hypervisor, 0, 0, 0],
            0x4000_0010 => [khz, 0, 0, 0],
            _ => panic!("leaf {leaf:#x} is not needed"),
        })
    }

    #[test]
    fn a_processor_has_its_own_leaf_and_a_hypervisor_comes_first() {
        let last = 0x4000_0010;
        assert_eq!(hz(false, 0x16, SKYLAKE, 0, 0), Some(2_592_000_000));
        assert_eq!(
            hz(true, 0x16, SKYLAKE, last, 1_000_000),
            Some(1_000_000_000)
        );
        assert_eq!(hz(true, 0x10, [0; 4], last, 2_600_000), Some(2_600_000_000));
        // Not a virtual machine: that leaf means nothing.
        assert_eq!(
            hz(false, 0x16, SKYLAKE, last, 1_000_000),
            Some(2_592_000_000)
        );
    }

    #[test]
    fn the_step_divides_every_difference() {
        assert_eq!(tsc_step(0, 52), 52);
        assert_eq!(tsc_step(52, 78), 26);
        assert_eq!(tsc_step(35, 36), 1);
        assert_eq!(tsc_step(26, 0), 26);
    }

    #[test]
    fn a_leaf_that_says_nothing_is_passed_over() {
        let last = 0x4000_0010;
        assert_eq!(hz(true, 0x16, SKYLAKE, last, 0), Some(2_592_000_000));
        assert_eq!(hz(true, 0x16, SKYLAKE, 0x4000_0001, 7), Some(2_592_000_000));
        for silent in [
            [0, 216, 24_000_000, 0],
            [2, 0, 24_000_000, 0],
            [2, 216, 0, 0],
        ] {
            assert_eq!(hz(false, 0x16, silent, 0, 0), None);
        }
        assert_eq!(hz(false, 0x0d, SKYLAKE, 0, 0), None);
    }
}
