//! Builds the kernel and the test programs, and runs them in QEMU's emulation.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The longest time that a machine may run. A boot takes less than a second; on a busy host it
/// may take much longer.
const TIME_LIMIT: Duration = Duration::from_secs(120);

/// Multiboot's magic number, as in the image.
const MULTIBOOT_MAGIC: [u8; 4] = ring0::boot_info::multiboot::HEADER_MAGIC.to_le_bytes();

/// The image under test: `RING0_IMAGE`, or one built now from these sources.
pub fn image() -> &'static Path {
    static IMAGE: OnceLock<PathBuf> = OnceLock::new();
    IMAGE.get_or_init(|| match std::env::var_os("RING0_IMAGE") {
        Some(path) => path.into(),
        None => build_image(),
    })
}

fn build_image() -> PathBuf {
    const TARGET: &str = "x86_64-unknown-none";
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("ring0");
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .args(["build", "--package", "ring0", "--profile", "guest"])
        .args(["--target", TARGET, "--target-dir"])
        .arg(&folder)
        .current_dir(env!("CARGO_MANIFEST_DIR"));
    succeed(&mut cargo, "rustup target add x86_64-unknown-none");
    folder.join(TARGET).join("guest").join("ring0")
}

/// A copy of the image without a Multiboot header, so that QEMU, which looks for Multiboot
/// first, boots it by PVH.
pub fn image_without_multiboot() -> &'static Path {
    static IMAGE: OnceLock<PathBuf> = OnceLock::new();
    IMAGE.get_or_init(|| {
        let mut content = fs::read(image()).expect("the image can be read");
        let at = multiboot_header(&content);
        content[at..at + 4].fill(0);
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("ring0.pvh");
        fs::write(&path, content).expect("the copy can be written");
        path
    })
}

/// Offset of the Multiboot header in the image.
pub fn multiboot_header(content: &[u8]) -> usize {
    let searched = &content[..8192];
    let words = searched.chunks_exact(4);
    let index = words.into_iter().position(|word| word == MULTIBOOT_MAGIC);
    4 * index.expect("a Multiboot header in the first 8 KiB")
}

/// A test program, built from `tests/programs/`; its file is deleted with it.
pub struct Program {
    folder: TempDir,
}

impl Program {
    /// A static PIE.
    pub fn new(source: &str) -> Self {
        Self::linked(source, &["-static-pie"])
    }

    /// With other linker options.
    pub fn linked(source: &str, options: &[&str]) -> Self {
        let program = Self::of_bytes(b"");
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs");
        let mut gcc = Command::new("gcc");
        gcc.args(options)
            .args(["-O1", "-nostdlib", "-ffreestanding", "-fvisibility=hidden"])
            .args([
                "-mno-red-zone",
                "-fno-stack-protector",
                "-fcf-protection=none",
            ])
            .args(["-fno-asynchronous-unwind-tables", "-Wall", "-Werror"])
            .arg("-fno-optimize-sibling-calls")
            .arg("-Wno-infinite-recursion")
            .arg("-o")
            .arg(program.path())
            .arg(sources.join(source));
        succeed(&mut gcc, "apt-get install gcc");
        program
    }

    /// Any bytes.
    pub fn of_bytes(content: &[u8]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let program = Self { folder };
        fs::write(program.path(), content).expect("the program can be written");
        program
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("prog")
    }

    pub fn bytes(&self) -> Vec<u8> {
        fs::read(self.path()).expect("the program can be read")
    }
}

/// A machine that has not started yet.
pub struct Machine {
    pub image: &'static Path,
    pub machine: &'static str,
    pub cpu: &'static str,
    pub memory_mib: u32,
    /// The debug-exit device's port.
    pub debug_exit: Option<u16>,
    pub modules: Vec<PathBuf>,
    pub command_line: String,
}

/// How it ended.
#[derive(Debug)]
pub struct End {
    /// The status written to the debug-exit port; `None` for a power-off.
    pub status: Option<i32>,
    pub console: String,
}

impl Machine {
    /// The smallest machine, with `program` as its module.
    pub fn new(program: &Program) -> Self {
        Self {
            modules: vec![program.path()],
            ..Self::without_program()
        }
    }

