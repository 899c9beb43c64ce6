//! Decides when a server is ready.

use std::fmt::{self, Display, Formatter};
use std::io;
use std::os::fd::OwnedFd;
use std::str::FromStr;

use regex::bytes::Regex;
use rustix::net::{RecvFlags, SendFlags};

/// The condition for a program to be ready.
#[derive(Clone, Debug)]
pub enum Ready {
    /// It listens on this TCP port.
    Tcp(u16),
    /// Its output has a match.
    Log(Regex),
    /// This shell command ends with 0.
    Command(String),
}

/// This is not a valid condition.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a condition for --ready: {reason}")]
pub struct NotReady {
    text: String,
    reason: String,
}

impl FromStr for Ready {
    type Err = NotReady;

    /// Accepts `tcp:PORT`, `log:REGEX` or `cmd:COMMAND`.
    fn from_str(text: &str) -> Result<Self, NotReady> {
        let wrong = |reason: String| NotReady {
            text: text.to_owned(),
            reason,
        };
        let known = "write tcp:PORT, log:REGEX or cmd:COMMAND";
        let (kind, value) = text.split_once(':').ok_or_else(|| wrong(known.into()))?;
        match kind {
            "tcp" => match value.parse() {
                Ok(port) if port != 0 => Ok(Self::Tcp(port)),
                _ => Err(wrong(format!("{value:?} is not a port from 1 to 65535"))),
            },
            "log" => Regex::new(value)
                .map(Self::Log)
                .map_err(|error| wrong(error.to_string())),
            "cmd" if value.trim().is_empty() => Err(wrong("the command is empty".into())),
            "cmd" => Ok(Self::Command(value.to_owned())),
            _ => Err(wrong(known.into())),
        }
    }
}

impl Display for Ready {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(port) => write!(f, "tcp:{port}"),
            Self::Log(expression) => write!(f, "log:{expression}"),
            Self::Command(command) => write!(f, "cmd:{command}"),
        }
    }
}

/// Where the kernel lists a network's listeners. The program would notice a connection.
#[derive(Debug)]
pub struct Listeners {
    /// A socket of sock_diag(7), if the kernel has it.
    pub diag: Option<OwnedFd>,
    /// `/proc/net/tcp` and `tcp6`, which are a hundred times slower.
    pub tables: [OwnedFd; 2],
}

impl Listeners {
    /// Whether anybody listens on that port.
    pub fn have(&mut self, port: u16) -> io::Result<bool> {
        if let Some(socket) = &self.diag {
            if let Some(found) = diagnosed(socket, port)? {
                return Ok(found);
            }
            self.diag = None;
        }
        let [four, six] = &self.tables;
        Ok(is_in_table(four, port)? || is_in_table(six, port)?)
    }
}

const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const SOCK_DIAG_BY_FAMILY: u16 = 20;
const HEADER: usize = 16;

/// Asks for the listeners of both families; `None`: the kernel cannot list them.
fn diagnosed(socket: &OwnedFd, port: u16) -> io::Result<Option<bool>> {
    let mut found = false;
    for family in [libc::AF_INET as u8, libc::AF_INET6 as u8] {
        rustix::net::send(socket, &question(family, port), SendFlags::empty())?;
        let mut buffer = [0; 16 << 10];
        let mut more = true;
        while more {
            let (_, length) = rustix::net::recv(socket, &mut buffer, RecvFlags::empty())?;
            let mut rest = buffer.get(..length).unwrap_or_default();
            while let Some((kind, content, after)) = netlink_message(rest) {
                match kind {
                    NLMSG_ERROR => return Ok(None),
                    NLMSG_DONE => more = false,
                    _ => found |= source_port(content) == Some(port),
                }
                rest = after;
            }
        }
    }
    Ok(Some(found))
}

