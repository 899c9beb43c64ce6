//! Ctrl-C, a closed terminal, and whatever else ends a run early.

use std::fs::{File, OpenOptions};
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::fs::OFlags;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use super::common::Answer;
use super::machine::{Machine, RUN, experiment, spawn, wait_until};

#[test]
fn an_interrupted_run_leaves_nothing_tuned() {
    let machine = Machine::new("amd-pstate-guided");
    experiment(&machine, "exec sleep 60");
    let mut run = spawn(&machine, &RUN);
    wait_until(&mut run, || machine.sandbox.path("run").exists());
    let pid = run.id().to_string();
    Command::new("kill")
        .args(["-s", "INT", &pid])
        .status()
        .unwrap();
    let run: Answer = run.wait_with_output().unwrap().into();
    run.refused(
        130,
        &[
            "interrupted",
            "--resume --run run --tune",
            "settings are as they were",
        ],
    );
    machine.is_back();
}

/// A terminal of its own: the end that a user would look at, and the one that programs get.
fn terminal() -> (OwnedFd, File) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap();
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    options.custom_flags(OFlags::NOCTTY.bits().cast_signed());
    (master, options.open(name.to_str().unwrap()).unwrap())
}

/// The run as the first program of a session on that terminal.
fn run_on(terminal: &File, machine: &Machine) -> Child {
    let stdio = || Stdio::from(terminal.try_clone().unwrap());
    Command::new("setsid")
        .arg("--ctty")
        .arg(assert_cmd::cargo::cargo_bin!("tollgate"))
        .args(RUN)
        .current_dir(machine.sandbox.path("."))
        .stdin(stdio())
        .stdout(stdio())
        .stderr(stdio())
        .spawn()
        .unwrap()
}

fn send(signal: &str, child: &Child) {
    let pid = child.id().to_string();
    // It may already have ended.
    let _ = Command::new("kill").args(["-s", signal, &pid]).output();
}

#[track_caller]
fn ends_with_everything_back(mut run: Child, machine: &Machine) {
    let deadline = Instant::now() + Duration::from_secs(60);
    let status = loop {
        if let Some(status) = run.try_wait().unwrap() {
            break status;
        }
        assert!(Instant::now() < deadline, "it does not end");
        sleep(Duration::from_millis(5));
    };
    assert_eq!(status.code(), Some(130), "{status}");
    machine.is_back();
}

/// A run that has tuned its machine and waits for its first boot, and its terminal's other end.
fn tuned_run_on_a_terminal() -> (Machine, OwnedFd, Child) {
    let machine = Machine::new("amd-pstate-guided");
    experiment(&machine, "exec sleep 60");
    let (master, slave) = terminal();
    let mut run = run_on(&slave, &machine);
    drop(slave);
    wait_until(&mut run, || machine.sandbox.path("run").exists());
    (machine, master, run)
}

#[test]
fn a_closed_terminal_leaves_nothing_tuned() {
    for _ in 0..5 {
        let (machine, master, run) = tuned_run_on_a_terminal();
        // The kernel sends SIGHUP to the session's first process, and to those in front.
        drop(master);
        ends_with_everything_back(run, &machine);
    }
}

#[test]
fn many_signals_leave_nothing_tuned() {
    let (machine, master, run) = tuned_run_on_a_terminal();
    for signal in ["HUP", "TERM", "HUP", "TERM", "TERM", "INT", "HUP"] {
        send(signal, &run);
    }
    drop(master);
    ends_with_everything_back(run, &machine);
}
