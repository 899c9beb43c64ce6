//! Leaves a machine that has ended to the kernel, which needs up to 25 ms to take
//! one down: nobody has to wait for that who boots no other guest.
//!
//! A descriptor that is on its way through a UNIX socket is open, and belongs to
//! nobody. A socket whose own descriptor is on its way through itself can be
//! received by nobody any more; the kernel finds such pairs and drops what they
//! hold (unix(7), "SCM_RIGHTS"; net/unix/garbage.c), since Linux 6.9 from a thread of
//! its own. On older kernels we wait as ever.

use std::io::IoSlice;
use std::mem::{self, MaybeUninit};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::Arc;

use kvm_ioctls::VmFd;
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags, SocketType,
    sendmsg, socketpair,
};

use super::machine::Machine;
use super::vcpu::Thread;

/// Two ends of one socket, made while the process may still make some.
pub struct Handover {
    ours: OwnedFd,
    lost: OwnedFd,
}

impl Handover {
    /// # Errors
    /// No file descriptor is left.
    pub fn new() -> Result<Self, Errno> {
        // Not DGRAM: a datagram can be sent to any other address as well.
        let kind = SocketType::SEQPACKET;
        let (ours, lost) = socketpair(AddressFamily::UNIX, kind, SocketFlags::CLOEXEC, None)?;
        Ok(Self { ours, lost })
    }

    /// The descriptor that the filter has to let through `sendmsg`.
    pub fn sender(&self) -> RawFd {
        self.ours.as_raw_fd()
    }

    /// The descriptor that it has to stop.
    #[cfg(test)]
    pub fn other(&self) -> BorrowedFd<'_> {
        self.lost.as_fd()
    }

    /// Puts descriptors on their way to nobody.
    pub fn send(&self, what: &[BorrowedFd<'_>]) -> Result<(), Errno> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(2))];
        let mut message = SendAncillaryBuffer::new(&mut space);
        message.push(SendAncillaryMessage::ScmRights(what));
        let byte = [IoSlice::new(&[0])];
        sendmsg(&self.ours, &byte, &mut message, SendFlags::empty())?;
        Ok(())
    }

    /// Closes the machine, whose vCPUs are closed, without waiting for its end. `vm` has
    /// no other owner.
    ///
    /// The guest's memory and the threads' stacks stay where they are: the process's end
    /// unmaps all at once, where here the other CPUs would have to be told first.
    pub fn leave(self, vm: Arc<VmFd>, machine: Arc<Machine>, threads: Vec<Thread>) {
        mem::forget((machine, threads));
        // SAFETY: `vm` is open until the end of this function.
        let vm_fd = unsafe { BorrowedFd::borrow_raw(vm.as_raw_fd()) };
        // Refused where too many descriptors are on their way: then we wait as ever.
        let _ = self.send(&[vm_fd, self.lost.as_fd()]);
        drop(vm);
        drop(self.lost);
        // The kernel looks for lost sockets when one is closed: this one, after all else.
        drop(self.ours);
    }
}
