//! Our own VMM: guests run on the CPU, where KVM is real.

use std::io::{Write, stdin};
use std::os::fd::AsFd;
use std::sync::atomic::AtomicBool;

use vmm::image;
use vmm::kvm::{self, Io, KvmOptions, Report};
use vmm::probe::{self, Kvm as KvmKind};
use vmm::{BootOutcome, BootSpec};

use super::{About, Engine, EngineError, pin};

/// The `kvm` engine, on what /dev/kvm was found to be.
pub struct Kvm {
    kind: KvmKind,
    options: KvmOptions,
}

impl Kvm {
    /// Looks at /dev/kvm. Fails where it cannot run anything at all.
    pub fn find(options: KvmOptions) -> Result<Self, EngineError> {
        Self::on(super::probe(), options)
    }

    /// The engine on a /dev/kvm that was looked at.
    pub fn on(kind: KvmKind, options: KvmOptions) -> Result<Self, EngineError> {
        match kind {
            KvmKind::NoDevice | KvmKind::NoPermission { .. } | KvmKind::Broken { .. } => {
                Err(no_kvm(&kind))
            }
            kind => Ok(Self { kind, options }),
        }
    }
}

/// Boots once, whatever /dev/kvm is, and tells all that only this engine knows.
pub fn boot(
    options: &KvmOptions,
    spec: &BootSpec,
    console: &mut dyn Write,
    typed: bool,
    stop: &AtomicBool,
) -> Report {
    let stdin = stdin();
    let io = Io {
        console: &mut |bytes| {
            // Whoever listens knows better what a failure means; the guest goes on.
            let _ = console.write_all(bytes);
        },
        input: typed.then(|| stdin.as_fd()),
        stop,
    };
    kvm::boot(spec, options, io)
}

/// Checks what can be checked before anything is booted.
pub fn check(options: &KvmOptions, spec: &BootSpec) -> Result<(), EngineError> {
    image::open(&spec.kernel, options.protocol).map_err(|error| EngineError::image(spec, error))?;
    pin(spec)?;
    Ok(())
}

/// Checks that /dev/kvm can be opened; no guest runs.
pub fn check_device() -> Result<(), EngineError> {
    match probe::obstacle() {
        Some(obstacle) => Err(no_kvm(&obstacle)),
        None => Ok(()),
    }
}

fn no_kvm(kind: &KvmKind) -> EngineError {
    EngineError::NoKvm {
        reason: kind.to_string(),
    }
}

impl Engine for Kvm {
    fn boot(&self, spec: &BootSpec, console: &mut dyn Write, stop: &AtomicBool) -> BootOutcome {
        boot(&self.options, spec, console, false, stop).outcome
    }

    fn about(&self) -> About {
        About {
            name: "kvm".into(),
            version: format!(
                "tollgate {}, KVM {}",
                env!("CARGO_PKG_VERSION"),
                kind(&self.kind)
            ),
            emulated: !self.kind.is_real(),
        }
    }

    fn check(&self, spec: &BootSpec) -> Result<(), EngineError> {
        check(&self.options, spec)
    }
}

/// What KVM is, without the measured rate, which differs from run to run.
pub fn kind(kvm: &KvmKind) -> String {
    match kvm {
        KvmKind::Hardware { extension, .. } => format!("on hardware ({extension})"),
        KvmKind::Nested { extension, .. } => {
            format!("nested: {extension} inside a virtual machine")
        }
        KvmKind::SoftwareEmulated { reason, .. } => format!("emulated in software: {reason}"),
        other => other.to_string(),
    }
}
