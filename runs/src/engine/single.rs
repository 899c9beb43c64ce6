//! A boot that does not belong to a run, with the engine that the user requests.

use std::time::Instant;

use vmm::BootSpec;
use vmm::kvm::{KvmOptions, NewVm, ReadyVm};
use vmm::probe::KvmKind;

use super::{EngineError, Machine, Qemu, kvm};

/// The requested engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// `kvm` if KVM really runs guests on the CPU, otherwise `qemu`.
    Auto,
    /// Our own VMM.
    Kvm,
    /// An external QEMU, software emulation.
    Qemu,
    /// The same QEMU under KVM.
    QemuKvm,
}

/// The engine of one boot.
pub enum Single<'a> {
    /// Our own VMM, ready to boot.
    Kvm(ReadyVm<'a>),
    /// An external QEMU.
    Qemu(Qemu),
}

/// The requested engine. `flag` is an option that only `kvm` supports. The boot began at
/// `began`; `new` is its machine, if that is already being created.
///
/// # Errors
///
/// The engine is not available, or does not support the request.
pub fn choose<'a>(
    wish: Wish,
    flag: Option<&'static str>,
    spec: &'a BootSpec,
    options: &'a KvmOptions,
    new: Option<NewVm>,
    began: Instant,
    say: &dyn Fn(&str),
) -> Result<Single<'a>, EngineError> {
    let qemu = match (wish, flag) {
        (Wish::Kvm, _) => return kvm::prepare(new, options, spec, began).map(Single::Kvm),
        (Wish::Qemu | Wish::QemuKvm, Some(flag)) => {
            return Err(EngineError::OnlyKvm { flag });
        }
        (Wish::QemuKvm, None) => Qemu::under(&host::kvm::probe()),
        (Wish::Auto, flag) if auto(host::kvm::probe(), flag, say)? => {
            return kvm::prepare(new, options, spec, began).map(Single::Kvm);
        }
        (Wish::Qemu | Wish::Auto, _) => Qemu::find(Machine::Emulated("max".into())),
    };
    qemu.map(Single::Qemu)
}

/// Whether `auto` chooses KVM. If it does not, and `flag` needs KVM, the command line is not
/// wrong, because it works on other machines.
fn auto(
    kind: KvmKind,
    flag: Option<&'static str>,
    say: &dyn Fn(&str),
) -> Result<bool, EngineError> {
    let is_real = kind.is_real();
    match flag {
        Some(flag) if !is_real => Err(EngineError::NotByAuto { flag, kind }),
        _ => {
            let name = if is_real { "kvm" } else { "qemu" };
            say(&format!(
                "tollgate: engine {name}, because /dev/kvm: {kind}"
            ));
            Ok(is_real)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_that_needs_kvm_is_refused_with_the_reason_for_qemu() {
        let kinds = [
            (
                KvmKind::SoftwareEmulated {
                    rate: None,
                    reason: "no vmx".into(),
                },
                ["emulated in software: no vmx", "use --engine kvm"],
            ),
            (
                KvmKind::NoDevice,
                ["/dev/kvm does not exist", "leave it out"],
            ),
        ];
        for (kind, words) in kinds {
            assert!(matches!(auto(kind.clone(), None, &|_| {}), Ok(false)));
            let error = auto(kind, Some("--stats"), &|_| {}).unwrap_err();
            let message = error.to_string();
            assert!(
                message.starts_with("--stats needs the engine kvm"),
                "{message}"
            );
            for word in words {
                assert!(message.contains(word), "{message}");
            }
            assert!(matches!(error, EngineError::NotByAuto { .. }));
        }
        let real = KvmKind::Hardware {
            extension: "svm".into(),
            rate: 1.0,
        };
        assert!(matches!(auto(real, Some("--stats"), &|_| {}), Ok(true)));
    }
}
