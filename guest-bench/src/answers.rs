//! How the kernel answers the system calls under test.

use contract::{Answer, Benchmark, SystemCall};

use crate::{Benchmarks, Options};

/// The answer of each call that was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answers([Option<Answer>; SystemCall::ALL.len()]);

impl Answers {
    /// Tries the calls that these options measure, and call 500 in any case: its answer shows
    /// which kernel this is. `make` makes a call and returns the result.
    ///
    /// # Errors
    ///
    /// The call whose result is neither its own answer nor ENOSYS.
    pub fn ask(options: &Options, make: impl Fn(SystemCall) -> u64) -> Result<Self, SystemCall> {
        let mut answers = [None; SystemCall::ALL.len()];
        for (call, answer) in SystemCall::ALL.into_iter().zip(&mut answers) {
            if call == SystemCall::Noop || options.makes(call) {
                *answer = Some(call.answer(make(call)).ok_or(call)?);
            }
        }
        Ok(Self(answers))
    }

    /// The calls that were tried, and their answers.
    pub fn iter(&self) -> impl Iterator<Item = (SystemCall, Answer)> {
        let all = SystemCall::ALL.into_iter().zip(self.0);
        all.filter_map(|(call, answer)| Some((call, answer?)))
    }

    /// The benchmarks that these options measure on this kernel; of a system call's two
    /// benchmarks, the one that matches its answer.
    pub fn measured(&self, options: &Options) -> Benchmarks {
        Benchmarks::that(|benchmark| {
            options.benchmarks.contains(benchmark.choice())
                && benchmark.is_by(options.method)
                && self.is_possible(benchmark)
        })
    }

    fn is_possible(&self, benchmark: Benchmark) -> bool {
        let (Some(makes), Some(needs)) = (benchmark.system_call(), benchmark.answer()) else {
            return true;
        };
        self.iter().any(|answered| answered == (makes, needs))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop anywhere")]
mod tests {
    use contract::{ENOSYS, Method, NOOP_ANSWER};

    use super::*;

    #[test]
    fn the_answer_says_which_of_a_calls_benchmarks_is_measured() {
        let options = Options::default();
        let measured = |returned| {
            let answers = Answers::ask(&options, |_| returned).unwrap();
            let measured = answers.measured(&options);
            [Benchmark::Tsc, Benchmark::Scall, Benchmark::Enosys].map(|b| measured.contains(b))
        };
        assert_eq!(measured(NOOP_ANSWER), [true, true, false]);
        assert_eq!(measured(ENOSYS), [true, false, true]);
        let another = Answers::ask(&options, |_| 1);
        assert_eq!(another, Err(SystemCall::Noop));
    }

    #[test]
    fn what_the_method_does_not_measure_is_left_out() {
        let options = Options {
            method: Method::Exact,
            ..Options::default()
        };
        let answers = Answers::ask(&options, |_| NOOP_ANSWER).unwrap();
        let measured = answers.measured(&options);
        assert!(!measured.contains(Benchmark::Tsc) && measured.contains(Benchmark::Fcall));
    }

    #[test]
    fn call_500_is_asked_in_any_case() {
        let options = Options {
            benchmarks: Benchmarks::default(),
            ..Options::default()
        };
        let answers = Answers::ask(&options, |_| ENOSYS).unwrap();
        assert!(answers.iter().eq([(SystemCall::Noop, Answer::Enosys)]));
        assert!(answers.measured(&options).is_empty());
    }
}
