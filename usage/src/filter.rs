//! What the kernel does with each call of the program: a seccomp filter.

mod assembler;

use std::collections::BTreeMap;

use libc::sock_filter;

use crate::Call;
use assembler::Assembler;

/// What the kernel does with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It executes it.
    Allow,
    /// It asks us.
    Notify,
    /// It returns that error, or 0 for 0, without executing the call.
    Errno(u16),
}

/// What the kernel does with the uses of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Treatment {
    /// The same with all of them.
    Always(Action),
    /// It depends on the low half of an argument: the first case decides.
    ByArgument {
        /// Which argument, from 0.
        index: u8,
        /// What it may be.
        cases: Vec<Case>,
        /// Where it is something else.
        otherwise: Action,
    },
}

/// An argument that has this value under this mask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Case {
    /// The bits that count.
    pub mask: u32,
    /// Their required values.
    pub value: u32,
    /// What happens then.
    pub action: Action,
}

impl From<Action> for Treatment {
    fn from(action: Action) -> Self {
        Self::Always(action)
    }
}

/// The address of the path of our own `execve`. The `exec` unmaps the page, and the filter
/// allows only an `execve` with exactly this address, so the program's own can be removed.
/// To escape, a program would have to map this page itself.
pub const OWN_EXEC_PATH: usize = 0x1357_9bdf_0000;

/// x32 calls have this bit in their number.
const X32_BIT: u32 = 0x4000_0000;
/// `AUDIT_ARCH_X86_64` of linux/audit.h: EM_X86_64, 64 bits, little endian.
const AUDIT_ARCH_X86_64: u32 = 62 | 0x8000_0000 | 0x4000_0000;

/// The filter for these calls; the kernel does `rest` with all others. Calls of other ABIs
/// (i386, x32) are notified.
pub fn filter(calls: &BTreeMap<Call, Treatment>, rest: Action) -> Vec<sock_filter> {
    let mut program = Assembler::default();
    program.load_arch();
    program.unless_equal(AUDIT_ARCH_X86_64, Action::Notify);
    program.load_number();
    program.if_at_least(X32_BIT, Action::Notify);
    program.allow_own_exec(libc::SYS_execve as u32, OWN_EXEC_PATH as u64);
    program.table(&segments(calls, rest));
    program.finish()
}

/// The calls as stretches of numbers with one treatment: where each begins.
fn segments(calls: &BTreeMap<Call, Treatment>, rest: Action) -> Vec<(u32, Treatment)> {
    let mut segments = vec![(0, rest.into())];
    let mut push = |from: u32, treatment: Treatment| {
        if segments.last().is_some_and(|(start, _)| *start == from) {
            segments.pop();
        }
        if segments.last().is_none_or(|(_, last)| *last != treatment) {
            segments.push((from, treatment));
        }
    };
    for (call, treatment) in calls {
        push(call.0, treatment.clone());
        push(call.0 + 1, rest.into());
    }
    segments
}

#[cfg(test)]
mod tests;
