//! The arguments that divide a call into parts, and the names of their values.

use super::Part;
use crate::Call;

/// An argument that chooses what a call does.
#[derive(Debug)]
pub struct Argument {
    pub call: &'static str,
    /// Which one, from 0.
    index: u8,
    kind: Kind,
    names: &'static [(&'static str, u32)],
}

/// What the argument holds. The kernel reads 32 bits of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// One of some values.
    Value,
    /// Flags; these bits are one of some values together.
    Flags { field: u32 },
}

const FLAGS: Kind = Kind::Flags { field: 0 };

const fn argument(
    call: &'static str,
    index: u8,
    kind: Kind,
    names: &'static [(&'static str, u32)],
) -> Argument {
    Argument {
        call,
        index,
        kind,
        names,
    }
}

pub const TABLE: &[Argument] = &[
    argument("mmap", 3, Kind::Flags { field: 0xf }, MMAP),
    argument("mprotect", 2, FLAGS, PROTECTION),
    argument("madvise", 2, Kind::Value, ADVICE),
    argument("arch_prctl", 0, Kind::Value, ARCH),
    argument("accept4", 3, FLAGS, ACCEPT),
    argument("prlimit64", 1, Kind::Value, LIMITS),
    argument("setrlimit", 0, Kind::Value, LIMITS),
    argument("getrlimit", 0, Kind::Value, LIMITS),
    argument("fcntl", 1, Kind::Value, FCNTL),
    argument("clock_nanosleep", 0, Kind::Value, CLOCKS),
    argument("ioctl", 1, Kind::Value, IOCTL),
    argument("prctl", 0, Kind::Value, PRCTL),
];

/// Which argument divides a call.
pub fn index(call: Call) -> Option<u8> {
    entry(call).map(|entry| entry.index)
}

/// The parts of a call with this value: one, or each of its flags.
pub fn parts(call: Call, value: u32) -> Vec<Part> {
    let Some(entry) = entry(call) else {
        return Vec::new();
    };
    let whole = Part::Argument {
        mask: u32::MAX,
        value,
    };
    let Kind::Flags { field } = entry.kind else {
        return vec![whole];
    };
    if value == 0 {
        return vec![whole];
    }
    let chosen = value & field;
    let chosen = (chosen != 0).then_some(Part::Argument {
        mask: field,
        value: chosen,
    });
    let bits = (0..u32::BITS).map(|bit| 1 << bit);
    let flags = bits.filter(|bit| value & !field & bit != 0);
    let flags = flags.map(|bit| Part::Argument {
        mask: bit,
        value: bit,
    });
    chosen.into_iter().chain(flags).collect()
}

/// A part's name, or its number.
pub fn name(call: Call, value: u32) -> String {
    let names = entry(call).map_or(&[][..], |entry| entry.names);
    let known = names.iter().find(|(_, known)| *known == value);
    known.map_or_else(|| format!("{value:#x}"), |(name, _)| (*name).to_owned())
}

/// The part of that name or number.
pub fn part(call: Call, text: &str) -> Option<Part> {
    let entry = entry(call)?;
    let known = entry.names.iter().find(|(name, _)| *name == text);
    let number = || u32::from_str_radix(text.strip_prefix("0x")?, 16).ok();
    let value = known.map(|(_, value)| *value).or_else(number)?;
    match parts(call, value).as_slice() {
        [part] => Some(part.clone()),
        _ => None,
    }
}

fn entry(call: Call) -> Option<&'static Argument> {
    let name = call.name()?;
    TABLE.iter().find(|entry| entry.call == name)
}

