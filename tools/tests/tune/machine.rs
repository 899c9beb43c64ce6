//! A machine that is a folder, and what tests do with it.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use host::fake;

use super::common::{Answer, HOST, Sandbox};

/// A user who owns nothing.
pub const NOBODY: u32 = 65534;

pub const POLICY0: &str = "/sys/devices/system/cpu/cpufreq/policy0";

/// A folder with the files of a tree of `host::fake`.
pub struct Machine {
    pub sandbox: Sandbox,
    pub files: BTreeMap<String, String>,
}

impl Machine {
    pub fn new(tree: &str) -> Self {
        let mut files = fake::files(tree);
        files.retain(|path, text| !path.ends_with('/') && text != fake::UNREADABLE);
        let machine = Self {
            sandbox: Sandbox::new(),
            files,
        };
        fake::lay_out(tree, &machine.place("/"));
        machine
    }

    pub fn place(&self, path: &str) -> PathBuf {
        self.sandbox.path("root").join(path.trim_start_matches('/'))
    }

    pub fn value(&self, path: &str) -> String {
        fs::read_to_string(self.place(path))
            .unwrap()
            .trim_end()
            .to_owned()
    }

    pub fn tune(&self, words: &[&str]) -> Answer {
        self.sandbox
            .tollgate(&[&["tune", "--root", "root"], words].concat())
    }

    pub fn journal(&self) -> PathBuf {
        self.place("/var/lib/tollgate/journal.json")
    }

    /// Everything is as it was at first.
    #[track_caller]
    pub fn is_back(&self) {
        for (path, value) in &self.files {
            assert_eq!(self.value(path), *value, "{path}");
        }
        assert!(!self.journal().exists());
    }
}

/// The command as somebody who is not root: root may write every file of the folder.
pub fn unprivileged(machine: &Machine, words: &[&str]) -> Answer {
    let tollgate = assert_cmd::cargo::cargo_bin!("tollgate");
    let folder = machine.place("/..").canonicalize().unwrap();
    let mut command = Command::new(tollgate);
    if rustix::process::geteuid().is_root() {
        // Other users cannot read the build folder.
        let copy = folder.join("tollgate");
        if !copy.exists() {
            fs::copy(tollgate, &copy).unwrap();
        }
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
        command = Command::new(copy);
        command.uid(NOBODY).gid(NOBODY);
    }
    command
        .current_dir(folder)
        .args(["tune", "--root", "root"])
        .args(words);
    loop {
        match command.output() {
            // Another test's child has the copy open for writing until it becomes its program.
            Err(error) if error.kind() == ErrorKind::ExecutableFileBusy => {
                sleep(Duration::from_millis(5));
            }
            output => return output.unwrap().into(),
        }
    }
}

pub fn spawn(machine: &Machine, words: &[&str]) -> Child {
    let mut command = machine.sandbox.command(words);
    command.stderr(Stdio::piped()).spawn().unwrap()
}

#[track_caller]
pub fn wait_until(child: &mut Child, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < deadline, "it does not come that far");
        assert!(child.try_wait().unwrap().is_none(), "it ended before");
        sleep(Duration::from_millis(5));
    }
}

/// An experiment whose only target is a shell script on the host.
pub fn experiment(machine: &Machine, script: &str) {
    let program = machine
        .sandbox
        .write("program", format!("#!/bin/sh\n{script}\n"));
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let allowed = rustix::thread::sched_getaffinity(None).unwrap();
    let cpu = (0..rustix::thread::CpuSet::MAX_CPU).find(|&cpu| allowed.is_set(cpu));
    machine
        .sandbox
        .experiment(&program, 2, &format!("{HOST}pin = [{}]\n", cpu.unwrap()));
}

pub const RUN: [&str; 7] = [
    "run",
    "test.toml",
    "--run",
    "run",
    "--tune",
    "--tune-root",
    "root",
];
