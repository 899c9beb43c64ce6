//! What all tests of the commands share.
#![allow(dead_code, reason = "each test file uses some of it")]
#![allow(clippy::unwrap_used, reason = "a test may stop anywhere")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

/// The `tollgate` command, in a folder of its own.
pub struct Sandbox {
    folder: TempDir,
}

/// What a command gave back.
pub struct Answer {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl From<Output> for Answer {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().expect("no signal ended it"),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Answer {
    /// Checks the exit code, and that the message contains these texts.
    #[track_caller]
    pub fn refused(&self, code: i32, texts: &[&str]) {
        assert_eq!(self.code, code, "{}", self.stderr);
        for text in texts {
            assert!(
                self.stderr.contains(text),
                "{text:?} is not in:\n{}",
                self.stderr
            );
        }
        assert!(!self.stderr.contains("panicked at"), "{}", self.stderr);
    }

    #[track_caller]
    pub fn succeeded(&self) {
        assert_eq!(self.code, 0, "{}", self.stderr);
    }
}

impl Sandbox {
    pub fn new() -> Self {
        Self {
            folder: TempDir::new().unwrap(),
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, content).unwrap();
        path
    }

    pub fn read(&self, name: &str) -> String {
        let path = self.path(name);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("tollgate"));
        command
            .current_dir(self.folder.path())
            // The doctor remembers what a system call cost, for those that come later.
            .env("XDG_STATE_HOME", self.path("state"))
            .args(args);
        command
    }

    pub fn tollgate(&self, args: &[&str]) -> Answer {
        self.command(args).output().unwrap().into()
    }

    /// Builds a misbehaving guest of `programs/guest.S`.
    pub fn guest(&self, define: &str) -> PathBuf {
        let path = self.path(&define.replace('=', "-").to_lowercase());
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs/guest.S");
        let status = Command::new("gcc")
            .current_dir(self.folder.path())
            .args(["-static-pie", "-nostdlib", "-Wl,-z,noexecstack", "-D"])
            .args([define, "-o"])
            .args([&path, &source])
            .status()
            .expect("gcc is needed for these tests: make deps");
        assert!(status.success());
        path
    }

    /// The stages after `run`, each of which has to succeed.
    pub fn evaluate(&self, run: &str) {
        for stage in ["parse", "process", "report"] {
            self.tollgate(&[stage, run]).succeeded();
        }
    }

    /// An experiment with these `[[target]]`s, of few and small boots.
    pub fn experiment(&self, program: &Path, boots: u32, targets: &str) -> PathBuf {
        let program = program.display();
        let text = format!(
            "name = \"test\"\nprogram = \"{program}\"\nboots = {boots}\nseed = 7\n\
             [benchmark]\nmethod = \"precise\"\nrounds = 2\nsamples = 3\nbatch-us = 5\n{targets}"
        );
        self.write("test.toml", text)
    }
}

/// Enters a test that cannot run here, and why, into the list that `make test` ends with.
pub fn not_run(which: &str, why: &str) {
    let why = why.split_whitespace().collect::<Vec<_>>().join(" ");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let status = Command::new(root.join("not-run.sh"))
        .args(["add", "1", which, &why])
        .status()
        .unwrap();
    assert!(status.success());
}

/// The option of `unshare` that gives a command mounts of its own, if that is allowed here.
pub fn own_mounts() -> Option<&'static str> {
    let option = if rustix::process::geteuid().is_root() {
        "-m"
    } else {
        "-rm"
    };
    let output = Command::new("unshare").args([option, "true"]).output();
    output
        .is_ok_and(|output| output.status.success())
        .then_some(option)
}

/// Something that `make` builds, named from the project's root.
pub fn built(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name);
    let path = path.canonicalize();
    path.unwrap_or_else(|error| panic!("{name}: {error}; build it by `make kernels initramfs`"))
}

/// A target that runs the program on the host.
pub const HOST: &str = "[[target]]\nname = \"host\"\nengine = \"host\"\ntimeout-s = 5\n";

/// A target that runs the program on ring0.
pub fn ring0() -> String {
    target("ring0", &built("build/ring0"), "program-as = \"initrd\"")
}

/// A target that runs the program on Linux.
pub fn linux() -> String {
    let cmdline = "cmdline = \"console=ttyS0 quiet reboot=k panic=-1\"";
    target("linux", &built("build/linux/bzImage"), cmdline)
}

/// A target under the emulator.
pub fn target(name: &str, image: &Path, more: &str) -> String {
    let image = image.display();
    format!(
        "[[target]]\nname = \"{name}\"\nengine = \"qemu\"\nimage = \"{image}\"\n\
         timeout-s = 5\n{more}\n"
    )
}

/// Checks an output against its schema in docs/schema.
#[track_caller]
pub fn conforms(output: &Value, name: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let file = root.join(format!("docs/schema/{name}.schema.json"));
    let schema: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<_> = validator
        .iter_errors(output)
        .map(|e| e.to_string())
        .collect();
    assert!(errors.is_empty(), "{errors:#?}");
    // A schema must not allow everything.
    let mut more = output.clone();
    more["no-such-field"] = Value::Null;
    assert!(!validator.is_valid(&more), "{name} allows unknown fields");
}
