//! The BPF programs that are attached to the running kernel, where, and by whom.
//!
//! Nothing below /sys/kernel/tracing shows them: neither perf events nor BPF links use the
//! switches of tracefs. The kernel lists them through bpf(2) (Linux, include/uapi/linux/bpf.h),
//! for CAP_SYS_ADMIN only. A program that is attached through a perf event without a link
//! belongs to a file descriptor, so all descriptors are queried.

mod btf;
mod calls;
mod info;
mod symbols;

use std::io;

use self::btf::Btf;
use self::calls::Event;
use crate::holders::{self, Held, Holder, Process};
use crate::tree::Tree;

/// A program in the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// The kernel's number for it.
    pub id: u32,
    /// Its type, as bpftool names it: `raw_tracepoint`, `kprobe`, `tracing`.
    pub kind: String,
    /// Its name, which may be empty and has at most 15 letters.
    pub name: String,
    /// When it was loaded, in nanoseconds since the machine's start.
    pub loaded_ns: u64,
}

/// How a program is attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hook {
    /// To a tracepoint, by BPF_RAW_TRACEPOINT_OPEN or with types (`tp_btf`).
    RawTracepoint,
    /// To a tracepoint, by a perf event.
    Tracepoint,
    /// To a function of the kernel, by a kprobe.
    Kprobe,
    /// To a function's entry or exit, by ftrace (fentry, fexit, fmod_ret).
    Trampoline,
    /// To a hook of the security modules.
    Lsm,
    /// To a function of a program.
    Uprobe,
    /// To several functions of the kernel at once.
    KprobeMulti,
    /// Anything else: the network, control groups, schedulers.
    Other,
}

impl Hook {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::RawTracepoint => "raw tracepoint",
            Self::Tracepoint => "tracepoint",
            Self::Kprobe => "kprobe",
            Self::Trampoline => "trampoline",
            Self::Lsm => "LSM hook",
            Self::Uprobe => "uprobe",
            Self::KprobeMulti => "kprobe.multi",
            Self::Other => "link",
        }
    }
}

/// One attachment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// The program that runs.
    pub program: Program,
    /// How it is attached.
    pub hook: Hook,
    /// Its target: `sys_enter`, `do_syscall_64`, `do_syscall_64 and 3 other functions`. Empty if
    /// the kernel does not give it.
    pub target: String,
    /// The number of its link; a perf event may not have one.
    pub link: Option<u32>,
    /// The processes that hold it. A pinned link has none.
    pub held_by: Vec<Process>,
}

/// Functions on the path of every system call of x86-64 (Linux, arch/x86/entry and
/// kernel/entry/common.c, of 5.10 to 6.18).
const EVERY_CALL: [&str; 9] = [
    "entry_SYSCALL_64",
    "do_syscall_64",
    "x64_sys_call",
    "syscall_enter_from_user_mode",
    "syscall_trace_enter",
    "syscall_exit_to_user_mode",
    "syscall_exit_to_user_mode_work",
    "syscall_exit_work",
    "exit_to_user_mode_prepare",
];

impl Attachment {
    fn add_holder(&mut self, process: Process) {
        if !self.held_by.contains(&process) {
            self.held_by.push(process);
        }
    }

    /// Whether it makes every system call slower. The tracepoints of single calls count: they
    /// depend on the tracepoint of all calls (Linux, kernel/trace/trace_syscalls.c).
    pub fn sees_every_call(&self) -> bool {
        match self.hook {
            Hook::RawTracepoint | Hook::Tracepoint => is_system_call(&self.target),
            Hook::Kprobe | Hook::Trampoline => EVERY_CALL.contains(&&*self.target),
            // One of several is enough, and named first.
            Hook::KprobeMulti => {
                let first = self.target.split([',', ' ']).next();
                first.is_some_and(|first| EVERY_CALL.contains(&first))
            }
            Hook::Lsm | Hook::Uprobe | Hook::Other => false,
        }
    }
}

fn is_system_call(tracepoint: &str) -> bool {
    ["sys_enter", "sys_exit"]
        .iter()
        .any(|name| tracepoint.starts_with(name))
}

/// All attachments of the running kernel: those by links, and those of perf events.
///
/// # Errors
///
/// As bpf(2): EPERM without CAP_SYS_ADMIN (few containers have it), ENOSYS for a kernel
/// without BPF.
pub fn attached(tree: &Tree) -> io::Result<Vec<Attachment>> {
    let mut attached = links(tree)?;
    for Holder { process, what } in holders::all(tree) {
        match what {
            Held::Link(id) => {
                if let Some(link) = attached.iter_mut().find(|one| one.link == Some(id)) {
                    link.add_holder(process);
                }
            }
            Held::PerfEvent { fd } => {
                // Most perf events have no program.
                if let Ok(event) = calls::query_descriptor(process.id, fd) {
                    add_event(&mut attached, event, process);
                }
            }
        }
    }
    Ok(attached)
}

