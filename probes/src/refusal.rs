//! Why a kernel refuses a watch, in a sentence with its fix.

use std::io;

use contract::WatchKind;

/// Why a watch cannot be carried out.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The kernel does not have such a type.
    #[error(
        "this kernel's BTF does not describe {name}; \
         fix: use a kernel that has the function, and was built with DEBUG_INFO_BTF"
    )]
    NotDescribed {
        /// A function, or a tracepoint's type.
        name: String,
    },
    /// The kernel does not offer such perf events.
    #[error(
        "this kernel has no perf events of the type {name}; \
         fix: use a kernel with {}",
        option(name)
    )]
    NoPmu {
        /// `kprobe` or `uprobe`.
        name: &'static str,
    },
    /// A call to the kernel failed.
    #[error("{step} failed: {error}; {}", .step.remedy(.error))]
    Failed {
        /// Which.
        step: Step,
        /// How.
        error: io::Error,
    },
}

impl Refusal {
    /// The error number, if a call failed.
    pub fn errno(&self) -> Option<i32> {
        match self {
            Self::Failed { error, .. } => error.raw_os_error(),
            Self::NotDescribed { .. } | Self::NoPmu { .. } => None,
        }
    }
}

fn option(pmu: &str) -> &'static str {
    match pmu {
        "kprobe" => "KPROBE_EVENTS",
        _ => "UPROBE_EVENTS",
    }
}

/// What was tried.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// Make the program's map.
    Map,
    /// Read the kernel's types.
    Btf,
    /// Find a tracepoint.
    Tracefs,
    /// Find the site in this program's file.
    Maps,
    /// Load the program.
    Load(WatchKind),
    /// Open a perf event.
    Event(WatchKind),
    /// Attach the program.
    Attach(WatchKind),
    /// Turn statistics on, or read them.
    Statistics,
}

impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Map => f.write_str("making the program's map"),
            Self::Btf => f.write_str("reading /sys/kernel/btf/vmlinux"),
            Self::Tracefs => f.write_str("finding the tracepoint in /sys/kernel/tracing"),
            Self::Maps => f.write_str("reading /proc/self/maps"),
            Self::Load(kind) => write!(f, "loading a program for {}", kind.name()),
            Self::Event(kind) => write!(f, "opening a perf event for {}", kind.name()),
            Self::Attach(kind) => write!(f, "attaching {}", kind.name()),
            Self::Statistics => f.write_str("the statistics of BPF programs"),
        }
    }
}

impl Step {
    /// Wraps an error of this step.
    pub fn failed(self) -> impl Fn(io::Error) -> Refusal {
        move |error| Refusal::Failed { step: self, error }
    }

    fn remedy(self, error: &io::Error) -> String {
        let fix = match (self, error.raw_os_error()) {
            (_, Some(libc::EPERM | libc::EACCES)) => return permission(),
            (_, Some(libc::ENOSYS)) => "use a kernel with BPF_SYSCALL",
            (Self::Btf, _) => "use a kernel with DEBUG_INFO_BTF",
            (Self::Tracefs, _) => {
                "run `mount -t tracefs tracefs /sys/kernel/tracing`; the kernel needs \
                 FTRACE_SYSCALLS"
            }
            (Self::Maps, _) => "run `mount -t proc proc /proc`",
            (Self::Load(WatchKind::FmodRet), Some(libc::EINVAL)) => {
                "watch a function that the kernel marks as modifiable; for system calls it \
                 needs FUNCTION_ERROR_INJECTION"
            }
            (Self::Attach(kind), Some(libc::EOPNOTSUPP)) if is_fprobe(kind) => {
                "use a kernel with FPROBE"
            }
            (Self::Attach(_), Some(libc::EOPNOTSUPP | libc::EBUSY | libc::ENOENT)) => {
                "use a kernel with DYNAMIC_FTRACE, and watch a function that it has"
            }
            (Self::Load(kind) | Self::Attach(kind), Some(libc::EINVAL)) => {
                return format!(
                    "fix: use Linux {} or later, which has {}",
                    kind.since(),
                    kind.name()
                );
            }
            (Self::Statistics, Some(libc::EINVAL)) => "use Linux 5.8 or later",
            (Self::Event(_), _) => "look at the kernel's messages (`dmesg`) for its reason",
            (_, Some(libc::ENOMEM)) => "give it more memory",
            _ => "look at the kernel's messages (`dmesg`) for its reason",
        };
        format!("fix: {fix}")
    }
}