const MMAP: &[(&str, u32)] = &[
    ("MAP_SHARED", libc::MAP_SHARED as u32),
    ("MAP_PRIVATE", libc::MAP_PRIVATE as u32),
    ("MAP_SHARED_VALIDATE", libc::MAP_SHARED_VALIDATE as u32),
    ("MAP_FIXED", libc::MAP_FIXED as u32),
    ("MAP_ANONYMOUS", libc::MAP_ANONYMOUS as u32),
    ("MAP_GROWSDOWN", libc::MAP_GROWSDOWN as u32),
    ("MAP_LOCKED", libc::MAP_LOCKED as u32),
    ("MAP_NORESERVE", libc::MAP_NORESERVE as u32),
    ("MAP_POPULATE", libc::MAP_POPULATE as u32),
    ("MAP_NONBLOCK", libc::MAP_NONBLOCK as u32),
    ("MAP_STACK", libc::MAP_STACK as u32),
    ("MAP_HUGETLB", libc::MAP_HUGETLB as u32),
    ("MAP_SYNC", libc::MAP_SYNC as u32),
    ("MAP_FIXED_NOREPLACE", libc::MAP_FIXED_NOREPLACE as u32),
];

const PROTECTION: &[(&str, u32)] = &[
    ("PROT_NONE", libc::PROT_NONE as u32),
    ("PROT_READ", libc::PROT_READ as u32),
    ("PROT_WRITE", libc::PROT_WRITE as u32),
    ("PROT_EXEC", libc::PROT_EXEC as u32),
    ("PROT_GROWSDOWN", libc::PROT_GROWSDOWN as u32),
    ("PROT_GROWSUP", libc::PROT_GROWSUP as u32),
];

const ADVICE: &[(&str, u32)] = &[
    ("MADV_NORMAL", libc::MADV_NORMAL as u32),
    ("MADV_RANDOM", libc::MADV_RANDOM as u32),
    ("MADV_SEQUENTIAL", libc::MADV_SEQUENTIAL as u32),
    ("MADV_WILLNEED", libc::MADV_WILLNEED as u32),
    ("MADV_DONTNEED", libc::MADV_DONTNEED as u32),
    ("MADV_FREE", libc::MADV_FREE as u32),
    ("MADV_REMOVE", libc::MADV_REMOVE as u32),
    ("MADV_DONTFORK", libc::MADV_DONTFORK as u32),
    ("MADV_DOFORK", libc::MADV_DOFORK as u32),
    ("MADV_MERGEABLE", libc::MADV_MERGEABLE as u32),
    ("MADV_UNMERGEABLE", libc::MADV_UNMERGEABLE as u32),
    ("MADV_HUGEPAGE", libc::MADV_HUGEPAGE as u32),
    ("MADV_NOHUGEPAGE", libc::MADV_NOHUGEPAGE as u32),
    ("MADV_DONTDUMP", libc::MADV_DONTDUMP as u32),
    ("MADV_DODUMP", libc::MADV_DODUMP as u32),
    ("MADV_WIPEONFORK", libc::MADV_WIPEONFORK as u32),
    ("MADV_KEEPONFORK", libc::MADV_KEEPONFORK as u32),
    ("MADV_COLD", libc::MADV_COLD as u32),
    ("MADV_PAGEOUT", libc::MADV_PAGEOUT as u32),
    ("MADV_POPULATE_READ", libc::MADV_POPULATE_READ as u32),
    ("MADV_POPULATE_WRITE", libc::MADV_POPULATE_WRITE as u32),
    ("MADV_HWPOISON", libc::MADV_HWPOISON as u32),
];

/// Of asm/prctl.h.
const ARCH: &[(&str, u32)] = &[
    ("ARCH_SET_GS", 0x1001),
    ("ARCH_SET_FS", 0x1002),
    ("ARCH_GET_FS", 0x1003),
    ("ARCH_GET_GS", 0x1004),
    ("ARCH_GET_CPUID", 0x1011),
    ("ARCH_SET_CPUID", 0x1012),
    ("ARCH_GET_XCOMP_SUPP", 0x1021),
    ("ARCH_GET_XCOMP_PERM", 0x1022),
    ("ARCH_REQ_XCOMP_PERM", 0x1023),
    // What glibc asks for first: linux/arch/x86/include/uapi/asm/prctl.h before 6.6.
    ("ARCH_CET_STATUS", 0x3001),
    ("ARCH_SHSTK_ENABLE", 0x5001),
    ("ARCH_SHSTK_DISABLE", 0x5002),
    ("ARCH_SHSTK_STATUS", 0x5005),
];