/// Attachments by links.
fn links(tree: &Tree) -> io::Result<Vec<Attachment>> {
    let mut btf = Btf::default();
    let ids = calls::link_ids()?.into_iter();
    let links = ids.filter_map(|id| {
        // A link may have disappeared since its number was listed.
        let link = info::link(id).ok()?;
        Some(Attachment {
            program: info::program(link.program).ok()?,
            hook: link.hook,
            target: match link.btf {
                Some(place) => btf.name(tree, place).unwrap_or_default(),
                None if link.addresses.is_empty() => link.target,
                None => {
                    let named = symbols::at(tree, &link.addresses, &EVERY_CALL);
                    several(&named, link.addresses.len())
                }
            },
            link: Some(id),
            held_by: Vec::new(),
        })
    });
    Ok(links.collect())
}

/// The targets of one link: those on the path of every call by their names, the others by their
/// number.
fn several(named: &[&str], all: usize) -> String {
    match (named, all.saturating_sub(named.len())) {
        ([], all) => format!("{all} functions"),
        (named, 0) => named.join(", "),
        (named, others) => format!("{} and {others} other functions", named.join(", ")),
    }
}

/// Adds the program of a perf event: one attachment, however many CPUs have an event of it. A
/// link to a perf event is already listed, and before Linux 6.6 without its target.
fn add_event(attached: &mut Vec<Attachment>, event: Event, process: Process) {
    let same = attached.iter_mut().find(|other| {
        other.program.id == event.program
            && (other.target == event.target || other.target.is_empty())
    });
    match same {
        Some(other) => {
            other.target = event.target;
            other.add_holder(process);
        }
        None => {
            let Ok(program) = info::program(event.program) else {
                return;
            };
            attached.push(Attachment {
                program,
                hook: event.hook,
                target: event.target,
                link: None,
                held_by: vec![process],
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attachment(hook: Hook, target: &str) -> Attachment {
        Attachment {
            program: Program {
                id: 7,
                kind: "kprobe".into(),
                name: "probe".into(),
                loaded_ns: 1,
            },
            hook,
            target: target.into(),
            link: None,
            held_by: vec![],
        }
    }

    #[test]
    fn what_lies_on_the_way_of_every_call_is_told_from_the_rest() {
        for (hook, target, sees) in [
            (Hook::RawTracepoint, "sys_enter", true),
            (Hook::RawTracepoint, "sched_switch", false),
            (Hook::Tracepoint, "sys_exit_openat", true),
            (Hook::Tracepoint, "", false),
            (Hook::Kprobe, "do_syscall_64", true),
            (Hook::Kprobe, "vfs_read", false),
            (Hook::Trampoline, "x64_sys_call", true),
            (Hook::Uprobe, "sys_enter", false),
            (Hook::KprobeMulti, "x64_sys_call", true),
            (Hook::KprobeMulti, "do_syscall_64, x64_sys_call", true),
            (Hook::KprobeMulti, "12 functions", false),
        ] {
            let seen = attachment(hook, target).sees_every_call();
            assert_eq!(seen, sees, "{} {target}", hook.name());
        }
    }

    #[test]
    fn of_several_functions_those_on_every_call_are_named() {
        assert_eq!(several(&[], 12), "12 functions");
        assert_eq!(several(&["do_syscall_64"], 1), "do_syscall_64");
        let text = several(&["do_syscall_64", "x64_sys_call"], 5);
        assert_eq!(text, "do_syscall_64, x64_sys_call and 3 other functions");
        assert!(attachment(Hook::KprobeMulti, &text).sees_every_call());
    }

    #[test]
    fn a_programs_events_on_all_cpus_are_one_attachment() {
        let event = |target: &str| Event {
            program: 7,
            hook: Hook::Tracepoint,
            target: target.into(),
        };
        let process = |id| Process {
            id,
            name: "falco".into(),
        };
        let mut attached = vec![attachment(Hook::Tracepoint, "")];
        add_event(&mut attached, event("sys_enter"), process(9));
        add_event(&mut attached, event("sys_enter"), process(9));
        add_event(&mut attached, event("sys_enter"), process(10));
        assert_eq!(attached.len(), 1);
        assert_eq!(attached[0].target, "sys_enter");
        assert_eq!(attached[0].held_by, [process(9), process(10)]);
    }
}
