//! Leaves a machine that has ended to the kernel, which needs up to 25 ms to destroy one. A
//! process that does not boot another guest need not wait for that.
//!
//! A descriptor that is in flight through a UNIX socket is open, and belongs to nobody. A
//! socket whose own descriptor is in flight through itself can no longer be received by anyone.
//! The kernel finds such pairs and closes what they hold (unix(7), "SCM_RIGHTS";
//! net/unix/garbage.c), since Linux 6.9 on a thread of its own. On older kernels, closing waits
//! as before.

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

/// Two ends of one socket, created while the process may still create sockets.
pub struct Handover {
    ours: OwnedFd,
    lost: OwnedFd,
}

impl Handover {
    /// # Errors
    /// No file descriptors are left.
    pub fn new() -> Result<Self, Errno> {
        // Not DGRAM: a datagram can be sent to any other address as well.
        let kind = SocketType::SEQPACKET;
        let (ours, lost) = socketpair(AddressFamily::UNIX, kind, SocketFlags::CLOEXEC, None)?;
        Ok(Self { ours, lost })
    }

    /// The descriptor for which the filter has to allow `sendmsg`.
    pub fn sender(&self) -> RawFd {
        self.ours.as_raw_fd()
    }

    /// The descriptor for which the filter has to refuse it.
    #[cfg(test)]
    pub fn other(&self) -> BorrowedFd<'_> {
        self.lost.as_fd()
    }

    /// Sends descriptors to nobody.
    pub fn send(&self, what: &[BorrowedFd<'_>]) -> Result<(), Errno> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(2))];
        let mut message = SendAncillaryBuffer::new(&mut space);
        message.push(SendAncillaryMessage::ScmRights(what));
        let byte = [IoSlice::new(&[0])];
        sendmsg(&self.ours, &byte, &mut message, SendFlags::empty())?;
        Ok(())
    }

    /// Closes the machine, whose vCPUs are closed, without waiting for its end. `vm` has no
    /// other owner.
    ///
    /// The guest's memory and the threads' stacks stay mapped: the end of the process unmaps
    /// all of them at once, whereas unmapping them here would interrupt the other CPUs first.
    pub fn leave(self, vm: Arc<VmFd>, machine: Arc<Machine>, threads: Vec<Thread>) {
        mem::forget((machine, threads));
        // SAFETY: `vm` is open until the end of this function.
        let vm_fd = unsafe { BorrowedFd::borrow_raw(vm.as_raw_fd()) };
        // Refused if too many descriptors are in flight: then closing waits as before.
        let _ = self.send(&[vm_fd, self.lost.as_fd()]);
        drop(vm);
        drop(self.lost);
        // The kernel looks for lost sockets when one is closed: this one, after everything
        // else.
        drop(self.ours);
    }
}
