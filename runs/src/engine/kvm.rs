//! Our own VMM: guests run on the CPU if KVM is real.

mod process;

pub use process::{report, words};

use std::fs::File;
use std::io::{Write, stdin};
use std::os::fd::AsFd;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use vmm::image::{self, Image};
use vmm::kvm::{self, Io, KvmOptions, NewVm, ReadyVm, Report};
use vmm::probe::{self, KvmKind};
use vmm::{BootOutcome, BootSpec};

use super::{About, Engine, EngineError, EngineKind, not_started, pin};

/// The `kvm` engine, for a particular kind of /dev/kvm.
pub struct Kvm {
    kind: KvmKind,
}

impl Kvm {
    /// Examines /dev/kvm. Fails if it cannot run anything at all.
    pub fn find() -> Result<Self, EngineError> {
        Self::on(host::kvm::probe())
    }

    /// The engine on a /dev/kvm that has been examined.
    pub fn on(kind: KvmKind) -> Result<Self, EngineError> {
        match kind {
            KvmKind::NoDevice | KvmKind::NoPermission { .. } | KvmKind::Broken { .. } => {
                Err(no_kvm(&kind))
            }
            kind => Ok(Self { kind }),
        }
    }
}

/// Prepares to boot without checking /dev/kvm; does not boot yet. Times count from `asked`.
pub fn prepare<'a>(
    new: Option<NewVm>,
    options: &'a KvmOptions,
    spec: &'a BootSpec,
    asked: Instant,
) -> Result<ReadyVm<'a>, EngineError> {
    pin(spec)?;
    let new = new.unwrap_or_else(NewVm::begin);
    ReadyVm::new(new, spec, options, asked).map_err(|error| match probe::obstacle() {
        Some(obstacle) => no_kvm(&obstacle),
        None => EngineError::Kvm(error),
    })
}

/// Opens the image, and checks what else can be checked before anything is booted.
pub fn open(options: &KvmOptions, spec: &BootSpec) -> Result<(File, Image), EngineError> {
    let (file, image) = image::open(&spec.kernel, options.protocol)
        .map_err(|error| EngineError::image(spec, error))?;
    kvm::check_cmdline(&spec.cmdline, &image).map_err(EngineError::Cmdline)?;
    Ok((file, image))
}

/// Boots once, with standard input as the guest's, and returns everything that only this engine
/// reports.
pub fn boot(
    ready: ReadyVm<'_>,
    kernel: (File, Image),
    console: &mut dyn Write,
    stop: &AtomicBool,
) -> Report {
    let stdin = stdin();
    let io = Io {
        console: &mut |bytes| write(console, bytes),
        input: Some(stdin.as_fd()),
        stop,
    };
    kvm::boot_image(ready, io, kernel)
}

fn write(console: &mut dyn Write, bytes: &[u8]) {
    // The receiver is best able to judge a failure; the guest continues.
    let _ = console.write_all(bytes);
}

fn no_kvm(kind: &KvmKind) -> EngineError {
    EngineError::NoKvm {
        reason: kind.to_string(),
    }
}

impl Engine for Kvm {
    fn boot(&self, spec: &BootSpec, console: &mut dyn Write, stop: &AtomicBool) -> BootOutcome {
        process::boot(spec, console, stop)
            .unwrap_or_else(|error| not_started("tollgate boot", &error))
    }

    fn about(&self) -> About {
        About {
            name: EngineKind::Kvm,
            version: format!(
                "tollgate {}, KVM {}",
                env!("CARGO_PKG_VERSION"),
                host::kvm::kind(&self.kind)
            ),
            emulated: !self.kind.is_real(),
            counts: false,
            cpu_model: None,
            cpu_lacks: Vec::new(),
        }
    }

    fn check(&self, spec: &BootSpec) -> Result<(), EngineError> {
        pin(spec)?;
        open(&KvmOptions::default(), spec).map(|_| ())
    }
}
