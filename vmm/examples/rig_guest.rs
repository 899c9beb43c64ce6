//! PID 1 of the rig's inner guests. Its first argument (after `--` on the kernel's command
//! line) is what to do: `exit N`, `die N`, `power-off`, `reboot`, `report`, which prints the
//! CPU as the guest sees it, or `layout`, which prints the kernel's addresses.

use std::arch::x86_64::__cpuid_count;
use std::fs;
use std::process::exit;

use contract::ports::DEBUG_EXIT;
use rustix::mount::{MountFlags, mount};
use rustix::system::{RebootCommand, reboot};
use rustix::termios::tcdrain;
use rustix::thread::{CpuSet, sched_setaffinity};

/// No leaf has more meaningful subleaves than this.
const MOST_SUBLEAVES: u32 = 16;

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let words: Vec<_> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["exit", status] => exit_machine(number(status)),
        ["die", status] => exit(number(status).into()),
        ["power-off"] => end(RebootCommand::PowerOff),
        ["reboot"] => end(RebootCommand::Restart),
        ["report"] => report(),
        ["layout"] => layout(),
        _ => println!("unknown command: {words:?}"),
    }
}

fn number(text: &str) -> u8 {
    text.parse().unwrap_or(u8::MAX)
}

fn end(command: RebootCommand) {
    println!("the kernel refuses: {:?}", reboot(command));
}

/// Prints what decides Linux's mitigations, in lines that can be compared.
fn report() {
    let mut first_cpu = CpuSet::new();
    first_cpu.set(0);
    let _ = sched_setaffinity(None, &first_cpu);
    mount_filesystems();
    for base in [0, 0x4000_0000, 0x8000_0000] {
        print_cpuid(base);
    }
    print_cpuinfo();
    print_vulnerabilities();
    let online = fs::read_to_string("/sys/devices/system/cpu/online").unwrap_or_default();
    println!("REPORT online {}", online.trim());
    exit_machine(0);
}

/// Prints where KASLR has put the kernel: the address of its first symbol, and the physical
/// range of its code.
fn layout() {
    mount_filesystems();
    let symbols = fs::read_to_string("/proc/kallsyms").unwrap_or_default();
    let memory = fs::read_to_string("/proc/iomem").unwrap_or_default();
    for (lines, name) in [(symbols, " T _text"), (memory, " : Kernel code")] {
        let line = lines.lines().find(|line| line.ends_with(name));
        println!("REPORT layout {}", line.unwrap_or_default().trim());
    }
    exit_machine(0);
}

fn mount_filesystems() {
    for (kind, at) in [("proc", "/proc"), ("sysfs", "/sys")] {
        let _ = fs::create_dir(at);
        let _ = mount(kind, at, kind, MountFlags::empty(), None);
    }
}

fn print_cpuid(base: u32) {
    let highest = __cpuid_count(base, 0).eax.min(base + 0x100);
    for leaf in base..=highest {
        let subleaves = if has_subleaves(leaf) {
            MOST_SUBLEAVES
        } else {
            1
        };
        for subleaf in 0..subleaves {
            let r = __cpuid_count(leaf, subleaf);
            // Beyond the last subleaf, ECX and EDX may still repeat the input.
            if r.eax | r.ebx != 0 || subleaf == 0 && r.ecx | r.edx != 0 {
                println!(
                    "REPORT cpuid {leaf:08x} {subleaf:02x} {:08x} {:08x} {:08x} {:08x}",
                    r.eax, r.ebx, r.ecx, r.edx
                );
            }
        }
    }
}

fn has_subleaves(leaf: u32) -> bool {
    matches!(
        leaf,
        0x4 | 0x7 | 0xb | 0xd | 0x12 | 0x14 | 0x17 | 0x18 | 0x1f | 0x8000_001d
    )
}

fn print_cpuinfo() {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let first = cpuinfo.split("\n\n").next().unwrap_or_default();
    for line in first.lines() {
        match line.split_once(':').map(|(key, value)| (key.trim(), value)) {
            Some(("flags", flags)) => flags
                .split_whitespace()
                .for_each(|flag| println!("REPORT flag {flag}")),
            // Clocks differ from boot to boot.
            Some(("cpu MHz" | "bogomips", _)) | None => {}
            Some((key, value)) => println!("REPORT cpuinfo {key}:{value}"),
        }
    }
}

fn print_vulnerabilities() {
    let folder = "/sys/devices/system/cpu/vulnerabilities";
    let mut names: Vec<_> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .collect();
    names.sort();
    for path in names {
        let text = fs::read_to_string(&path).unwrap_or_default();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        println!("REPORT vulnerability {name}: {}", text.trim());
    }
}

/// Writes `status` to the debug-exit port, after all output has left the machine.
fn exit_machine(status: u8) {
    let _ = tcdrain(std::io::stdout());
    // SAFETY: ioperm only changes this process's right to the port.
    if unsafe { libc::ioperm(DEBUG_EXIT.into(), 1, 1) } != 0 {
        println!("no access to port {DEBUG_EXIT:#x}");
        return;
    }
    // SAFETY: the port belongs to the hypervisor, which ends this machine; memory is not
    // accessed.
    unsafe {
        std::arch::asm!("out dx, al", in("dx") DEBUG_EXIT, in("al") status,
            options(nomem, nostack, preserves_flags));
    }
}