const ACCEPT: &[(&str, u32)] = &[
    ("SOCK_CLOEXEC", libc::SOCK_CLOEXEC as u32),
    ("SOCK_NONBLOCK", libc::SOCK_NONBLOCK as u32),
];

/// Of asm-generic/resource.h.
const LIMITS: &[(&str, u32)] = &[
    ("RLIMIT_CPU", 0),
    ("RLIMIT_FSIZE", 1),
    ("RLIMIT_DATA", 2),
    ("RLIMIT_STACK", 3),
    ("RLIMIT_CORE", 4),
    ("RLIMIT_RSS", 5),
    ("RLIMIT_NPROC", 6),
    ("RLIMIT_NOFILE", 7),
    ("RLIMIT_MEMLOCK", 8),
    ("RLIMIT_AS", 9),
    ("RLIMIT_LOCKS", 10),
    ("RLIMIT_SIGPENDING", 11),
    ("RLIMIT_MSGQUEUE", 12),
    ("RLIMIT_NICE", 13),
    ("RLIMIT_RTPRIO", 14),
    ("RLIMIT_RTTIME", 15),
];

const FCNTL: &[(&str, u32)] = &[
    ("F_DUPFD", libc::F_DUPFD as u32),
    ("F_GETFD", libc::F_GETFD as u32),
    ("F_SETFD", libc::F_SETFD as u32),
    ("F_GETFL", libc::F_GETFL as u32),
    ("F_SETFL", libc::F_SETFL as u32),
    ("F_GETLK", libc::F_GETLK as u32),
    ("F_SETLK", libc::F_SETLK as u32),
    ("F_SETLKW", libc::F_SETLKW as u32),
    ("F_SETOWN", libc::F_SETOWN as u32),
    ("F_GETOWN", libc::F_GETOWN as u32),
    ("F_OFD_GETLK", libc::F_OFD_GETLK as u32),
    ("F_OFD_SETLK", libc::F_OFD_SETLK as u32),
    ("F_OFD_SETLKW", libc::F_OFD_SETLKW as u32),
    ("F_SETLEASE", libc::F_SETLEASE as u32),
    ("F_GETLEASE", libc::F_GETLEASE as u32),
    ("F_NOTIFY", libc::F_NOTIFY as u32),
    ("F_DUPFD_CLOEXEC", libc::F_DUPFD_CLOEXEC as u32),
    ("F_SETPIPE_SZ", libc::F_SETPIPE_SZ as u32),
    ("F_GETPIPE_SZ", libc::F_GETPIPE_SZ as u32),
    ("F_ADD_SEALS", libc::F_ADD_SEALS as u32),
    ("F_GET_SEALS", libc::F_GET_SEALS as u32),
];

const CLOCKS: &[(&str, u32)] = &[
    ("CLOCK_REALTIME", libc::CLOCK_REALTIME as u32),
    ("CLOCK_MONOTONIC", libc::CLOCK_MONOTONIC as u32),
    (
        "CLOCK_PROCESS_CPUTIME_ID",
        libc::CLOCK_PROCESS_CPUTIME_ID as u32,
    ),
    (
        "CLOCK_THREAD_CPUTIME_ID",
        libc::CLOCK_THREAD_CPUTIME_ID as u32,
    ),
    ("CLOCK_BOOTTIME", libc::CLOCK_BOOTTIME as u32),
    ("CLOCK_REALTIME_ALARM", libc::CLOCK_REALTIME_ALARM as u32),
    ("CLOCK_BOOTTIME_ALARM", libc::CLOCK_BOOTTIME_ALARM as u32),
    ("CLOCK_TAI", libc::CLOCK_TAI as u32),
];

