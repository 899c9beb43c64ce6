//! What boots a target. Every engine takes a [`BootSpec`] and returns a [`BootOutcome`].

mod child;
mod host_process;
pub mod kvm;
mod qemu;
mod qmp;
pub mod single;

use std::fmt;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use host::cpus::{self, CpuListError};
use host::kvm::probe;
use rustix::thread::CpuSet;
use serde::{Deserialize, Serialize};
use vmm::{BootOutcome, BootSpec, End, Timings};

pub use host_process::Host;
pub use kvm::Kvm;
pub use qemu::{Machine, Qemu, Recording};

use crate::experiment::EngineName;

/// Something that boots targets.
pub trait Engine {
    /// Boots once. Console bytes go to `console` as they come, and into the outcome; `stop`
    /// ends the boot early.
    fn boot(&self, spec: &BootSpec, console: &mut dyn Write, stop: &AtomicBool) -> BootOutcome;

    /// The description in the manifest and next to every number.
    fn about(&self) -> About;

    /// Checks everything that can be checked before the boot.
    fn check(&self, spec: &BootSpec) -> Result<(), EngineError>;
}

/// What booted a target, once `auto` has chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EngineKind {
    /// Our own VMM.
    Kvm,
    /// An external QEMU, software emulation.
    Qemu,
    /// The same QEMU under KVM.
    QemuKvm,
    /// No VM: the program runs as a process.
    Host,
    /// Nothing: the target has no image.
    None,
}

impl EngineKind {
    /// Its name in files and for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kvm => "kvm",
            Self::Qemu => "qemu",
            Self::QemuKvm => "qemu-kvm",
            Self::Host => "host",
            Self::None => "none",
        }
    }

    /// The name that asks for it again. What counts instructions is the same emulator.
    pub fn to_ask_for(self) -> Option<EngineName> {
        match self {
            Self::Kvm => Some(EngineName::Kvm),
            Self::Qemu => Some(EngineName::Qemu),
            Self::QemuKvm => Some(EngineName::QemuKvm),
            Self::Host => Some(EngineName::Host),
            Self::None => None,
        }
    }

    /// Whether a guest runs the program.
    pub fn has_guest(self) -> bool {
        match self {
            Self::Kvm | Self::Qemu | Self::QemuKvm => true,
            Self::Host | Self::None => false,
        }
    }
}

impl fmt::Display for EngineKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// An engine's description of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// Which one it is.
    pub name: EngineKind,
    /// Its own words about its version.
    pub version: String,
    /// Whether instructions are emulated, so that its ticks do not measure time.
    pub emulated: bool,
    /// Whether the counter advances by one per instruction.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub counts: bool,
    /// The emulated processor, by QEMU's name; `None` if the guest sees the host's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_model: Option<String>,
    /// Features of that processor that the emulator leaves out, by QEMU's names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cpu_lacks: Vec<String>,
}

/// Why an engine cannot boot something.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The program is not installed.
    #[error("{program} is not installed: {reason} (on Debian: apt-get install {package})")]
    NotInstalled {
        /// Its name.
        program: &'static str,
        /// The system's error.
        reason: String,
        /// The package that contains it.
        package: &'static str,
    },
    /// /dev/kvm cannot run anything.
    #[error("{reason} (the engine `qemu` boots without KVM, in software emulation)")]
    NoKvm {
        /// Why, and what to do.
        reason: String,
    },
    /// KVM refuses the request.
    #[error(transparent)]
    Kvm(#[from] vmm::kvm::KvmError),
    /// QEMU cannot emulate such a processor.
    #[error(
        "QEMU cannot emulate the processor {model:?}: {reason} \
         (`qemu-system-x86_64 -cpu help` lists what it can emulate)"
    )]
    CpuModel {
        /// QEMU's name for it.
        model: String,
        /// QEMU's message.
        reason: String,
    },
    /// A request that only `kvm` can fulfil.
    #[error("{flag} needs the engine kvm, but this is qemu: leave it out, or use --engine kvm")]
    OnlyKvm {
        /// The option.
        flag: &'static str,
    },
    /// The same, if the user did not ask for qemu.
    #[error(
        "{flag} needs the engine kvm, but auto chose qemu, because /dev/kvm: {kind}; {}",
        without_kvm(kind)
    )]
    NotByAuto {
        /// The option.
        flag: &'static str,
        /// What kind of KVM /dev/kvm is.
        kind: vmm::probe::KvmKind,
    },
    /// The file is not an image.
    #[error("{path}: {reason}")]
    Image {
        /// The image.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        reason: String,
    },
    /// The kernel does not accept the command line.
    #[error(transparent)]
    Cmdline(vmm::kvm::LoadError),
    /// The boot was to run on CPUs that it may not use.
    #[error(transparent)]
    Pin(#[from] CpuListError),
}

