//! The kernel's description of one program or link.

use std::io;
use std::os::fd::OwnedFd;

use super::calls::{self, Command};
use super::{Hook, Program};

/// A link.
pub(super) struct Link {
    /// The number of its program.
    pub program: u32,
    /// How it is attached.
    pub hook: Hook,
    /// Its target, if the kernel gives its name.
    pub target: String,
    /// Its target, if the kernel gives a type: the object's number, and the type's number in
    /// it.
    pub btf: Option<(u32, u32)>,
    /// The addresses of its targets, if the kernel gives those.
    pub addresses: Vec<u64>,
}

/// Names of `enum bpf_prog_type`, from 0.
const KINDS: [&str; 33] = [
    "unspecified",
    "socket_filter",
    "kprobe",
    "sched_cls",
    "sched_act",
    "tracepoint",
    "xdp",
    "perf_event",
    "cgroup_skb",
    "cgroup_sock",
    "lwt_in",
    "lwt_out",
    "lwt_xmit",
    "sock_ops",
    "sk_skb",
    "cgroup_device",
    "sk_msg",
    "raw_tracepoint",
    "cgroup_sock_addr",
    "lwt_seg6local",
    "lirc_mode2",
    "sk_reuseport",
    "flow_dissector",
    "cgroup_sysctl",
    "raw_tracepoint_writable",
    "cgroup_sockopt",
    "tracing",
    "struct_ops",
    "ext",
    "lsm",
    "sk_lookup",
    "syscall",
    "netfilter",
];

/// The program of that number.
pub(super) fn program(id: u32) -> io::Result<Program> {
    // struct bpf_prog_info.
    const KIND: usize = 0;
    const LOAD_TIME: usize = 40;
    const NAME: usize = 64;
    let descriptor = calls::open(Command::ProgramById, id)?;
    // SAFETY: zeros do not contain an address.
    let info = unsafe { calls::describe(&descriptor, [0; 128]) }?;
    let kind = calls::word(&info, KIND) as usize;
    let kind = KINDS
        .get(kind)
        .map_or(format!("type {kind}"), |kind| (*kind).to_owned());
    let [low, high] = [LOAD_TIME, LOAD_TIME + 4].map(|at| u64::from(calls::word(&info, at)));
    Ok(Program {
        id,
        kind,
        name: calls::text(info.get(NAME..NAME + 16).unwrap_or_default()),
        loaded_ns: high << 32 | low,
    })
}

// enum bpf_link_type.
const RAW_TRACEPOINT: u32 = 1;
const TRACING: u32 = 2;
const PERF_EVENT: u32 = 7;
const KPROBE_MULTI: u32 = 8;
const UPROBE_MULTI: u32 = 12;
// enum bpf_attach_type.
const TRACE_RAW_TP: u32 = 23;
const LSM_MAC: u32 = 27;

/// The link of that number.
pub(super) fn link(id: u32) -> io::Result<Link> {
    // struct bpf_link_info; the part from UNION on depends on the type.
    const KIND: usize = 0;
    const PROGRAM: usize = 8;
    const UNION: usize = 16;
    let descriptor = calls::open(Command::LinkById, id)?;
    // SAFETY: zeros do not contain an address.
    let info = unsafe { calls::describe(&descriptor, [0; 64]) }?;
    let field = |at| calls::word(&info, UNION + at);
    let mut link = Link {
        program: calls::word(&info, PROGRAM),
        hook: Hook::Other,
        target: String::new(),
        btf: None,
        addresses: Vec::new(),
    };
    match calls::word(&info, KIND) {
        RAW_TRACEPOINT => {
            link.hook = Hook::RawTracepoint;
            link.target = name(&descriptor, UNION, UNION + 8).unwrap_or_default();
        }
        TRACING => {
            link.hook = match field(0) {
                TRACE_RAW_TP => Hook::RawTracepoint,
                LSM_MAC => Hook::Lsm,
                _ => Hook::Trampoline,
            };
            link.btf = Some((field(4), field(8)));
        }
        PERF_EVENT => {
            // enum bpf_perf_event_type; 0 before Linux 6.6, which did not say.
            link.hook = match field(0) {
                1 | 2 => Hook::Uprobe,
                3 | 4 => Hook::Kprobe,
                0 | 5 => Hook::Tracepoint,
                _ => Hook::Other,
            };
            if (1..=5).contains(&field(0)) {
                link.target = name(&descriptor, UNION + 8, UNION + 16).unwrap_or_default();
            }
        }
        KPROBE_MULTI => {
            link.hook = Hook::KprobeMulti;
            // `count` follows the address; it is 0 before Linux 6.6.
            let count = field(8);
            link.target = match count {
                0 => String::new(),
                _ => format!("{count} functions"),
            };
            link.addresses = addresses(&descriptor, UNION, count).unwrap_or_default();
        }
        UPROBE_MULTI => link.hook = Hook::Uprobe,
        _ => {}
    }
    Ok(link)
}

/// Asks again, with a buffer for the name. The description has the buffer's address at one
/// offset, its length at the other.
fn name(descriptor: &OwnedFd, address: usize, length: usize) -> io::Result<String> {
    const NAME: usize = 256;
    let mut name = [0_u8; NAME];
    let place = (name.as_mut_ptr() as u64).to_ne_bytes();
    let ask = asking([(address, &place), (length, &(NAME as u32).to_ne_bytes())]);
    // SAFETY: the only address is that of `name`, with its length.
    unsafe { calls::describe(descriptor, ask) }?;
    Ok(calls::text(&name))
}

/// How many addresses are requested: more functions than a kernel has.
const MOST: u32 = 1 << 18;

/// Asks again, with a buffer for addresses. The description has the buffer's address at that
/// offset, and behind it how many the buffer can hold (bpf_kprobe_multi_link_fill_link_info).
fn addresses(descriptor: &OwnedFd, at: usize, count: u32) -> io::Result<Vec<u64>> {
    if count > MOST {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut addresses = vec![0_u64; count as usize];
    if addresses.is_empty() {
        return Ok(addresses);
    }
    let address = (addresses.as_mut_ptr() as u64).to_ne_bytes();
    let ask = asking([(at, &address), (at + 8, &count.to_ne_bytes())]);
    // SAFETY: the only address is that of `addresses`, with its length.
    unsafe { calls::describe(descriptor, ask) }?;
    Ok(addresses)
}

/// A description with these bytes at these offsets.
fn asking(fields: [(usize, &[u8]); 2]) -> [u8; 64] {
    let mut ask = [0; 64];
    for (at, bytes) in fields {
        if let Some(place) = ask.get_mut(at..at + bytes.len()) {
            place.copy_from_slice(bytes);
        }
    }
    ask
}

/// The name of the BTF object of that number: `vmlinux`, or a module's.
pub(super) fn btf_object(id: u32) -> io::Result<String> {
    // struct bpf_btf_info.
    const NAME: usize = 16;
    const NAME_LENGTH: usize = 24;
    let descriptor = calls::open(Command::BtfById, id)?;
    name(&descriptor, NAME, NAME_LENGTH)
}
