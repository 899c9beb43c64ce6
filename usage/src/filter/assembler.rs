//! Classic BPF, as far as seccomp needs it (linux/filter.h, linux/seccomp.h).

use std::mem::offset_of;

use libc::{seccomp_data, sock_filter};

use super::{Action, Treatment};

const LOAD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
const JUMP: u16 = (libc::BPF_JMP | libc::BPF_JA) as u16;
const JUMP_EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
const JUMP_AT_LEAST: u16 = (libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K) as u16;
const AND: u16 = (libc::BPF_ALU | libc::BPF_AND | libc::BPF_K) as u16;
const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;

const NUMBER: u32 = offset_of!(seccomp_data, nr) as u32;
const ARCH: u32 = offset_of!(seccomp_data, arch) as u32;
const ARGUMENTS: u32 = offset_of!(seccomp_data, args) as u32;

/// A program under construction.
#[derive(Default)]
pub struct Assembler(Vec<sock_filter>);

impl Assembler {
    /// Loads the ABI of the call.
    pub fn load_arch(&mut self) {
        self.push(LOAD, 0, 0, ARCH);
    }

    /// Loads the number of the call.
    pub fn load_number(&mut self) {
        self.push(LOAD, 0, 0, NUMBER);
    }

    /// Ends with that action unless the loaded value is this one.
    pub fn unless_equal(&mut self, value: u32, action: Action) {
        self.push(JUMP_EQUAL, 1, 0, value);
        self.end(action);
    }

    /// Ends with that action if the loaded value is this one or a larger one.
    pub fn if_at_least(&mut self, value: u32, action: Action) {
        self.push(JUMP_AT_LEAST, 0, 1, value);
        self.end(action);
    }

    /// Allows the call of this number whose first argument is this one; leaves the number
    /// loaded.
    pub fn allow_own_exec(&mut self, number: u32, first: u64) {
        self.push(JUMP_EQUAL, 0, 6, number);
        self.push(LOAD, 0, 0, ARGUMENTS);
        self.push(JUMP_EQUAL, 0, 3, first as u32);
        self.push(LOAD, 0, 0, ARGUMENTS + 4);
        self.push(JUMP_EQUAL, 0, 1, (first >> 32) as u32);
        self.end(Action::Allow);
        self.load_number();
    }

    /// Ends as the segment says that holds the loaded number, found by halving. Each segment
    /// is where it begins, in order; the first begins with 0.
    pub fn table(&mut self, segments: &[(u32, Treatment)]) {
        let half = segments.len() / 2;
        let (low, high) = segments.split_at(half);
        match (low, high) {
            ([], [(_, treatment), ..]) => self.treat(treatment),
            (_, [(middle, _), ..]) => {
                let mut below = Self::default();
                below.table(low);
                // Only this jump may go further than 255 instructions.
                self.push(JUMP_AT_LEAST, 0, 1, *middle);
                self.push(JUMP, 0, 0, below.0.len() as u32);
                self.0.append(&mut below.0);
                self.table(high);
            }
            (_, []) => {}
        }
    }

    fn treat(&mut self, treatment: &Treatment) {
        match treatment {
            Treatment::Always(action) => self.end(*action),
            Treatment::ByArgument {
                index,
                cases,
                otherwise,
            } => {
                for case in cases {
                    self.push(LOAD, 0, 0, ARGUMENTS + 8 * u32::from(*index));
                    self.push(AND, 0, 0, case.mask);
                    self.push(JUMP_EQUAL, 0, 1, case.value);
                    self.end(case.action);
                }
                self.end(*otherwise);
            }
        }
    }

    /// The program.
    pub fn finish(self) -> Vec<sock_filter> {
        self.0
    }

    fn end(&mut self, action: Action) {
        let value = match action {
            Action::Allow => libc::SECCOMP_RET_ALLOW,
            Action::Notify => libc::SECCOMP_RET_USER_NOTIF,
            Action::Errno(error) => libc::SECCOMP_RET_ERRNO | u32::from(error),
        };
        self.push(RETURN, 0, 0, value);
    }

    fn push(&mut self, code: u16, jt: u8, jf: u8, k: u32) {
        self.0.push(sock_filter { code, jt, jf, k });
    }
}
