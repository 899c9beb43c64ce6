//! What an attacker would try after breaking out of a guest into its VMM.

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use vmm::BootSpec;
use vmm::kvm::{Io, KvmOptions, Seccomp, boot};

/// Both attacks, by name.
pub const ATTACKS: [&str; 2] = ["a signal to another process", "executable memory"];
/// What the tiny guest has to write to start the attack.
pub const GUEST_SAYS: &str = "x\n";

/// Boots `kernel`, which writes a line, in a process that is filtered as a whole, and then
/// tries the attack. If this returns, the process was not stopped.
pub fn attempt(attack: &str, kernel: &Path) {
    let spec = BootSpec {
        kernel: kernel.into(),
        initrd: None,
        cmdline: String::new(),
        memory_mib: 4,
        cpus: 1,
        pin: Vec::new(),
        timeout: Duration::from_secs(20),
    };
    let options = KvmOptions {
        seccomp: Seccomp::Process,
        ..KvmOptions::default()
    };
    let parent = std::os::unix::process::parent_id();
    let io = Io {
        console: &mut |_| attack_now(attack, parent),
        input: None,
        stop: &AtomicBool::new(false),
    };
    boot(&spec, &options, io);
}

fn attack_now(attack: &str, parent: u32) {
    let (signal, executable) = (attack == ATTACKS[0], attack == ATTACKS[1]);
    // Signal 0 only asks whether the process exists. SAFETY: neither call accesses memory that
    // is in use.
    unsafe {
        if signal {
            libc::syscall(libc::SYS_tgkill, parent, parent, 0);
        }
        if executable {
            let access = libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC;
            let kind = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
            libc::mmap(std::ptr::null_mut(), 4096, access, kind, -1, 0);
        }
    }
}
