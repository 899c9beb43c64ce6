//! An external QEMU: in software emulation, whose ticks do not measure time; in software
//! emulation that counts instructions; or under KVM.

mod cpu_model;

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::os::fd::RawFd;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, OnceLock, PoisonError};

use contract::ports::{DEBUG_EXIT, DEBUG_EXIT_UNIKRAFT};
use tempfile::TempDir;
use vmm::image::{self, Protocol};
use vmm::probe::KvmKind;
use vmm::{BootOutcome, BootSpec, End, panic};

use super::child::{self, ChildEnd, ChildSpec, Ran};
use super::qmp::Qmp;
use super::{About, Engine, EngineError, EngineKind, not_started, pin};

/// The program.
pub const PROGRAM: &str = "qemu-system-x86_64";
const PACKAGE: &str = "qemu-system-x86";

/// What QEMU runs guests with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Machine {
    /// Its emulator, with a processor of that model.
    Emulated(String),
    /// The same, with a counter that advances by one per instruction.
    Counting(String),
    /// KVM, with the host's processor.
    Kvm,
}

impl Machine {
    fn args(&self) -> Vec<&str> {
        match self {
            Self::Emulated(cpu) => vec!["-accel", "tcg", "-cpu", cpu],
            // One instruction is 2^0 ns of the guest's time (QEMU, "TCG Instruction Counting"),
            // from which the counter's ticks are derived.
            Self::Counting(cpu) => vec!["-accel", "tcg", "-icount", "shift=0", "-cpu", cpu],
            Self::Kvm => vec!["-accel", "kvm", "-cpu", "host"],
        }
    }

    fn cpu_model(&self) -> Option<&str> {
        match self {
            Self::Emulated(cpu) | Self::Counting(cpu) => Some(cpu),
            Self::Kvm => None,
        }
    }
}

/// An installed QEMU.
pub struct Qemu {
    version: &'static str,
    machine: Machine,
    /// Features of its processor that the emulator leaves out.
    lacks: Vec<String>,
    /// What kind of KVM /dev/kvm is, if the machine needs one.
    kvm: Option<String>,
    recording: Option<Recording>,
}

/// A plugin that records what the guest executes.
#[derive(Clone, Debug)]
pub struct Recording {
    /// The plugin (`trace-plugin/`).
    pub plugin: PathBuf,
    /// Its output file.
    pub out: PathBuf,
}

impl Recording {
    /// As an argument of `-plugin`, where a comma in a value is doubled.
    fn arg(&self) -> String {
        let [plugin, out] =
            [&self.plugin, &self.out].map(|path| path.display().to_string().replace(',', ",,"));
        format!("file={plugin},out={out}")
    }
}

impl Qemu {
    /// Asks QEMU for its version, once: every target of a run needs it.
    pub fn find(machine: Machine) -> Result<Self, EngineError> {
        static VERSION: OnceLock<String> = OnceLock::new();
        let version = match VERSION.get() {
            Some(version) => version,
            None => {
                let version = installed_version()?;
                VERSION.get_or_init(|| version)
            }
        };
        let lacks = match machine.cpu_model() {
            Some(model) => left_out(model)?,
            None => Vec::new(),
        };
        Ok(Self {
            version,
            machine,
            lacks,
            kvm: None,
            recording: None,
        })
    }

    /// QEMU under that KVM.
    pub fn under(kvm: &KvmKind) -> Result<Self, EngineError> {
        if !kvm.is_real() {
            return Err(EngineError::NoKvm {
                reason: format!("QEMU cannot boot under /dev/kvm: {}", host::kvm::kind(kvm)),
            });
        }
        Ok(Self {
            kvm: Some(host::kvm::kind(kvm)),
            ..Self::find(Machine::Kvm)?
        })
    }

    /// The same, but records what its guests execute.
    pub fn recording(self, recording: Recording) -> Self {
        Self {
            recording: Some(recording),
            ..self
        }
    }

