//! The rig's side of the host: starts outer machines, hands their PID 1 (`rig_init`) one case
//! after the other over the serial line, and restarts a machine that has stalled: `rig_host
//! FOLDER SECONDS`.
//!
//! FOLDER holds `debian/vmlinuz`, `rig.cpio` and `root/rig/cases`; a machine's console goes to
//! `console.N.log` there. After SECONDS, all machines are stopped.
//!
//! A machine has stalled if its serial line is silent for a minute, because `rig_init` sends a
//! sign of life every few seconds, however slow the host is. The case gets a second try on a
//! new machine.
//!
//! Each machine has one of the host's CPUs for all its threads. QEMU 7.2's emulation of SVM
//! writes `interrupt_request` without its lock (target/i386/tcg/sysemu/svm_helper.c: VMRUN and
//! VMEXIT change CPU_INTERRUPT_VIRQ). If the main loop's thread sets CPU_INTERRUPT_HARD at that
//! moment on another CPU, the interrupt is lost, and no other one follows after a lost timer
//! interrupt. On x86 each of these writes is one instruction, so threads that share a CPU
//! cannot interrupt it between its load and its store. If an interrupt is lost nevertheless,
//! the next one from outside makes QEMU look again: a silent machine gets an empty line every
//! second.

use std::collections::VecDeque;
use std::error::Error;
use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitCode, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::thread::{CpuSet, sched_getaffinity};

