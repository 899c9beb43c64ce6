//! The processes that hold BPF links and perf events, according to their descriptors in /proc.

use std::fs;

use crate::tree::Tree;

/// A process.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Process {
    /// Its number.
    pub id: u32,
    /// The name of its program.
    pub name: String,
}

/// The object that a descriptor refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// The BPF link with that number.
    Link(u32),
    /// A perf event.
    PerfEvent {
        /// The descriptor's number.
        fd: u32,
    },
}

/// A descriptor and its process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Who holds it.
    pub process: Process,
    /// The object that is held.
    pub what: Held,
}

/// All BPF links and perf events that any process holds. Processes of other users are left out
/// if this one may not read them.
pub fn all(tree: &Tree) -> Vec<Holder> {
    let processes = tree.names("/proc").into_iter();
    let processes = processes.filter_map(|name| name.parse().ok());
    processes.flat_map(|id| of(tree, id)).collect()
}

fn of(tree: &Tree, id: u32) -> Vec<Holder> {
    let folder = format!("/proc/{id}/fd");
    let held = tree.names(&folder).into_iter().filter_map(|fd| {
        let link = fs::read_link(tree.place(&format!("{folder}/{fd}"))).ok()?;
        match link.to_str()? {
            "anon_inode:[perf_event]" => Some(Held::PerfEvent {
                fd: fd.parse().ok()?,
            }),
            // Without brackets, and with them since Linux 6.17.
            "anon_inode:bpf_link" | "anon_inode:[bpf_link]" | "anon_inode:bpf-link" => {
                let info = tree.text(&format!("/proc/{id}/fdinfo/{fd}"))?;
                let id = info
                    .lines()
                    .find_map(|line| line.strip_prefix("link_id:"))?;
                Some(Held::Link(id.trim().parse().ok()?))
            }
            _ => None,
        }
    });
    let held: Vec<_> = held.collect();
    // Most processes do not hold any, and their names are not needed.
    if held.is_empty() {
        return Vec::new();
    }
    let process = Process {
        id,
        name: tree.text(&format!("/proc/{id}/comm")).unwrap_or_default(),
    };
    let held = held.into_iter();
    held.map(|what| Holder {
        process: process.clone(),
        what,
    })
    .collect()
}
