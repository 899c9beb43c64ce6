//! Checks of the kernel's and microcode's protection against attacks, which costs time.

use super::Found;
use crate::doctor::Facts;

/// Whether a filter runs at every system call of the host.
pub(super) fn system_calls(facts: &Facts) -> Found {
    let what = match facts.host.seccomp {
        Some(true) => "a seccomp filter checks every system call of this process and its children",
        None => {
            return Found::unknown(
                "the kernel does not show whether a filter checks system \
            calls",
            );
        }
        Some(false) => return Found::ok("no seccomp filter"),
    };
    // System calls of guests do not reach the host's kernel.
    let found = if facts.measurement.host {
        Found::unfit(what)
    } else {
        Found::warning(what)
    };
    found.fix("run outside of the container (docker: --security-opt seccomp=unconfined)")
}

/// Whether each start has a different memory layout.
pub(super) fn aslr(facts: &Facts) -> Found {
    match facts.host.randomize_va_space {
        None => Found::unknown("the kernel does not show whether it randomises addresses"),
        Some(0) => Found::warning(
            "off: every boot of a host target has the same layout, so averaging over boots does \
             not remove its effect",
        )
        .fix("sudo sysctl kernel.randomize_va_space=2"),
        Some(level) => Found::ok(format!("on ({level}): boots average over layouts")),
    }
}

/// Whether the host's kernel uses mitigations, as kernels in production do.
pub(super) fn mitigations(facts: &Facts) -> Found {
    let all = &facts.host.vulnerabilities;
    if all.is_empty() {
        return Found::unknown("the kernel does not list its vulnerabilities");
    }
    let open: Vec<_> = all
        .iter()
        .filter(|(name, text)| text.starts_with("Vulnerable") && *name != OLD_MICROCODE)
        .map(|(name, _)| name.as_str())
        .collect();
    let parameter = facts.host.cmdline.as_deref().and_then(mitigations_word);
    let parameter = parameter.map_or(String::new(), |word| format!(" ({word})"));
    match open.as_slice() {
        [] => Found::ok(format!("none of {} vulnerabilities is open{parameter}", all.len())),
        open => Found::warning(format!(
            "vulnerable: {}{parameter}: system calls of the host are cheaper than with every \
             mitigation",
            open.join(", ")
        ))
        .fix("remove `mitigations=off` and similar options from the kernel's command line; update the microcode"),
    }
}

/// The last one counts.
fn mitigations_word(cmdline: &str) -> Option<&str> {
    let mut words = cmdline.split_whitespace();
    words.rfind(|word| word.starts_with("mitigations="))
}

/// Since Linux 6.16 the kernel recognises outdated revisions.
const OLD_MICROCODE: &str = "old_microcode";

/// Whether the microcode is known, and the same everywhere.
pub(super) fn microcode(facts: &Facts) -> Found {
    let old = facts.host.vulnerabilities.get(OLD_MICROCODE);
    let is_old = old.is_some_and(|text| text.starts_with("Vulnerable"));
    match (facts.host.microcode.as_slice(), &facts.processor.hypervisor) {
        ([], _) => Found::unknown("the kernel does not show the revision"),
        ([revision], Some(name)) => {
            Found::unknown(format!("revision {revision}, as shown by {name}"))
        }
        ([revision], None) if is_old => Found::warning(format!(
            "revision {revision} is known to be old: newer ones change the cost of kernel entries"
        ))
        .fix("sudo apt-get install amd64-microcode intel-microcode, and reboot"),
        ([revision], None) => Found::ok(format!("revision {revision}")),
        (several, _) => Found::warning(format!(
            "the CPUs have different revisions: {}",
            several.join(", ")
        ))
        .fix("update the firmware or the microcode package, and reboot"),
    }
}

#[cfg(test)]
mod tests {
    use eval::verdict::State::{Ok, Unfit, Unknown, Warning};

    use super::super::tests::expect;
    use super::*;

    #[test]
    fn a_filter_spoils_the_system_calls_of_the_host() {
        let filtered = |host| {
            move |facts: &mut Facts| {
                facts.measurement.host = host;
                facts.host.seccomp = Some(true);
            }
        };
        expect(system_calls, filtered(true), Unfit, "seccomp=unconfined");
        expect(system_calls, filtered(false), Warning, "seccomp");
    }

    #[test]
    fn a_fixed_layout_is_a_warning() {
        let level = |level| move |facts: &mut Facts| facts.host.randomize_va_space = Some(level);
        expect(
            aslr,
            level(0),
            Warning,
            "sysctl kernel.randomize_va_space=2",
        );
        expect(aslr, level(1), Ok, "on (1)");
    }

    #[test]
    fn open_vulnerabilities_are_named() {
        let spoil = |facts: &mut Facts| {
            let text = "Vulnerable: Safe RET, no microcode".to_owned();
            facts.host.vulnerabilities.insert("srso".into(), text);
            facts.host.cmdline = Some("mitigations=auto mitigations=off".into());
        };
        expect(
            mitigations,
            spoil,
            Warning,
            "vulnerable: srso (mitigations=off)",
        );
    }

    #[test]
    fn microcode_is_believed_on_the_machine_itself() {
        let several = |facts: &mut Facts| facts.host.microcode.push("0xa601209".into());
        expect(microcode, several, Warning, "0xa601203, 0xa601209");
        let old = |facts: &mut Facts| {
            let vulnerabilities = &mut facts.host.vulnerabilities;
            vulnerabilities.insert(OLD_MICROCODE.into(), "Vulnerable".into());
        };
        expect(microcode, old, Warning, "known to be old");
        // An old revision is not by itself an open vulnerability.
        expect(mitigations, old, Ok, "none of 2");
        let guest = |facts: &mut Facts| facts.processor.hypervisor = Some("Xen".into());
        expect(microcode, guest, Unknown, "as shown by Xen");
    }
}