    pub fn without_program() -> Self {
        Self {
            image: image(),
            machine: "microvm,acpi=off",
            cpu: "max",
            memory_mib: 128,
            debug_exit: Some(0xf4),
            modules: Vec::new(),
            command_line: String::new(),
        }
    }

    /// Appends the program's arguments.
    pub fn arguments(mut self, arguments: &str) -> Self {
        self.command_line = format!("-- {arguments}");
        self
    }

    /// With the handler that saves all registers.
    pub fn with_full_handler(mut self) -> Self {
        self.command_line = format!("handler=full {}", self.command_line);
        self
    }

    /// Runs it to its end.
    pub fn run(&self) -> End {
        let mut qemu = Command::new("qemu-system-x86_64");
        qemu.args(["-M", self.machine, "-accel", "tcg", "-cpu", self.cpu])
            .args(["-m", &self.memory_mib.to_string()])
            .args(["-nodefaults", "-no-user-config", "-display", "none"])
            .args(["-serial", "stdio", "-no-reboot"])
            .arg("-kernel")
            .arg(self.image)
            .args(["-append", &self.command_line]);
        if let Some(port) = self.debug_exit {
            qemu.args(["-device", &format!("isa-debug-exit,iobase={port},iosize=4")]);
        }
        if !self.modules.is_empty() {
            let modules: Vec<_> = self
                .modules
                .iter()
                .map(|path| path.display().to_string())
                .collect();
            qemu.args(["-initrd", &modules.join(",")]);
        }
        let output = output_in_time(&mut qemu);
        let console = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        let code = output.status.code().unwrap_or_else(|| {
            panic!("QEMU ended with {}\n{errors}\n{console}", output.status);
        });
        assert!(errors.is_empty(), "QEMU complains: {errors}\n{console}");
        End {
            status: (code % 2 == 1).then_some(code / 2),
            console,
        }
    }
}

impl End {
    /// The console's lines.
    pub fn lines(&self) -> Vec<&str> {
        self.console.lines().collect()
    }

    /// Asserts the status, and that the console has a line with all of `parts`.
    #[track_caller]
    pub fn expect(&self, status: i32, parts: &[&str]) {
        assert_eq!(self.status, Some(status), "{}", self.console);
        let fits = |line: &&str| parts.iter().all(|part| line.contains(part));
        let found = self.lines().iter().any(fits);
        assert!(found, "no line with {parts:?} in:\n{}", self.console);
    }
}

fn output_in_time(command: &mut Command) -> Output {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| {
            panic!(
                "cannot start {}: {error}; these tests need it: apt-get install qemu-system-x86",
                command.get_program().display()
            )
        });
    fn reader(mut from: impl Read + Send + 'static) -> thread::JoinHandle<Vec<u8>> {
        thread::spawn(move || {
            let mut bytes = Vec::new();
            from.read_to_end(&mut bytes).expect("a pipe can be read");
            bytes
        })
    }
    let stdout = reader(child.stdout.take().expect("stdout is a pipe"));
    let stderr = reader(child.stderr.take().expect("stderr is a pipe"));
    let deadline = Instant::now() + TIME_LIMIT;
    let status = loop {
        if let Some(status) = child.try_wait().expect("the child can be waited for") {
            break Some(status);
        }
        if Instant::now() > deadline {
            child.kill().expect("the child can be killed");
            child.wait().expect("the child can be waited for");
            break None;
        }
        thread::sleep(Duration::from_millis(10));
    };
    let stdout = stdout.join().expect("the reader ends");
    let stderr = stderr.join().expect("the reader ends");
    let Some(status) = status else {
        panic!(
            "the machine did not end in {TIME_LIMIT:?}; its console:\n{}",
            String::from_utf8_lossy(&stdout)
        );
    };
    Output {
        status,
        stdout,
        stderr,
    }
}

fn succeed(command: &mut Command, remedy: &str) {
    let name = command.get_program().display().to_string();
    let output = command.output().unwrap_or_else(|error| {
        panic!("cannot start {name}: {error}; these tests need it: {remedy}")
    });
    assert!(
        output.status.success(),
        "{name} failed ({remedy}?):\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
