//! A result as a filter for other tools.
//!
//! It allows only the calls that the program was seen to make, so it is a lower bound:
//! another test or another input may need more.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::Call;
use crate::result::Usage;

const LOWER_BOUND: &str = "A lower bound: only the calls that the program made under one test. \
    Other inputs may need more.";

/// Calls that every process needs, even if the program does not make them: to start, and to
/// return from a signal or a stop.
const ALWAYS: &[&str] = &[
    "execve",
    "exit",
    "exit_group",
    "restart_syscall",
    "rt_sigreturn",
];

/// The `linux.seccomp` object of the OCI runtime specification, which Docker and Podman take
/// by `--security-opt seccomp=FILE`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Oci {
    default_action: &'static str,
    default_errno_ret: i32,
    architectures: [&'static str; 1],
    syscalls: [OciRule; 1],
}

#[derive(Serialize)]
struct OciRule {
    names: Vec<String>,
    action: &'static str,
    comment: &'static str,
}

/// A seccomp profile in JSON.
pub fn oci(usage: &Usage) -> serde_json::Result<String> {
    let profile = Oci {
        default_action: "SCMP_ACT_ERRNO",
        default_errno_ret: libc::ENOSYS,
        architectures: ["SCMP_ARCH_X86_64"],
        syscalls: [OciRule {
            names: names(usage),
            action: "SCMP_ACT_ALLOW",
            comment: LOWER_BOUND,
        }],
    };
    serde_json::to_string_pretty(&profile).map(|json| json + "\n")
}

/// A drop-in file of a systemd unit (systemd.exec(5)).
pub fn systemd(usage: &Usage) -> String {
    let mut text = format!("# {LOWER_BOUND}\n[Service]\n");
    text += "SystemCallArchitectures=native\nSystemCallErrorNumber=ENOSYS\n";
    // The first empties the list, so that a unit's own does not add to it.
    text += "SystemCallFilter=\n";
    for name in names(usage) {
        text += &format!("SystemCallFilter={name}\n");
    }
    text
}

/// By name; a call without one cannot be allowed by name.
fn names(usage: &Usage) -> Vec<String> {
    let seen = usage.calls.iter().map(|used| used.call);
    let always = ALWAYS.iter().filter_map(|name| name.parse::<Call>().ok());
    let calls: BTreeSet<Call> = seen.chain(always).collect();
    let names = calls.into_iter().filter_map(Call::name);
    names.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::result::example;

    #[test]
    fn a_profile_allows_what_was_seen_and_what_every_process_needs() {
        let json: serde_json::Value = serde_json::from_str(&oci(&example()).unwrap()).unwrap();
        assert_eq!(json["defaultAction"], "SCMP_ACT_ERRNO");
        assert_eq!(json["defaultErrnoRet"], 38);
        let names = json["syscalls"][0]["names"].as_array().unwrap();
        for name in ["read", "openat", "execve", "rt_sigreturn"] {
            assert!(names.iter().any(|known| known == name), "{name}: {names:?}");
        }
        assert!(!names.iter().any(|known| known == "write"));
        let comment = json["syscalls"][0]["comment"].as_str().unwrap();
        assert!(comment.starts_with("A lower bound"));
    }

    #[test]
    fn a_unit_gets_one_line_a_call() {
        let text = systemd(&example());
        assert!(text.starts_with("# A lower bound"));
        assert!(
            text.contains("\nSystemCallFilter=\nSystemCallFilter=read\n"),
            "{text}"
        );
        assert!(text.ends_with("\nSystemCallFilter=openat\n"), "{text}");
    }
}
