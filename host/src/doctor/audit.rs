//! Whether the kernel audits system calls, as it says to root over netlink (Linux,
//! include/uapi/linux/audit.h; netlink(7)).

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink, recv, send, socket_with,
};

/// The state of auditing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Audit {
    /// Whether it is on: then every new process may get a context, which each of its calls fills.
    pub enabled: bool,
    /// How many rules there are.
    pub rules: usize,
}

const GET: u16 = 1000;
const LIST_RULES: u16 = 1013;
const ERROR: u16 = 2;
const DONE: u16 = 3;
/// The kernel answers at once, but lists rules from a thread.
const PATIENCE: Duration = Duration::from_millis(500);

/// Asks the kernel.
///
/// # Errors
///
/// EPERM or ECONNREFUSED without CAP_AUDIT_CONTROL in the first namespaces,
/// EPROTONOSUPPORT for a kernel without audit.
pub fn ask() -> io::Result<Audit> {
    let socket = socket_with(
        AddressFamily::NETLINK,
        SocketType::RAW,
        SocketFlags::CLOEXEC,
        Some(netlink::AUDIT),
    )?;
    set_socket_timeout(&socket, Timeout::Recv, Some(PATIENCE))?;
    request(&socket, GET)?;
    let status = answers(&socket, |kind| kind == GET)?;
    // `enabled` is the second word of struct audit_status.
    let enabled = status
        .first()
        .and_then(|status| word(status, 4))
        .unwrap_or(0);
    request(&socket, LIST_RULES)?;
    let rules = answers(&socket, |kind| kind == DONE)?;
    Ok(Audit {
        enabled: enabled != 0,
        rules: rules.len().saturating_sub(1),
    })
}

/// `struct nlmsghdr` without a body: length, type, flags, sequence, port.
fn request(socket: &OwnedFd, kind: u16) -> io::Result<()> {
    const REQUEST: u16 = 1;
    const LENGTH: u32 = 16;
    let mut message = [0; LENGTH as usize];
    let fields: [&[u8]; 3] = [
        &LENGTH.to_ne_bytes(),
        &kind.to_ne_bytes(),
        &REQUEST.to_ne_bytes(),
    ];
    for (place, byte) in message.iter_mut().zip(fields.concat()) {
        *place = byte;
    }
    send(socket.as_fd(), &message, SendFlags::empty())?;
    Ok(())
}

/// The bodies of all messages up to the one that is the last.
fn answers(socket: &OwnedFd, is_last: impl Fn(u16) -> bool) -> io::Result<Vec<Vec<u8>>> {
    let mut bodies = Vec::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let (length, _) = recv(socket.as_fd(), &mut buffer[..], RecvFlags::empty())?;
        let mut rest = buffer.get(..length).unwrap_or_default();
        if rest.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        while let Some((kind, body, after)) = message(rest) {
            match kind {
                ERROR => match word(body, 0).map_or(0, u32::cast_signed) {
                    0 => {}
                    errno => return Err(io::Error::from_raw_os_error(-errno)),
                },
                _ => bodies.push(body.to_owned()),
            }
            if is_last(kind) {
                return Ok(bodies);
            }
            rest = after;
        }
    }
}

/// The type and the body of the first message, and what follows it.
fn message(bytes: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    const HEADER: usize = 16;
    let length = word(bytes, 0)? as usize;
    let kind = u16::from_ne_bytes(*bytes.get(4..)?.first_chunk()?);
    let body = bytes.get(HEADER..length)?;
    let next = length.checked_next_multiple_of(4)?;
    Some((kind, body, bytes.get(next..).unwrap_or_default()))
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_stand_one_behind_the_other() {
        let mut bytes = Vec::new();
        for (kind, body) in [(GET, &[1_u8, 2, 3][..]), (DONE, &[])] {
            let length = 16 + body.len() as u32;
            bytes.extend(length.to_ne_bytes());
            bytes.extend(kind.to_ne_bytes());
            bytes.extend([0; 10]);
            bytes.extend(body);
            bytes.resize(bytes.len().next_multiple_of(4), 0);
        }
        let (kind, body, rest) = message(&bytes).unwrap();
        assert_eq!((kind, body), (GET, &[1, 2, 3][..]));
        let (kind, body, rest) = message(rest).unwrap();
        assert_eq!((kind, body.len(), rest.len()), (DONE, 0, 0));
        assert_eq!(message(rest), None);
        // A length that no message has.
        assert_eq!(message(&[1, 0, 0, 0, 0, 0, 0, 0]), None);
    }

    #[test]
    fn this_kernel_answers_or_refuses() {
        // Whichever of both: it comes back.
        let _ = ask();
    }
}