/// What remains if `auto` does not choose KVM.
fn without_kvm(kind: &vmm::probe::KvmKind) -> &'static str {
    match kind {
        vmm::probe::KvmKind::SoftwareEmulated { .. } => {
            "leave it out, or use --engine kvm, which also boots under this KVM"
        }
        _ => "leave it out, or use a machine with KVM",
    }
}

impl EngineError {
    fn image(spec: &BootSpec, error: vmm::image::ImageError) -> Self {
        Self::Image {
            path: spec.kernel.clone(),
            reason: error.to_string(),
        }
    }
}

/// An engine, and why it was chosen.
pub struct Chosen {
    /// The engine.
    pub engine: Box<dyn Engine>,
    /// Why `auto` chose it; `None` if the user named it.
    pub reason: Option<String>,
}

/// The engine with that name. `cpu` is the processor that an emulator emulates.
pub fn choose(name: EngineName, cpu: Option<&str>) -> Result<Chosen, EngineError> {
    let named = |engine: Box<dyn Engine>| Chosen {
        engine,
        reason: None,
    };
    Ok(match name {
        EngineName::Auto => return auto(),
        EngineName::Kvm => named(Box::new(Kvm::find()?)),
        EngineName::Qemu => named(Box::new(Qemu::find(Machine::Emulated(model(cpu)))?)),
        EngineName::AutoQemu => return auto_qemu(),
        EngineName::QemuKvm => named(Box::new(Qemu::under(&probe())?)),
        EngineName::Host => named(Box::new(Host)),
    })
}

/// The engine that counts instructions, on a processor of that model.
pub fn counting(cpu: Option<&str>) -> Result<Chosen, EngineError> {
    Ok(Chosen {
        engine: Box::new(Qemu::find(Machine::Counting(model(cpu)))?),
        reason: None,
    })
}

/// The processor with everything that the emulator supports, unless another one is requested.
fn model(cpu: Option<&str>) -> String {
    cpu.unwrap_or("max").to_owned()
}

/// `kvm` if KVM really runs guests on the CPU, otherwise `qemu`.
fn auto() -> Result<Chosen, EngineError> {
    by_kvm(|kind| Ok(Box::new(Kvm::on(kind)?)))
}

/// QEMU under KVM if that really runs guests on the CPU, otherwise QEMU's emulator.
fn auto_qemu() -> Result<Chosen, EngineError> {
    by_kvm(|kind| Ok(Box::new(Qemu::under(&kind)?)))
}

fn by_kvm(
    real: impl FnOnce(vmm::probe::KvmKind) -> Result<Box<dyn Engine>, EngineError>,
) -> Result<Chosen, EngineError> {
    let kind = probe();
    let reason = format!("/dev/kvm: {}", host::kvm::kind(&kind));
    let engine = if kind.is_real() {
        real(kind)?
    } else {
        Box::new(Qemu::find(Machine::Emulated(model(None)))?)
    };
    Ok(Chosen {
        engine,
        reason: Some(reason),
    })
}

/// Whether that engine runs guests on the CPU here, so that the choice of CPUs matters.
pub fn runs_on_cpu(name: EngineName) -> bool {
    match name {
        EngineName::Auto | EngineName::AutoQemu => probe().is_real(),
        EngineName::Kvm | EngineName::QemuKvm | EngineName::Host => true,
        EngineName::Qemu => false,
    }
}

/// The outcome of a boot that never began.
fn not_started(program: &str, error: &io::Error) -> BootOutcome {
    BootOutcome {
        console: Vec::new(),
        end: End::EngineFailed {
            reason: format!("cannot run {program}: {error}"),
        },
        timings: Timings::default(),
        exits: None,
        pages: None,
    }
}

/// The affinity mask that a boot requests, if it requests one.
fn pin(spec: &BootSpec) -> Result<Option<CpuSet>, CpuListError> {
    if spec.pin.is_empty() {
        return Ok(None);
    }
    cpus::mask(&spec.pin).map(Some)
}