/// Two machines of 2 GiB fit into the memory of most hosts.
const MOST_MACHINES: usize = 2;
/// Nothing is printed before the first case can run.
const LONGEST_BOOT: Duration = Duration::from_secs(120);
const LONGEST_SILENCE: Duration = Duration::from_secs(60);
const NUDGE: Duration = Duration::from_secs(1);
/// Longer than any case's own timeout.
const LONGEST_CASE: Duration = Duration::from_secs(240);
/// The case in which `rig_init` stalls on purpose, and how long it may.
const FAKE: &str = "standstill";
const FAKE_SILENCE: Duration = Duration::from_secs(8);
const TRIES: u32 = 2;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [folder, seconds] = &arguments[..] else {
        return Err("usage: rig_host FOLDER SECONDS".into());
    };
    let folder = PathBuf::from(folder);
    let deadline = Instant::now() + Duration::from_secs(seconds.parse()?);
    let cases = fs::read_to_string(folder.join("root/rig/cases"))?;
    let cases = Mutex::new(cases.lines().filter_map(name_of).collect());
    let tally = Mutex::new(Tally::default());
    thread::scope(|scope| {
        for (number, cpu) in cpus()?.into_iter().take(MOST_MACHINES).enumerate() {
            let place = Place {
                folder: &folder,
                number,
                cpu,
                deadline,
            };
            let (cases, tally) = (&cases, &tally);
            scope.spawn(move || work_off(&place, cases, tally));
        }
        Ok::<_, io::Error>(())
    })?;
    let tally = tally.into_inner().unwrap_or_else(PoisonError::into_inner);
    tally.print();
    Ok(if tally.failed.is_empty() && tally.passed > 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn name_of(line: &str) -> Option<&str> {
    line.split('\t').next().filter(|name| !name.is_empty())
}

/// The CPUs that this process may use.
fn cpus() -> io::Result<Vec<usize>> {
    let allowed = sched_getaffinity(None)?;
    Ok((0..CpuSet::MAX_CPU)
        .filter(|cpu| allowed.is_set(*cpu))
        .collect())
}

#[derive(Default)]
struct Tally {
    passed: usize,
    failed: Vec<String>,
    standstills: Vec<String>,
}

impl Tally {
    fn print(&self) {
        for name in &self.standstills {
            println!("RIG stood still: {name}");
        }
        for name in &self.failed {
            println!("RIG failed: {name}");
        }
        println!(
            "RIG {} passed, {} failed, {} standstills that were not on purpose",
            self.passed,
            self.failed.len(),
            self.standstills.len()
        );
    }
}

/// Runs cases until none is left; a new machine replaces one that is lost.
fn work_off(place: &Place, cases: &Mutex<VecDeque<&str>>, tally: &Mutex<Tally>) {
    let mut machine = None;
    loop {
        let Some(name) = lock(cases).pop_front() else {
            return;
        };
        let has_passed = run_case(place, &mut machine, name, tally);
        let mut tally = lock(tally);
        if has_passed {
            tally.passed += 1;
        } else {
            tally.failed.push(name.to_owned());
        }
    }
}

fn run_case(
    place: &Place,
    machine: &mut Option<Machine>,
    name: &str,
    tally: &Mutex<Tally>,
) -> bool {
    for number in 1..=TRIES {
        match run_try(place, machine, name, number) {
            Ok(has_passed) => return has_passed,
            Err(lost) => {
                println!("RIG {name}: try {number} of {TRIES}: {lost}");
                *machine = None;
                if !matches!(lost, Lost::StoodStill(_)) {
                    return false;
                }
                if name != FAKE || number > 1 {
                    lock(tally).standstills.push(name.to_owned());
                }
            }
        }
    }
    false
}

fn run_try(
    place: &Place,
    machine: &mut Option<Machine>,
    name: &str,
    number: u32,
) -> Result<bool, Lost> {
    if Instant::now() >= place.deadline {
        return Err(Lost::TimeUp);
    }
    let machine = match machine {
        Some(machine) => machine,
        None => machine.insert(Machine::start(place)?),
    };
    machine.run(name, number)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Why a machine can no longer be used.
#[derive(Debug, thiserror::Error)]
enum Lost {
    #[error("the outer machine stood still: {0}")]
    StoodStill(&'static str),
    #[error("the outer machine ended")]
    Ended,
    #[error("the rig's timeout expired")]
    TimeUp,
    #[error("QEMU: {0}")]
    Qemu(#[from] io::Error),
}

/// Where a machine runs, where its files are, and when it has to be finished.
struct Place<'a> {
    folder: &'a Path,
    number: usize,
    cpu: usize,
    deadline: Instant,
}

/// A running outer machine. Its process ends when this value is dropped.
struct Machine {
    qemu: Child,
    input: ChildStdin,
    lines: Receiver<String>,
    deadline: Instant,
    is_ready: bool,
}

impl Machine {
    fn start(place: &Place) -> Result<Self, Lost> {
        let mut qemu = qemu(place).spawn()?;
        let (Some(input), Some(output)) = (qemu.stdin.take(), qemu.stdout.take()) else {
            return Err(io::Error::other("no serial line").into());
        };
        let (sender, lines) = channel();
        thread::spawn(move || hand_on(output, &sender));
        Ok(Self {
            qemu,
            input,
            lines,
            deadline: place.deadline,
            is_ready: false,
        })
    }

    /// Returns whether the case has passed, and prints what `rig_init` reports.
    fn run(&mut self, name: &str, number: u32) -> Result<bool, Lost> {
        if !self.is_ready {
            self.until_ready(LONGEST_BOOT)?;
            self.is_ready = true;
        }
        writeln!(self.input, "{number} {name}")?;
        let is_meant_to_hang = name == FAKE && number == 1;
        let said = self.until_ready(if is_meant_to_hang {
            FAKE_SILENCE
        } else {
            LONGEST_SILENCE
        })?;
        println!("{}", said.join("\n"));
        let verdict = format!("RIG {name} ... ok");
        Ok(said.iter().any(|line| line.starts_with(&verdict)))
    }

    /// What `rig_init` prints until it waits for a case. Whenever it is silent for a second, it
    /// gets an empty line, which it ignores: the interrupt wakes a CPU that has lost one.
    fn until_ready(&mut self, longest_silence: Duration) -> Result<Vec<String>, Lost> {
        let case_end = Instant::now() + LONGEST_CASE;
        let mut silence_end = Instant::now() + longest_silence;
        let mut said = Vec::new();
        loop {
            let now = Instant::now();
            if now >= self.deadline {
                return Err(Lost::TimeUp);
            }
            if now >= case_end {
                return Err(Lost::StoodStill("the case did not end"));
            }
            if now >= silence_end {
                return Err(Lost::StoodStill("its serial line was silent"));
            }
            match self.lines.recv_timeout(NUDGE) {
                Ok(line) => {
                    silence_end = Instant::now() + longest_silence;
                    match line.as_str() {
                        "RIG ready" => return Ok(said),
                        "RIG alive" => {}
                        _ if line.starts_with("RIG ") => said.push(line),
                        _ => {}
                    }
                }
                Err(RecvTimeoutError::Timeout) => self.input.write_all(b"\n")?,
                Err(RecvTimeoutError::Disconnected) => return Err(Lost::Ended),
            }
        }
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // This fails only if the process has ended.
        let _ = self.qemu.kill();
        let _ = self.qemu.wait();
    }
}

/// One emulated CPU, and room for a second one, which is never used: a thread that may run on
/// any CPU shows `0-1` in /proc, and one that is pinned to CPU 0 shows `0`. With room for two,
/// Linux distrusts the TSC of an AMD processor without an invariant one, hence `tsc=reliable`.
/// (With two CPUs, inner guests stalled while the outer machine was alive.)
fn qemu(place: &Place) -> Command {
    let mut command = Command::new("setpriv");
    command
        .args(["--pdeathsig", "KILL", "taskset", "--cpu-list"])
        .arg(place.cpu.to_string())
        .arg("qemu-system-x86_64")
        .args(["-accel", "tcg,thread=single", "-cpu", "max,+svm"])
        .args(["-smp", "1,maxcpus=2", "-m", "2048"])
        .args(["-nodefaults", "-no-reboot", "-display", "none"])
        .arg("-chardev")
        .arg(format!(
            "file,id=console,append=on,path={}/console.{}.log",
            place.folder.display(),
            place.number
        ))
        .args(["-serial", "chardev:console", "-serial", "stdio"])
        .arg("-kernel")
        .arg(place.folder.join("debian/vmlinuz"))
        .arg("-initrd")
        .arg(place.folder.join("rig.cpio"))
        .arg("-append")
        .arg("console=ttyS0 panic=-1 mitigations=off quiet tsc=reliable")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    command
}

/// Sends lines into a channel, from which one can receive with a timeout.
fn hand_on(output: ChildStdout, sender: &Sender<String>) {
    for line in BufReader::new(output).lines().map_while(Result::ok) {
        if sender.send(line).is_err() {
            return;
        }
    }
}
