//! The messages between tollgate and the first process of a namespace: single packets.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::io::{IoSlice, IoSliceMut};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};

use crate::ready::Listeners;

/// An order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Order {
    /// Make the namespace and start the program.
    Begin = 1,
    /// Start the test.
    Test = 2,
    /// Start the command that finds out whether the program is ready.
    Ready = 3,
    /// How many processes are there?
    Count = 4,
}

/// What the first process reports.
#[derive(Debug)]
pub enum Report {
    /// This step failed.
    Failed { step: usize, error: io::Error },
    /// The folder of this step is visible, but cannot be changed.
    ReadOnly { step: usize },
    /// The namespaces exist: the log, and the socket that lists listeners in their
    /// network.
    Prepared { log: OwnedFd, listeners: Listeners },
    /// The program runs, and asks here.
    Started { listener: OwnedFd },
    /// The program could not be executed.
    NotExecuted { error: io::Error },
    /// The program has ended, with this status of wait(2).
    ProgramEnded { status: i32 },
    /// An orphan has ended.
    OrphanEnded { status: i32 },
    /// The test has ended.
    TestEnded { status: i32 },
    /// The command has ended.
    ReadyEnded { status: i32 },
    /// The number of processes, without the first and its helpers.
    Counted { processes: u32 },
}

/// A report's first number.
pub mod kind {
    pub const FAILED: i32 = 1;
    pub const READ_ONLY: i32 = 2;
    pub const STARTED: i32 = 3;
    pub const NOT_EXECUTED: i32 = 4;
    pub const PROGRAM_ENDED: i32 = 5;
    pub const ORPHAN_ENDED: i32 = 6;
    pub const TEST_ENDED: i32 = 7;
    pub const READY_ENDED: i32 = 8;
    pub const COUNTED: i32 = 9;
    pub const PREPARED: i32 = 10;
}

/// Sends a packet without allocating memory.
pub fn send(to: BorrowedFd<'_>, words: [i32; 3], fds: &[BorrowedFd<'_>]) -> Result<(), Errno> {
    let mut bytes = [0; 12];
    for (place, word) in bytes.chunks_exact_mut(4).zip(words) {
        place.copy_from_slice(&word.to_ne_bytes());
    }
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !fds.is_empty() {
        control.push(SendAncillaryMessage::ScmRights(fds));
    }
    let packet = [IoSlice::new(&bytes)];
    sendmsg(to, &packet, &mut control, SendFlags::NOSIGNAL)?;
    Ok(())
}

/// The next packet and what came with it; `None`: the other side has gone.
fn receive(from: BorrowedFd<'_>) -> io::Result<Option<([i32; 3], Vec<OwnedFd>)>> {
    let mut bytes = [0; 12];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut packet = [IoSliceMut::new(&mut bytes)];
    let message = recvmsg(from, &mut packet, &mut control, RecvFlags::CMSG_CLOEXEC)?;
    if message.bytes == 0 {
        return Ok(None);
    }
    let mut fds = Vec::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(received) = message {
            fds.extend(received);
        }
    }
    let mut words = [0; 3];
    for (word, bytes) in words.iter_mut().zip(bytes.chunks_exact(4)) {
        *word = i32::from_ne_bytes(bytes.try_into().unwrap_or_default());
    }
    Ok(Some((words, fds)))
}

fn exactly<const N: usize>(fds: Vec<OwnedFd>) -> io::Result<[OwnedFd; N]> {
    fds.try_into()
        .map_err(|_| io::Error::other("the sandbox sent too few files"))
}

impl Report {
    /// The next one; `None`: the first process has gone.
    pub fn receive(from: impl AsFd) -> io::Result<Option<Self>> {
        let Some(([kind, a, b], fds)) = receive(from.as_fd())? else {
            return Ok(None);
        };
        let step = a as usize;
        Ok(Some(match kind {
            kind::FAILED => Self::Failed {
                step,
                error: io::Error::from_raw_os_error(b),
            },
            kind::READ_ONLY => Self::ReadOnly { step },
            kind::PREPARED => {
                let mut fds = fds;
                let diag = (fds.len() > 3).then(|| fds.pop()).flatten();
                let [log, tcp, tcp6] = exactly(fds)?;
                let tables = [tcp, tcp6];
                let listeners = Listeners { diag, tables };
                Self::Prepared { log, listeners }
            }
            kind::STARTED => {
                let [listener] = exactly(fds)?;
                Self::Started { listener }
            }
            kind::NOT_EXECUTED => Self::NotExecuted {
                error: io::Error::from_raw_os_error(a),
            },
            kind::PROGRAM_ENDED => Self::ProgramEnded { status: a },
            kind::ORPHAN_ENDED => Self::OrphanEnded { status: a },
            kind::TEST_ENDED => Self::TestEnded { status: a },
            kind::READY_ENDED => Self::ReadyEnded { status: a },
            kind::COUNTED => Self::Counted {
                processes: a as u32,
            },
            other => {
                let reason = format!("the sandbox sent a report of kind {other}");
                return Err(io::Error::other(reason));
            }
        }))
    }
}

/// Asks for something.
pub fn order(to: impl AsFd, order: Order) -> io::Result<()> {
    Ok(send(to.as_fd(), [order as i32, 0, 0], &[])?)
}

/// The next order, for the first process; `None`: tollgate is gone. Does not allocate
/// memory.
pub fn next_order(from: BorrowedFd<'_>) -> Result<Option<i32>, Errno> {
    let mut bytes = [0; 12];
    let (_, length) = rustix::net::recv(from, &mut bytes, RecvFlags::empty())?;
    let [a, b, c, d, ..] = bytes;
    Ok((length > 0).then_some(i32::from_ne_bytes([a, b, c, d])))
}