    fn try_boot(
        &self,
        spec: &BootSpec,
        console: &mut dyn Write,
        stop: &AtomicBool,
    ) -> io::Result<BootOutcome> {
        let image = image::open(&spec.kernel, None).map_err(io::Error::other)?.1;
        let files = Files::new(spec)?;
        // An emulator's vCPUs do not measure time: it is pinned as a whole, if at all.
        let (pin, vcpu_pin) = match self.machine {
            Machine::Kvm => (None, spec.pin.as_slice()),
            _ => (pin(spec).map_err(io::Error::other)?, &[][..]),
        };
        let (mut monitor, their_ends) = Qmp::new(vcpu_pin)?;
        let mut command = Command::new(PROGRAM);
        command
            .args(machine(image.protocol))
            .args(self.machine.args())
            .args(["-nodefaults", "-no-user-config", "-display", "none"])
            .args(["-m", &spec.memory_mib.to_string()])
            .args(["-smp", &spec.cpus.to_string()])
            .args(["-chardev", "stdio,id=console,signal=off"])
            .args(["-serial", "chardev:console"])
            .arg("-chardev")
            .arg(format!("socket,id=monitor,fd={}", their_ends.monitor()))
            .args(["-mon", "chardev=monitor,mode=control"])
            // The guest waits for a command from the monitor, and a reset ends QEMU.
            .args(["-S", "-no-reboot"])
            // QEMU distinguishes a triple fault from a reset only here.
            .args(["-d", "cpu_reset", "-D"])
            .arg(files.resets())
            .arg("-kernel")
            .arg(files.kernel())
            .arg("-append")
            .arg(&spec.cmdline);
        command
            .arg("-device")
            .arg(format!("isa-debug-exit,iobase={DEBUG_EXIT:#x},iosize=4"))
            .args(exit_port(their_ends.exit_port()));
        if spec.initrd.is_some() {
            command.arg("-initrd").arg(files.initrd());
        }
        if let Some(recording) = &self.recording {
            command.arg("-plugin").arg(recording.arg());
        }
        let ran = child::run(ChildSpec {
            command,
            pin,
            timeout: spec.timeout,
            stop,
            console,
            last_words: Some(panic::PANIC),
            monitor: Some(&mut monitor),
        })?;
        drop(their_ends);
        let end = end_of(&ran, &monitor, triple_fault_in(&files.resets()));
        Ok(ran.outcome(end, monitor.guest_started))
    }
}

impl Engine for Qemu {
    fn boot(&self, spec: &BootSpec, console: &mut dyn Write, stop: &AtomicBool) -> BootOutcome {
        self.try_boot(spec, console, stop)
            .unwrap_or_else(|error| not_started(PROGRAM, &error))
    }

    fn about(&self) -> About {
        let (name, version) = match &self.kvm {
            Some(kvm) => (EngineKind::QemuKvm, format!("{}, KVM {kvm}", self.version)),
            None => (EngineKind::Qemu, self.version.to_owned()),
        };
        About {
            name,
            version,
            emulated: self.kvm.is_none(),
            counts: matches!(self.machine, Machine::Counting(_)),
            cpu_model: self.machine.cpu_model().map(str::to_owned),
            cpu_lacks: self.lacks.clone(),
        }
    }

    fn check(&self, spec: &BootSpec) -> Result<(), EngineError> {
        image::open(&spec.kernel, None).map_err(|error| EngineError::image(spec, error))?;
        pin(spec)?;
        Ok(())
    }
}

/// The features of that model which the emulator leaves out. QEMU is asked once for each model:
/// the answer does not change, and takes it a tenth of a second.
fn left_out(model: &str) -> Result<Vec<String>, EngineError> {
    static KNOWN: Mutex<BTreeMap<String, Vec<String>>> = Mutex::new(BTreeMap::new());
    // The map is intact even if another thread panicked.
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(lacks) = known.get(model) {
        return Ok(lacks.clone());
    }
    let lacks = cpu_model::left_out(model)?;
    known.insert(model.to_owned(), lacks.clone());
    Ok(lacks)
}

fn installed_version() -> Result<String, EngineError> {
    let not_installed = |reason: String| EngineError::NotInstalled {
        program: PROGRAM,
        reason,
        package: PACKAGE,
    };
    let output = Command::new(PROGRAM)
        .arg("--version")
        .output()
        .map_err(|error| not_installed(error.to_string()))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(not_installed(format!("it fails: {}", said.trim())));
    }
    let said = String::from_utf8_lossy(&output.stdout);
    let version = said.lines().next().unwrap_or("of unknown version");
    Ok(version.to_owned())
}

/// What QEMU reads and writes, under names of our own: QEMU takes commas and spaces in an
/// initrd's name as separators.
struct Files(TempDir);

