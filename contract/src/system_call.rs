//! The system calls under test: their numbers and their answers.

/// What system call 500 returns, and nothing else does.
pub const NOOP_ANSWER: u64 = 0xC0_FFEE;

/// A kernel's answer to a number that it does not have: Linux,
/// include/uapi/asm-generic/errno.h, negated.
pub const ENOSYS: u64 = 38u64.wrapping_neg();

/// The largest error number that Linux returns (include/linux/err.h, MAX_ERRNO).
const MAX_ERRNO: u64 = 4095;

/// Rows: name, number, what it does (after "which"), and the only answer of a kernel that has the
/// call; `None` for any answer that is not an error.
macro_rules! system_calls {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $number:literal, $does:literal, $answer:expr;)+) => {
        named! {
            /// A system call that a benchmark makes, without arguments.
            SystemCall { $($(#[$doc])* $variant = $name,)+ }
        }

        impl SystemCall {
            /// Its number (Linux, arch/x86/entry/syscalls/syscall_64.tbl, and our patch).
            pub const fn number(self) -> u64 {
                match self {
                    $(Self::$variant => $number,)+
                }
            }

            /// What it does, after "system call N, which".
            pub const fn does(self) -> &'static str {
                match self {
                    $(Self::$variant => $does,)+
                }
            }

            const fn expected(self) -> Option<u64> {
                match self {
                    $(Self::$variant => $answer,)+
                }
            }

            /// What a returned value means. `None`: another call has this number, or it failed.
            pub fn answer(self, returned: u64) -> Option<$crate::Answer> {
                match (returned, self.expected()) {
                    ($crate::ENOSYS, _) => Some($crate::Answer::Enosys),
                    (returned, Some(expected)) => (returned == expected).then_some($crate::Answer::Works),
                    (returned, None) => (!$crate::is_error(returned)).then_some($crate::Answer::Works),
                }
            }

            /// The word for an answer, as in the fact [`SystemCall`](crate::Fact::SystemCall).
            pub const fn answered(self, answer: $crate::Answer) -> &'static str {
                match answer {
                    $crate::Answer::Works => self.name(),
                    $crate::Answer::Enosys => "enosys",
                }
            }
        }
    };
}
pub(crate) use system_calls;

/// A kernel's answer to a system call under test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It has the call.
    Works,
    /// It lacks the call: [`ENOSYS`].
    Enosys,
}

/// Whether a system call returned a negated error number.
pub const fn is_error(returned: u64) -> bool {
    returned >= MAX_ERRNO.wrapping_neg()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SystemCall;

    #[test]
    fn only_its_own_answer_and_enosys_are_answers_of_the_noop_call() {
        let noop = SystemCall::Noop;
        assert_eq!(noop.answer(0xC0FFEE), Some(Answer::Works));
        assert_eq!(noop.answer(-38i64 as u64), Some(Answer::Enosys));
        for other in [0, 1, -1i64 as u64, 0xC0FFEF] {
            assert_eq!(noop.answer(other), None, "{other:#x}");
        }
    }

    #[test]
    fn errors_are_the_last_4095_values() {
        assert!(is_error(-1i64 as u64) && is_error(-4095i64 as u64));
        assert!(!is_error(-4096i64 as u64) && !is_error(0));
    }
}
