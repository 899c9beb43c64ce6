//! Who watches system calls, as far as this process can see.

use std::fs;

use crate::bpf::{self, Attachment};
use crate::holders::Process;
use crate::perf_events::{self, PerfEvents};
use crate::process_stat::ProcessStat;
use crate::tree::Tree;

/// The visible watchers.
#[derive(Clone, Debug, PartialEq)]
pub struct Watchers {
    /// The files of tracefs that show that something is traced; `None` if they cannot be
    /// read.
    pub switches: Option<Vec<String>>,
    /// The BPF programs that are attached, or why they cannot be listed.
    pub bpf: Result<Vec<Attachment>, String>,
    /// The perf events of other processes.
    pub perf: Vec<PerfEvents>,
    /// Whether all processes of the machine can be examined.
    pub sees_all: bool,
    /// The holders that are this process or one of its children: what a run attaches on
    /// purpose.
    pub ours: Vec<Process>,
}

impl Watchers {
    /// Whether anybody is seen to watch every call, on purpose or not.
    pub fn found_any(&self) -> bool {
        self.switches.iter().flatten().next().is_some()
            || self.bpf.iter().flatten().any(Attachment::sees_every_call)
            || self.perf.iter().any(|events| events.counts_our_calls)
    }

    /// Examines the running kernel; the calling thread should stay on a measuring CPU. The
    /// kernel cannot be asked about the folder of another machine.
    pub fn read(tree: &Tree) -> Self {
        let mut watchers = Self {
            switches: switches(tree),
            bpf: Err("--root belongs to another machine".into()),
            perf: Vec::new(),
            sees_all: false,
            ours: Vec::new(),
        };
        if tree.is_this_machine() {
            watchers.bpf = bpf::attached(tree).map_err(|error| error.to_string());
            watchers.perf = perf_events::of_others(tree);
            // Events stay on while tracefs is not mounted, and in privileged containers it is not.
            let sees_switches = watchers.switches.is_some() || !has_tracefs(tree);
            watchers.sees_all =
                watchers.bpf.is_ok() && sees_switches && is_first_pid_namespace(tree);
            let attached = watchers.bpf.iter().flatten().flat_map(|one| &one.held_by);
            let holders = attached.chain(watchers.perf.iter().map(|events| &events.process));
            let ours = holders.filter(|process| is_ours(tree, process.id));
            watchers.ours = ours.cloned().collect();
        }
        watchers
    }
}

/// Whether the kernel was built with tracefs, which makes the folder for its mount (tracefs_init in
/// fs/tracefs/inode.c).
fn has_tracefs(tree: &Tree) -> bool {
    tree.place("/sys/kernel/tracing").is_dir()
}

/// Events at the entry and exit of calls: `0` is off, `1` on, `X` on for some calls (Linux,
/// Documentation/trace/events.rst), and the same in each instance. A tracer other than `nop`
/// runs at every function. Only root may read these files.
fn switches(tree: &Tree) -> Option<Vec<String>> {
    let folders = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"];
    let folder = folders.into_iter().find(|folder| {
        tree.text(&format!("{folder}/current_tracer")).is_some()
            || tree
                .text(&format!("{folder}/events/raw_syscalls/enable"))
                .is_some()
    })?;
    let instances = tree.names(&format!("{folder}/instances")).into_iter();
    let instances = instances.map(|name| format!("{folder}/instances/{name}"));
    let places = [folder.to_owned()].into_iter().chain(instances);
    let on = places.flat_map(|place| {
        [
            ("events/raw_syscalls/enable", "0"),
            ("events/syscalls/enable", "0"),
            ("current_tracer", "nop"),
        ]
        .into_iter()
        .filter_map(move |(name, off)| {
            let file = format!("{place}/{name}");
            let value = tree.text(&file)?;
            (value != off).then(|| format!("{file} = {value}"))
        })
    });
    Some(on.collect())
}

/// The first namespace has a number that never changes (Linux, include/linux/proc_ns.h,
/// PROC_PID_INIT_INO).
fn is_first_pid_namespace(tree: &Tree) -> bool {
    let link = fs::read_link(tree.place("/proc/self/ns/pid"));
    link.is_ok_and(|link| link.as_os_str() == "pid:[4026531836]")
}

/// Whether the process is this one, or a descendant of it.
fn is_ours(tree: &Tree, mut process: u32) -> bool {
    let own = std::process::id();
    // A longer line of descent is a loop: a number was reused in the meantime.
    for _ in 0..64 {
        match process {
            0 | 1 => return false,
            _ if process == own => return true,
            _ => {}
        }
        let stat = tree.text(&format!("/proc/{process}/stat"));
        let Some(parent) = stat.as_deref().and_then(parent) else {
            return false;
        };
        process = parent;
    }
    false
}

fn parent(stat: &str) -> Option<u32> {
    ProcessStat::parse(stat)?.field(4)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::laid_out;

    #[test]
    fn switches_of_instances_count_and_a_tracer_is_one() {
        let on = |files: &[(&str, &str)]| {
            let files = files.iter();
            let files: Vec<_> = files
                .map(|(path, text)| (format!("sys/kernel/tracing/{path}"), *text))
                .collect();
            let (_folder, tree) = laid_out(&files);
            switches(&tree)
        };
        assert_eq!(on(&[]), None);
        let quiet = [
            ("events/raw_syscalls/enable", "0"),
            ("events/syscalls/enable", "0"),
            ("current_tracer", "nop"),
        ];
        assert_eq!(on(&quiet), Some(vec![]));
        for (path, value) in [
            ("events/syscalls/enable", "X"),
            ("instances/falco/events/raw_syscalls/enable", "1"),
            ("current_tracer", "function_graph"),
        ] {
            let found = on(&[quiet.as_slice(), &[(path, value)]].concat());
            let expected = format!("/sys/kernel/tracing/{path} = {value}");
            assert_eq!(found, Some(vec![expected]));
        }
    }

    #[test]
    fn what_we_start_is_ours() {
        let tree = Tree::default();
        assert!(is_ours(&tree, std::process::id()));
        assert!(!is_ours(&tree, 1));
        assert_eq!(parent("7 (a) b) S 5 7 7"), Some(5));
        assert_eq!(parent("no process"), None);
    }
}
