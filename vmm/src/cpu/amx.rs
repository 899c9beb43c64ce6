//! AMX: Linux gives a guest the 8 KiB of tile data only if the VMM's process has requested it,
//! as QEMU does for `-cpu host`. Source: Documentation/arch/x86/xstate.rst of the Linux kernel,
//! "Dynamic features for virtual machines".

const ARCH_REQ_XCOMP_GUEST_PERM: libc::c_int = 0x1025;
/// State component 18 (Intel SDM vol. 1, 13.1).
const XTILEDATA: libc::c_ulong = 18;

/// Requests it for all guests of this process.
///
/// Linux refuses after the process's first vCPU, and KVM's supported CPUID leaves out what has
/// not been requested, so this must come before both. If Linux refuses because the CPU does not
/// have AMX, guests do not see AMX.
pub fn ask() {
    // SAFETY: the call does not access memory.
    unsafe { libc::syscall(libc::SYS_arch_prctl, ARCH_REQ_XCOMP_GUEST_PERM, XTILEDATA) };
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARCH_GET_XCOMP_SUPP: libc::c_int = 0x1021;
    const ARCH_GET_XCOMP_GUEST_PERM: libc::c_int = 0x1024;

    /// A set of state components; empty before Linux 5.16.
    fn get(what: libc::c_int) -> u64 {
        let mut set = 0u64;
        // SAFETY: the kernel writes one 64-bit number.
        unsafe { libc::syscall(libc::SYS_arch_prctl, what, &raw mut set) };
        set
    }

    #[test]
    fn guests_may_use_amx_tiles_if_the_host_has_them() {
        ask();
        let has_tiles = |set| set & 1 << XTILEDATA != 0;
        assert_eq!(
            has_tiles(get(ARCH_GET_XCOMP_GUEST_PERM)),
            has_tiles(get(ARCH_GET_XCOMP_SUPP))
        );
    }
}
