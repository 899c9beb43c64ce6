//! Is this KVM real? A few instructions of guest code distinguish hardware from an emulator
//! that is only called KVM.
//!
//! A /dev/kvm that executes guest instructions in software needs hundreds of ticks for what
//! hardware does in one, and fails on instructions that it does not implement. Measurements
//! under it measure the emulator.

mod guest;

use std::fmt;
use std::fs;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::kvm::{KvmError, open_device};
use crate::permission;

/// The kind of KVM behind /dev/kvm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kvm", rename_all = "kebab-case")]
pub enum KvmKind {
    /// Guests run on the CPU, with this extension, and this machine is not virtual itself.
    Hardware {
        /// `vmx` or `svm`.
        extension: String,
        /// Guest instructions per TSC tick.
        rate: f64,
    },
    /// The same, inside a virtual machine: exits cost far more, the rest does not.
    Nested {
        /// `vmx` or `svm`.
        extension: String,
        /// Guest instructions per TSC tick.
        rate: f64,
    },
    /// Guest instructions are emulated in software, or cannot be executed at all.
    SoftwareEmulated {
        /// Guest instructions per TSC tick, if they ran.
        rate: Option<f64>,
        /// What revealed it.
        reason: String,
    },
    /// /dev/kvm does not exist.
    NoDevice,
    /// This user may not open /dev/kvm.
    NoPermission {
        /// What to do.
        #[serde(default)]
        fix: String,
    },
    /// /dev/kvm exists, but fails.
    Broken {
        /// How.
        reason: String,
    },
}

impl KvmKind {
    /// Whether measurements with it measure a CPU.
    pub fn is_real(&self) -> bool {
        matches!(self, Self::Hardware { .. } | Self::Nested { .. })
    }
}

impl fmt::Display for KvmKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hardware { extension, rate } => {
                write!(f, "hardware ({extension}), {rate:.2} instructions per tick")
            }
            Self::Nested { extension, rate } => write!(
                f,
                "nested: {extension} inside a virtual machine, {rate:.2} instructions per tick"
            ),
            Self::SoftwareEmulated {
                rate: Some(rate),
                reason,
            } => write!(
                f,
                "emulated in software: {reason} ({rate:.5} instructions per tick)"
            ),
            Self::SoftwareEmulated { rate: None, reason } => {
                write!(f, "emulated in software: {reason}")
            }
            Self::NoDevice => f.write_str("/dev/kvm does not exist"),
            Self::NoPermission { fix } => write!(f, "no permission for /dev/kvm: {fix}"),
            Self::Broken { reason } => write!(f, "/dev/kvm does not work: {reason}"),
        }
    }
}

/// Hardware executes the loop at about one instruction per tick. Emulators that interpret are
/// slower by three orders of magnitude, those that translate by one.
const SLOWEST_HARDWARE: f64 = 0.05;
/// Long enough for any KVM, short enough for a user who waits.
const PATIENCE: Duration = Duration::from_secs(2);

/// Determines what /dev/kvm is, in a few milliseconds if it is real.
pub fn probe() -> KvmKind {
    if let Some(obstacle) = obstacle() {
        return obstacle;
    }
    let cpu = Cpu::of(&fs::read_to_string("/proc/cpuinfo").unwrap_or_default());
    judge(
        &cpu,
        guest::speed(PATIENCE),
        guest::executes_everything(PATIENCE),
    )
}

/// Why /dev/kvm cannot be opened, if it cannot; does not run a guest.
pub fn obstacle() -> Option<KvmKind> {
    match open_device() {
        Ok(_) => None,
        Err(KvmError::NoDevice) => Some(KvmKind::NoDevice),
        Err(KvmError::NoPermission) => Some(KvmKind::NoPermission {
            fix: permission::fix(),
        }),
        Err(error) => Some(KvmKind::Broken {
            reason: error.to_string(),
        }),
    }
}

/// What the host's kernel reports about its CPU.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Cpu {
    extension: Option<&'static str>,
    is_virtual: bool,
}

impl Cpu {
    fn of(cpuinfo: &str) -> Self {
        let flags = cpuinfo
            .lines()
            .find(|line| line.starts_with("flags"))
            .unwrap_or_default();
        let has = |flag: &str| flags.split_whitespace().any(|word| word == flag);
        Self {
            extension: ["vmx", "svm"].into_iter().find(|extension| has(extension)),
            is_virtual: has("hypervisor"),
        }
    }
}

fn judge(cpu: &Cpu, speed: Result<f64, String>, executes: Result<(), String>) -> KvmKind {
    let emulated = |rate, reason| KvmKind::SoftwareEmulated { rate, reason };
    let rate = match speed {
        Ok(rate) => rate,
        Err(reason) if cpu.extension.is_some() => return KvmKind::Broken { reason },
        Err(reason) => return emulated(None, reason),
    };
    let Some(extension) = cpu.extension else {
        let reason =
            "the CPU shows neither vmx nor svm, so this KVM emulates it in software (kvm-pvm?)";
        return emulated(Some(rate), reason.into());
    };
    if let Err(reason) = executes {
        return emulated(Some(rate), reason);
    }
    if rate < SLOWEST_HARDWARE {
        return emulated(Some(rate), "guest instructions are far too slow".into());
    }
    let extension = extension.to_owned();
    if cpu.is_virtual {
        KvmKind::Nested { extension, rate }
    } else {
        KvmKind::Hardware { extension, rate }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cpu(flags: &str) -> Cpu {
        Cpu::of(&format!("processor\t: 0\nflags\t\t: {flags}\nbugs\t\t:\n"))
    }

    #[test]
    fn real_kvm_is_hardware_or_nested() {
        let judged = judge(&cpu("fpu svm"), Ok(0.9), Ok(()));
        assert_eq!(
            judged,
            KvmKind::Hardware {
                extension: "svm".into(),
                rate: 0.9
            }
        );
        let judged = judge(&cpu("vmx hypervisor"), Ok(0.9), Ok(()));
        assert_eq!(
            judged,
            KvmKind::Nested {
                extension: "vmx".into(),
                rate: 0.9
            }
        );
    }

    #[test]
    fn emulators_are_recognised() {
        for judged in [
            judge(&cpu("fpu hypervisor"), Ok(0.9), Ok(())),
            judge(&cpu("svm hypervisor"), Ok(0.001), Ok(())),
            judge(&cpu("svm hypervisor"), Ok(0.9), Err("no int3".into())),
            judge(&cpu("fpu"), Err("no instruction at all".into()), Ok(())),
        ] {
            assert!(
                matches!(judged, KvmKind::SoftwareEmulated { .. }),
                "{judged}"
            );
            assert!(!judged.is_real());
        }
    }

    #[test]
    fn a_probe_names_the_obstacle_if_there_is_one() {
        let is_closed =
            |kind: &KvmKind| matches!(kind, KvmKind::NoDevice | KvmKind::NoPermission { .. });
        let kind = probe();
        assert_eq!(is_closed(&kind), obstacle().as_ref().is_some_and(is_closed));
        assert!(!is_closed(&kind) || obstacle() == Some(kind));
    }
}