/// `struct nlmsghdr` and `struct inet_diag_req_v2` of linux/inet_diag.h: all sockets that
/// listen there.
fn question(family: u8, port: u16) -> Vec<u8> {
    const REQUEST_AND_DUMP: u16 = 0x301;
    const LENGTH: u32 = 72;
    const LISTENING: u32 = 1 << 10;
    let mut bytes = Vec::from(LENGTH.to_ne_bytes());
    bytes.extend(SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    bytes.extend(REQUEST_AND_DUMP.to_ne_bytes());
    bytes.extend([0; 8]);
    bytes.extend([family, libc::IPPROTO_TCP as u8, 0, 0]);
    bytes.extend(LISTENING.to_ne_bytes());
    bytes.extend(port.to_be_bytes());
    bytes.resize(LENGTH as usize, 0);
    bytes
}

/// The first message: its kind, its content, and what follows.
fn netlink_message(bytes: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let length = u32::from_ne_bytes(bytes.get(..4)?.try_into().ok()?) as usize;
    let kind = u16::from_ne_bytes(bytes.get(4..6)?.try_into().ok()?);
    let content = bytes.get(HEADER..length)?;
    let after = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    Some((kind, content, after))
}

/// Of `struct inet_diag_msg`.
fn source_port(content: &[u8]) -> Option<u16> {
    let bytes = content.get(4..6)?.try_into().ok()?;
    Some(u16::from_be_bytes(bytes))
}

fn is_in_table(table: &OwnedFd, port: u16) -> io::Result<bool> {
    let mut text = Vec::new();
    let mut buffer = [0; 16 << 10];
    loop {
        let read = rustix::io::pread(table, &mut buffer, text.len() as u64)?;
        if read == 0 {
            break;
        }
        text.extend_from_slice(buffer.get(..read).unwrap_or_default());
    }
    Ok(String::from_utf8_lossy(&text)
        .lines()
        .any(|line| is_listener(line, port)))
}

/// `0: 00000000:1F90 00000000:0000 0A …`: 0A is TCP_LISTEN (proc_pid_net(5)).
fn is_listener(line: &str, port: u16) -> bool {
    let mut words = line.split_ascii_whitespace().skip(1);
    let local = words.next().and_then(|word| word.rsplit_once(':'));
    let state = words.nth(1);
    let is_port = local.is_some_and(|(_, digits)| u16::from_str_radix(digits, 16) == Ok(port));
    is_port && state == Some("0A")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_listener_on_the_port_counts() {
        let line = "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000";
        assert!(is_listener(line, 8080));
        assert!(!is_listener(line, 80));
        let connected = "   1: 0100007F:1F90 0100007F:A000 01 00000000:00000000 00:00000000";
        assert!(!is_listener(connected, 8080));
        let six = "   0: 00000000000000000000000000000000:0050 0000:0000 0A 00000000:00000000";
        assert!(is_listener(six, 80));
        assert!(!is_listener("  sl  local_address rem_address   st", 80));
    }

    #[test]
    fn a_listener_of_this_machine_is_found_in_both_ways() {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        let tables = || {
            ["/proc/net/tcp", "/proc/net/tcp6"]
                .map(|path| std::fs::File::open(path).unwrap().into())
        };
        let diag = crate::sandbox::diag_socket().ok();
        for diag in [diag, None] {
            let mut listeners = Listeners {
                diag,
                tables: tables(),
            };
            assert!(listeners.have(port).unwrap(), "{listeners:?}");
            assert!(!listeners.have(1).unwrap(), "{listeners:?}");
        }
    }

    #[test]
    fn conditions_are_read_and_written() {
        for text in ["tcp:8080", "log:^ready$", "cmd:curl -sf localhost"] {
            assert_eq!(text.parse::<Ready>().unwrap().to_string(), text);
        }
        for text in ["8080", "tcp:0", "tcp:70000", "log:(", "cmd: ", "udp:53"] {
            let error = text.parse::<Ready>().unwrap_err();
            assert!(error.to_string().contains(text), "{error}");
        }
    }
}
