//! Checks of the engine for the guests, and of the hypervisor under this machine.

use vmm::probe::KvmKind;

use super::Found;
use crate::doctor::{Facts, GuestEngine};

/// Whether guests run on the CPU.
pub(super) fn engine(facts: &Facts) -> Found {
    match facts.measurement.guests {
        GuestEngine::None => Found::ok("no guests: programs run on the host"),
        GuestEngine::Emulator => {
            Found::unfit("guests run in QEMU's software emulation, which measures the emulator")
                .fix("use `engine = \"auto\"` or \"kvm\" on a machine with KVM")
        }
        GuestEngine::Kvm => kvm(facts),
    }
}

fn kvm(facts: &Facts) -> Found {
    let what = match &facts.kvm {
        KvmKind::NoPermission { .. } => "no permission for /dev/kvm".to_owned(),
        kvm => format!("KVM: {kvm}"),
    };
    match &facts.kvm {
        KvmKind::Hardware { .. } => Found::ok(what),
        KvmKind::Nested { .. } => Found::warning(format!(
            "{what}: exits go through the outer hypervisor and cost far more"
        ))
        .fix("measure on the outer machine"),
        KvmKind::SoftwareEmulated { .. } => {
            Found::unfit(what).fix("measure where the CPU shows vmx or svm")
        }
        KvmKind::NoDevice => Found::unfit(what).fix(load_module(facts)),
        KvmKind::NoPermission { fix } => Found::unfit(what).fix(fix.clone()),
        KvmKind::Broken { .. } => Found::unfit(what).fix("sudo dmesg | grep -i kvm"),
    }
}

fn load_module(facts: &Facts) -> &'static str {
    match (facts.processor.extension, &facts.processor.hypervisor) {
        (Some("vmx"), _) => "sudo modprobe kvm_intel",
        (Some(_), _) => "sudo modprobe kvm_amd",
        (None, Some(_)) => "enable nested virtualisation in the hypervisor underneath",
        (None, None) => "enable virtualisation (VT-x, SVM) in the firmware's settings",
    }
}

/// Whether another hypervisor schedules the CPUs, out of sight.
pub(super) fn hypervisor(facts: &Facts) -> Found {
    match &facts.processor.hypervisor {
        None => Found::ok("none: the CPU belongs to this machine"),
        Some(name) => Found::warning(format!(
            "this is a virtual machine ({name}): the clock, neighbours and mitigations of the \
             machine underneath are invisible"
        ))
        .fix("measure on the physical machine, or on a dedicated host"),
    }
}

#[cfg(test)]
mod tests {
    use eval::verdict::State::{Ok, Unfit, Warning};

    use super::super::tests::expect;
    use super::*;

    #[test]
    fn every_kind_of_kvm_has_its_word() {
        let rate = 0.9;
        let extension = || "vmx".to_owned();
        for (kvm, state, words) in [
            (
                KvmKind::Hardware {
                    extension: extension(),
                    rate,
                },
                Ok,
                "hardware (vmx)",
            ),
            (
                KvmKind::Nested {
                    extension: extension(),
                    rate,
                },
                Warning,
                "outer",
            ),
            (
                KvmKind::SoftwareEmulated {
                    rate: Some(1e-3),
                    reason: "no vmx".into(),
                },
                Unfit,
                "no vmx",
            ),
            (KvmKind::NoDevice, Unfit, "modprobe kvm_amd"),
            (
                KvmKind::NoPermission {
                    fix: "sudo usermod -aG kvm $USER".into(),
                },
                Unfit,
                "no permission for /dev/kvm sudo usermod -aG kvm",
            ),
            (
                KvmKind::Broken {
                    reason: "EIO".into(),
                },
                Unfit,
                "EIO",
            ),
        ] {
            expect(engine, |facts| facts.kvm = kvm, state, words);
        }
    }

    #[test]
    fn kvm_only_matters_to_guests() {
        let without_kvm = |guests| {
            move |facts: &mut Facts| {
                facts.kvm = KvmKind::NoDevice;
                facts.measurement.guests = guests;
            }
        };
        expect(engine, without_kvm(GuestEngine::None), Ok, "on the host");
        expect(
            engine,
            without_kvm(GuestEngine::Emulator),
            Unfit,
            "emulation",
        );
    }

    #[test]
    fn what_loads_the_module_depends_on_the_processor() {
        for (extension, hypervisor, words) in [
            (Some("vmx"), None, "kvm_intel"),
            (None, None, "firmware"),
            (None, Some("Xen".to_owned()), "nested"),
        ] {
            let spoil = |facts: &mut Facts| {
                facts.kvm = KvmKind::NoDevice;
                facts.processor.extension = extension;
                facts.processor.hypervisor = hypervisor;
            };
            expect(engine, spoil, Unfit, words);
        }
    }

    #[test]
    fn a_virtual_machine_is_named() {
        let spoil = |facts: &mut Facts| facts.processor.hypervisor = Some("KVMKVMKVM".into());
        expect(hypervisor, spoil, Warning, "KVMKVMKVM");
    }
}