impl Files {
    fn new(spec: &BootSpec) -> io::Result<Self> {
        let files = Self(TempDir::new()?);
        symlink(fs::canonicalize(&spec.kernel)?, files.kernel())?;
        if let Some(initrd) = &spec.initrd {
            symlink(fs::canonicalize(initrd)?, files.initrd())?;
        }
        Ok(files)
    }

    fn kernel(&self) -> PathBuf {
        self.0.path().join("kernel")
    }

    fn initrd(&self) -> PathBuf {
        self.0.path().join("initrd")
    }

    /// QEMU's log of resets.
    fn resets(&self) -> PathBuf {
        self.0.path().join("resets")
    }
}

/// The smallest machine that can boot an image of this protocol.
fn machine(protocol: Protocol) -> &'static [&'static str] {
    match protocol {
        // With ACPI, Linux cannot find an interrupt of microvm's serial port. A kernel reboots
        // through the i8042, unless by a triple fault.
        Protocol::Linux64 | Protocol::Pvh => &["-machine", "microvm,acpi=off", "-device", "i8042"],
        // Images that only support Multiboot expect a PC.
        Protocol::Multiboot => &["-machine", "pc"],
    }
}

/// A serial port whose data register is Unikraft's debug-exit port. With two isa-debug-exit
/// devices, QEMU's exit code would not show to which of them the guest wrote, and the same
/// number has two meanings there ([`End::by_unikrafts_port`]). Of QEMU's devices that pass on a
/// byte, this one accepts it from a write of any width.
fn exit_port(fd: RawFd) -> [String; 4] {
    [
        "-chardev".into(),
        format!("socket,id=exit-port,fd={fd}"),
        "-device".into(),
        format!("isa-serial,iobase={DEBUG_EXIT_UNIKRAFT:#x},chardev=exit-port"),
    ]
}

fn triple_fault_in(resets: &Path) -> bool {
    fs::read(resets).is_ok_and(|log| log.windows(12).any(|w| w == b"Triple fault"))
}

/// The end according to the guest's messages, QEMU's monitor and its exit code.
fn end_of(ran: &Ran, monitor: &Qmp, triple_fault: bool) -> End {
    let failed = |reason: String| End::EngineFailed {
        reason: format!("{PROGRAM} {reason}{}", quoted(&ran.errors)),
    };
    if ran.end == ChildEnd::Interrupted {
        return End::Interrupted;
    }
    if let Some(panicked) = panic::find(&ran.console) {
        return panicked;
    }
    // Before the machine's end: Unikraft powers off by ACPI at the same time.
    if let Some(byte) = monitor.exit_byte {
        return End::by_unikrafts_port(byte.into());
    }
    match (ran.end, monitor.shutdown_reason.as_deref()) {
        (ChildEnd::Flooded, _) => {
            failed("was killed: the guest wrote too much to its console".into())
        }
        (ChildEnd::TimedOut, _) if monitor.guest_started.is_none() => {
            failed("was not ready in time".into())
        }
        (ChildEnd::TimedOut, _) => End::TimedOut,
        (ChildEnd::Exited(0), Some("guest-shutdown")) => End::PoweredOff,
        (ChildEnd::Exited(0), Some("guest-reset")) if triple_fault => End::TripleFault,
        (ChildEnd::Exited(0), Some("guest-reset")) => End::Rebooted,
        // isa-debug-exit ends QEMU with twice the written value plus one, of which eight bits
        // arrive: of a status, only the lowest seven remain.
        (ChildEnd::Exited(code), None) if code & 1 == 1 && monitor.guest_started.is_some() => {
            End::Exited {
                status: (code >> 1) as u32,
            }
        }
        (ChildEnd::Exited(code), reason) => {
            let said = [reason, monitor.error.as_deref()].into_iter().flatten();
            let said: String = said.map(|said| format!(": {said}")).collect();
            failed(format!("ended with {code}{said}"))
        }
        (ChildEnd::Signaled(signal), _) => failed(format!("was killed by signal {signal}")),
        (ChildEnd::Interrupted, _) => End::Interrupted,
    }
}

fn quoted(errors: &[u8]) -> String {
    let errors = String::from_utf8_lossy(errors);
    match errors.trim() {
        "" => String::new(),
        errors => format!("; its error output: {errors}"),
    }
}
