//! What the counter and the fences of this processor are worth: measured, not assumed.

use core::arch::x86_64::__cpuid;

use crate::bodies;

/// What was found. Ticks of the counter.
pub struct Counter {
    /// Its step: the greatest common divisor of many differences of readings. Readings
    /// within one step say nothing of it: some processors add 1, so that no two are equal.
    pub step: u64,
    /// The shortest time in which [`bodies::fenced`] passed.
    pub fenced: u64,
    /// The same for [`bodies::unfenced`]. Where LFENCE waits and the processor
    /// executes out of order, this is shorter. (On AMD, whether LFENCE waits depends
    /// on an MSR that the kernel sets: AMD64 APM 2, section 3.1, DE_CFG.)
    pub unfenced: u64,
    /// Its frequency, as CPUID tells it; 0 where it does not.
    pub khz: u64,
}

const TRIALS: u32 = 1024;

impl Counter {
    /// Looks at the counter; takes less than a millisecond.
    pub fn examine() -> Self {
        let (mut step, mut fenced, mut unfenced) = (0, u64::MAX, u64::MAX);
        for _ in 0..TRIALS {
            let ticks = bodies::fenced();
            step = greatest_common_divisor(step, ticks);
            fenced = fenced.min(ticks);
            unfenced = unfenced.min(bodies::unfenced());
        }
        Self {
            step,
            fenced,
            unfenced,
            khz: khz(),
        }
    }
}

fn greatest_common_divisor(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// Intel SDM 2A, CPUID leaf 0x15; leaf 0x40000010 as VMware defined it and KVM's
/// users give it to their guests.
fn khz() -> u64 {
    const TSC: u32 = 0x15;
    const HYPERVISOR: u32 = 0x4000_0000;
    const HYPERVISOR_TSC: u32 = 0x4000_0010;
    const IN_VIRTUAL_MACHINE: u32 = 1 << 31;
    if __cpuid(1).ecx & IN_VIRTUAL_MACHINE != 0 && __cpuid(HYPERVISOR).eax >= HYPERVISOR_TSC {
        return __cpuid(HYPERVISOR_TSC).eax.into();
    }
    if __cpuid(0).eax < TSC {
        return 0;
    }
    let leaf = __cpuid(TSC);
    match leaf.eax {
        0 => 0,
        ratio => u64::from(leaf.ecx) * u64::from(leaf.ebx) / u64::from(ratio) / 1000,
    }
}
