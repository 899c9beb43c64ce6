//! The functions of this program that uprobes watch. The first instruction of each decides what
//! the kernel does at its breakpoint (Linux, arch/x86/kernel/uprobes.c): it emulates `nop`,
//! `push` of a register, and branches, and has to single-step everything else.

use std::arch::global_asm;
use std::fs;
use std::io;

use contract::WatchSite;

global_asm!(
    ".pushsection .text.probes_sites,\"ax\",@progbits",
    ".balign 64",
    ".globl probes_site_nop",
    "probes_site_nop: nop",
    "ret",
    ".balign 64",
    ".globl probes_site_push",
    "probes_site_push: push rbp",
    "pop rbp",
    "ret",
    ".balign 64",
    ".globl probes_site_branch",
    "probes_site_branch: jmp 2f",
    "2: ret",
    ".balign 64",
    ".globl probes_site_single_step",
    "probes_site_single_step: xor eax, eax",
    "ret",
    ".popsection",
);

unsafe extern "C" {
    fn probes_site_nop();
    fn probes_site_push();
    fn probes_site_branch();
    fn probes_site_single_step();
}

/// A function that may be called at any time, and changes at most RAX.
#[derive(Clone, Copy)]
pub struct Function(unsafe extern "C" fn());

impl Function {
    /// Its address.
    pub fn address(self) -> usize {
        self.0 as usize
    }
}

/// The function of a site in this program; `None` for a site in the kernel.
pub fn function(site: WatchSite) -> Option<Function> {
    Some(Function(match site {
        WatchSite::Nop => probes_site_nop,
        WatchSite::Push => probes_site_push,
        WatchSite::Branch => probes_site_branch,
        WatchSite::SingleStep => probes_site_single_step,
        WatchSite::SysEnter | WatchSite::Getpgid | WatchSite::Chdir => return None,
    }))
}

/// What the kernel does at a breakpoint there.
pub fn class(site: WatchSite) -> Option<&'static str> {
    Some(match site {
        WatchSite::Nop | WatchSite::Push | WatchSite::Branch => "the kernel emulates it",
        WatchSite::SingleStep => {
            "the kernel single-steps it; a function that begins with `push` or `nop` is emulated"
        }
        WatchSite::SysEnter | WatchSite::Getpgid | WatchSite::Chdir => return None,
    })
}

/// The offset in this program's file of an address in its text (proc_pid_maps(5)).
///
/// # Errors
///
/// The mappings cannot be read, or do not have the address.
pub fn file_offset(address: usize) -> io::Result<u64> {
    let maps = fs::read_to_string("/proc/self/maps")?;
    let found = maps.lines().find_map(|line| {
        let mut fields = line.split_whitespace();
        let (start, end) = fields.next()?.split_once('-')?;
        let [start, end] = [start, end].map(|text| usize::from_str_radix(text, 16).ok());
        let (start, end) = (start?, end?);
        let offset = u64::from_str_radix(fields.nth(1)?, 16).ok()?;
        (start..end)
            .contains(&address)
            .then_some((address - start) as u64 + offset)
    });
    found.ok_or_else(|| io::ErrorKind::NotFound.into())
}
