//! AMX: Linux gives a guest the 8 KiB of tile data only where the VMM's process has asked
//! for it, as QEMU's does for `-cpu host`.
//! Source: Documentation/arch/x86/xstate.rst of the Linux kernel, "Dynamic features for
//! virtual machines".

const ARCH_REQ_XCOMP_GUEST_PERM: libc::c_int = 0x1025;
/// State component 18 (Intel SDM vol. 1, 13.1).
const XTILEDATA: libc::c_ulong = 18;

/// Asks for it, for all guests of this process.
///
/// Linux says no after the process's first vCPU, and KVM leaves out of the CPUID that it
/// supports what has not been asked for: so this comes before both. Where the answer is
/// no, because there is no AMX, guests are not shown any.
pub fn ask() {
    // SAFETY: the call touches no memory.
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
        // SAFETY: the kernel writes one number of 64 bits.
        unsafe { libc::syscall(libc::SYS_arch_prctl, what, &raw mut set) };
        set
    }

    #[test]
    fn where_the_host_has_tiles_its_guests_may_have_them() {
        ask();
        let has_tiles = |set| set & 1 << XTILEDATA != 0;
        assert_eq!(
            has_tiles(get(ARCH_GET_XCOMP_GUEST_PERM)),
            has_tiles(get(ARCH_GET_XCOMP_SUPP))
        );
    }
}
