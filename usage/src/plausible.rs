//! Answers that a program is likelier to believe than 0.

use std::fmt::{self, Display, Formatter};

use serde::{Deserialize, Serialize};

use crate::Call;

/// What a call that was not executed seems to have done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Plausible {
    /// It has written all that it was given.
    Count,
    /// It has made a descriptor, which is one of /dev/null.
    NullFd,
    /// It answers 1: the number of the only process, or of the only object.
    Id,
}

/// Where a call's arguments say how much it writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// In this argument.
    Argument(usize),
    /// In vectors: their place and their number are these arguments.
    Vectors(usize, usize),
    /// In the vectors of a message, whose place is this argument.
    Message(usize),
}

/// Which argument of a call that makes a descriptor has its flags, and which of them closes
/// it with an `exec`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flags {
    pub index: usize,
    pub close_on_exec: u64,
}

/// How a call is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recipe {
    Count(Length),
    NullFd(Option<Flags>),
    Id,
}

impl Recipe {
    /// That of a call, if it has one.
    pub fn of(call: Call) -> Option<Self> {
        const CLOSE_ON_EXEC: u64 = libc::O_CLOEXEC as u64;
        let length = |index| Some(Self::Count(Length::Argument(index)));
        let flags = |index| {
            let close_on_exec = CLOSE_ON_EXEC;
            Some(Self::NullFd(Some(Flags {
                index,
                close_on_exec,
            })))
        };
        match call.name()? {
            "write" | "pwrite64" | "sendto" => length(2),
            "sendfile" => length(3),
            "copy_file_range" => length(4),
            "writev" | "pwritev" | "pwritev2" => Some(Self::Count(Length::Vectors(1, 2))),
            "sendmsg" => Some(Self::Count(Length::Message(1))),
            "open" | "socket" | "eventfd2" | "timerfd_create" => flags(1),
            "openat" => flags(2),
            "signalfd4" => flags(3),
            "epoll_create1" | "inotify_init1" => flags(0),
            "memfd_create" => Some(Self::NullFd(Some(Flags {
                index: 1,
                close_on_exec: libc::MFD_CLOEXEC as u64,
            }))),
            "creat" | "openat2" | "epoll_create" | "eventfd" | "inotify_init" | "signalfd" => {
                Some(Self::NullFd(None))
            }
            "getpid" | "gettid" | "getppid" | "getpgrp" | "getpgid" | "getsid" | "setsid"
            | "set_tid_address" | "inotify_add_watch" | "shmget" | "semget" | "msgget"
            | "add_key" => Some(Self::Id),
            _ => None,
        }
    }

    /// Its name.
    pub fn name(self) -> Plausible {
        match self {
            Self::Count(_) => Plausible::Count,
            Self::NullFd(_) => Plausible::NullFd,
            Self::Id => Plausible::Id,
        }
    }
}

impl Display for Plausible {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Count => "count",
            Self::NullFd => "nullfd",
            Self::Id => "id",
        })
    }
}