const IOCTL: &[(&str, u32)] = &[
    ("TCGETS", libc::TCGETS as u32),
    ("TCSETS", libc::TCSETS as u32),
    ("TCSETSW", libc::TCSETSW as u32),
    ("TCSETSF", libc::TCSETSF as u32),
    ("TCSBRK", libc::TCSBRK as u32),
    ("TCXONC", libc::TCXONC as u32),
    ("TCFLSH", libc::TCFLSH as u32),
    ("TIOCSCTTY", libc::TIOCSCTTY as u32),
    ("TIOCGPGRP", libc::TIOCGPGRP as u32),
    ("TIOCSPGRP", libc::TIOCSPGRP as u32),
    ("TIOCGWINSZ", libc::TIOCGWINSZ as u32),
    ("TIOCSWINSZ", libc::TIOCSWINSZ as u32),
    ("TIOCNOTTY", libc::TIOCNOTTY as u32),
    ("TIOCGPTN", libc::TIOCGPTN as u32),
    ("TIOCSPTLCK", libc::TIOCSPTLCK as u32),
    ("FIONREAD", libc::FIONREAD as u32),
    ("FIONBIO", libc::FIONBIO as u32),
    ("FIOASYNC", libc::FIOASYNC as u32),
    ("FIOCLEX", libc::FIOCLEX as u32),
    ("FIONCLEX", libc::FIONCLEX as u32),
    ("SIOCGIFCONF", libc::SIOCGIFCONF as u32),
    ("SIOCGIFFLAGS", libc::SIOCGIFFLAGS as u32),
    ("SIOCGIFADDR", libc::SIOCGIFADDR as u32),
    ("SIOCGIFINDEX", libc::SIOCGIFINDEX as u32),
    ("SIOCGIFHWADDR", libc::SIOCGIFHWADDR as u32),
    ("FICLONE", libc::FICLONE as u32),
];

const PRCTL: &[(&str, u32)] = &[
    ("PR_SET_PDEATHSIG", libc::PR_SET_PDEATHSIG as u32),
    ("PR_GET_PDEATHSIG", libc::PR_GET_PDEATHSIG as u32),
    ("PR_GET_DUMPABLE", libc::PR_GET_DUMPABLE as u32),
    ("PR_SET_DUMPABLE", libc::PR_SET_DUMPABLE as u32),
    ("PR_GET_KEEPCAPS", libc::PR_GET_KEEPCAPS as u32),
    ("PR_SET_KEEPCAPS", libc::PR_SET_KEEPCAPS as u32),
    ("PR_SET_NAME", libc::PR_SET_NAME as u32),
    ("PR_GET_NAME", libc::PR_GET_NAME as u32),
    ("PR_GET_SECCOMP", libc::PR_GET_SECCOMP as u32),
    ("PR_SET_SECCOMP", libc::PR_SET_SECCOMP as u32),
    ("PR_CAPBSET_READ", libc::PR_CAPBSET_READ as u32),
    ("PR_CAPBSET_DROP", libc::PR_CAPBSET_DROP as u32),
    ("PR_GET_SECUREBITS", libc::PR_GET_SECUREBITS as u32),
    ("PR_SET_SECUREBITS", libc::PR_SET_SECUREBITS as u32),
    ("PR_SET_TIMERSLACK", libc::PR_SET_TIMERSLACK as u32),
    ("PR_GET_TIMERSLACK", libc::PR_GET_TIMERSLACK as u32),
    (
        "PR_SET_CHILD_SUBREAPER",
        libc::PR_SET_CHILD_SUBREAPER as u32,
    ),
    (
        "PR_GET_CHILD_SUBREAPER",
        libc::PR_GET_CHILD_SUBREAPER as u32,
    ),
    ("PR_SET_NO_NEW_PRIVS", libc::PR_SET_NO_NEW_PRIVS as u32),
    ("PR_GET_NO_NEW_PRIVS", libc::PR_GET_NO_NEW_PRIVS as u32),
    ("PR_SET_THP_DISABLE", libc::PR_SET_THP_DISABLE as u32),
    ("PR_GET_THP_DISABLE", libc::PR_GET_THP_DISABLE as u32),
    ("PR_SET_MM", libc::PR_SET_MM as u32),
    ("PR_SET_PTRACER", libc::PR_SET_PTRACER as u32),
    ("PR_CAP_AMBIENT", libc::PR_CAP_AMBIENT as u32),
    ("PR_SET_VMA", libc::PR_SET_VMA as u32),
];
