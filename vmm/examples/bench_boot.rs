//! Times whole processes that boot a guest of a few instructions: ours and QEMU's smallest
//! machine, alternating, on this machine's /dev/kvm.
//!
//! `bench_boot TOLLGATE KERNEL FIRMWARE [TURNS]`, where KERNEL and FIRMWARE (both written by
//! `tiny_guests`) print one line and exit at once, one as a kernel, the other from the reset
//! vector, so that QEMU does not need firmware of its own.
//!
//! All times count from before the process is created: to the guest's first byte, to the end of
//! the process, and until the kernel has destroyed the machine, for which ours does not wait.

use std::error::Error;
use std::fs;
use std::io::Read;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// QEMU's smallest machine with everything off that the guest does not use.
const QEMU: &[&str] = &[
    "qemu-system-x86_64",
    "-M",
    "microvm,x-option-roms=off,pit=off,pic=off,rtc=off,acpi=off",
    "-accel",
    "kvm",
    // Software implementations of KVM refuse the MSR behind this feature.
    "-cpu",
    "host,-arch-capabilities",
    "-m",
    "8",
    "-nodefaults",
    "-no-user-config",
    "-no-reboot",
    "-display",
    "none",
    "-serial",
    "stdio",
    "-device",
    "isa-debug-exit,iobase=0xf4,iosize=1",
    "-bios",
];

struct Sample {
    first_byte: Duration,
    lifetime: Duration,
    machine_gone: Duration,
    peak_kib: i64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [tollgate, kernel, firmware, rest @ ..] = &arguments[..] else {
        return Err("usage: bench_boot TOLLGATE KERNEL FIRMWARE [TURNS]".into());
    };
    let turns = rest.first().map_or(Ok(50), |turns| turns.parse())?;
    let ours = [tollgate, "boot", kernel, "--engine", "kvm", "--memory", "8"];
    let qemu: Vec<_> = QEMU.iter().copied().chain([firmware.as_str()]).collect();
    let (mut our_samples, mut qemu_samples) = (Vec::new(), Vec::new());
    for _ in 0..turns {
        our_samples.push(sample(&ours)?);
        qemu_samples.push(sample(&qemu)?);
    }
    println!("medians of {turns}, in ms:");
    println!("engine  first byte  lifetime  machine gone  peak memory (MiB)");
    let ours = show("ours", &our_samples);
    let qemu = show("qemu", &qemu_samples);
    println!("lifetime: 1/{:.1} of QEMU's", qemu / ours);
    Ok(())
}

fn sample(command: &[&str]) -> Result<Sample, Box<dyn Error>> {
    let begin = Instant::now();
    let mut child = Command::new(command[0])
        .args(&command[1..])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let mut stdout = child.stdout.take().ok_or("no pipe")?;
    stdout
        .read_exact(&mut [0])
        .map_err(|error| format!("{command:?} does not start: {error}"))?;
    let first_byte = begin.elapsed();
    std::io::copy(&mut stdout, &mut std::io::sink())?;
    let peak_kib = wait_for_peak(child.id());
    let lifetime = begin.elapsed();
    wait_for_machine(child.id());
    Ok(Sample {
        first_byte,
        lifetime,
        machine_gone: begin.elapsed(),
        peak_kib,
    })
}

/// Waits until the machine that this process created is gone: its timer has a kernel thread,
/// named after the process, and little is left to do after the end of that thread. A machine
/// without a timer goes with the process.
fn wait_for_machine(process: u32) {
    let name = format!("kvm-pit/{process}\n");
    let is_timer = |thread: &PathBuf| fs::read_to_string(thread).is_ok_and(|comm| comm == name);
    let threads = fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut names = threads.map(|thread| thread.path().join("comm"));
    if let Some(timer) = names.find(is_timer) {
        while is_timer(&timer) {
            sleep(Duration::from_micros(200));
        }
    }
}

/// Waits for the end of the process; returns the most memory that it held, in KiB.
fn wait_for_peak(id: u32) -> i64 {
    // SAFETY: all zeros are a rusage.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: a null pointer requests no status, and we own `usage`.
    unsafe { libc::wait4(id as libc::pid_t, std::ptr::null_mut(), 0, &mut usage) };
    usage.ru_maxrss
}

/// Prints the medians; returns that of the lifetime, in ms.
fn show(name: &str, samples: &[Sample]) -> f64 {
    let ms = |of: fn(&Sample) -> Duration| median(samples, |s| of(s).as_secs_f64() * 1e3);
    let lifetime = ms(|s| s.lifetime);
    println!(
        "{name:6}  {:10.2}  {lifetime:8.2}  {:12.2}  {:17.1}",
        ms(|s| s.first_byte),
        ms(|s| s.machine_gone),
        median(samples, |s| s.peak_kib as f64 / 1024.0),
    );
    lifetime
}

fn median(samples: &[Sample], of: impl Fn(&Sample) -> f64) -> f64 {
    let mut values: Vec<_> = samples.iter().map(of).collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