fn is_fprobe(kind: WatchKind) -> bool {
    matches!(kind, WatchKind::KprobeMulti | WatchKind::KretprobeMulti)
}

/// Says which of three permissions is missing: root, a capability, or the lockdown's.
fn permission() -> String {
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    // SAFETY: it has no arguments, and cannot fail.
    let is_root = unsafe { libc::geteuid() } == 0;
    let fix = match forbids(
        is_root,
        &read("/proc/self/status"),
        &read("/sys/kernel/security/lockdown"),
    ) {
        Forbids::User => "run it as root",
        Forbids::Capability => {
            "give it the capabilities CAP_BPF and CAP_PERFMON, or CAP_SYS_ADMIN, which a \
             container leaves out"
        }
        Forbids::Lockdown => {
            "boot the machine without lockdown: /sys/kernel/security/lockdown forbids it even to \
             root"
        }
        Forbids::Other => {
            "this is root with all capabilities, so look for lockdown or a security module on the \
             machine outside this container"
        }
    };
    format!("fix: {fix}")
}

#[derive(Debug, PartialEq, Eq)]
enum Forbids {
    User,
    Capability,
    Lockdown,
    Other,
}

/// By the texts of /proc/self/status and of the lockdown's file.
fn forbids(is_root: bool, status: &str, lockdown: &str) -> Forbids {
    // include/uapi/linux/capability.h.
    const SYS_ADMIN: u64 = 1 << 21;
    const PERFMON_AND_BPF: u64 = 1 << 38 | 1 << 39;
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let effective = effective.and_then(|set| u64::from_str_radix(set.trim(), 16).ok());
    let has = |wanted| effective.is_none_or(|set| set & wanted == wanted);
    let is_locked = ["[integrity]", "[confidentiality]"]
        .iter()
        .any(|mode| lockdown.contains(mode));
    match () {
        () if !is_root => Forbids::User,
        () if !has(SYS_ADMIN) && !has(PERFMON_AND_BPF) => Forbids::Capability,
        () if is_locked => Forbids::Lockdown,
        () => Forbids::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(step: Step, errno: i32) -> String {
        step.failed()(io::Error::from_raw_os_error(errno)).to_string()
    }

    #[test]
    fn each_refusal_has_its_fix() {
        for (step, errno, fix) in [
            (Step::Btf, libc::ENOENT, "DEBUG_INFO_BTF"),
            (Step::Tracefs, libc::ENOENT, "mount -t tracefs"),
            (Step::Load(WatchKind::FmodRet), libc::EINVAL, "modifiable"),
            (
                Step::Attach(WatchKind::KprobeMulti),
                libc::EOPNOTSUPP,
                "FPROBE",
            ),
            (
                Step::Attach(WatchKind::UprobeMulti),
                libc::EINVAL,
                "Linux 6.6",
            ),
            (Step::Load(WatchKind::TpBtf), libc::EINVAL, "Linux 5.5"),
            (Step::Statistics, libc::EINVAL, "Linux 5.8"),
            (Step::Load(WatchKind::RawTp), libc::ENOSYS, "BPF_SYSCALL"),
        ] {
            let said = said(step, errno);
            assert!(said.contains("fix: ") && said.contains(fix), "{said}");
        }
    }

    #[test]
    fn a_missing_permission_is_named() {
        let status = |set: &str| format!("Name:\tx\nCapEff:\t{set}\n");
        let (all, some) = (status("000001ffffffffff"), status("00000000a80425fb"));
        let locked = "none [integrity] confidentiality\n";
        for (is_root, status, lockdown, expected) in [
            (false, &all, locked, Forbids::User),
            (true, &some, locked, Forbids::Capability),
            (true, &all, locked, Forbids::Lockdown),
            (true, &all, "[none] integrity\n", Forbids::Other),
            (true, &String::new(), "", Forbids::Other),
        ] {
            assert_eq!(forbids(is_root, status, lockdown), expected, "{status}");
        }
        let said = said(Step::Load(WatchKind::RawTp), libc::EPERM);
        assert!(said.contains("fix: "), "{said}");
    }

    #[test]
    fn a_missing_source_of_events_names_its_option() {
        let said = Refusal::NoPmu { name: "kprobe" }.to_string();
        assert!(said.ends_with("KPROBE_EVENTS"), "{said}");
    }
}
