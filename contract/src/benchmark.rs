//! The benchmarks. A new one needs a row here, its loop in `guest-bench/src/bodies.rs`, a test
//! and a line in the documents. Both ends take everything else from this table.

use crate::names::named;
use crate::system_call::system_calls;
use crate::{Answer, Method, NOOP_ANSWER};

system_calls! {
    /// `noop`, which this project adds to Linux under a number beyond all of Linux's.
    Noop = "noop", 500, "does nothing", Some(NOOP_ANSWER);
    /// `getppid`, which does a little work: it looks up the number of the process's parent
    /// (Linux, kernel/sys.c). It never fails.
    Getppid = "getppid", 110, "looks up the number of the parent process", None;
}

/// What a benchmark repeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Nothing: the cost of the measurement itself.
    Nothing,
    /// A call of one of the program's own functions, which takes so many instructions on every
    /// kernel.
    Function {
        /// Instructions for one call.
        instructions: u64,
    },
    /// A system call that the kernel has.
    Call(SystemCall),
    /// A system call that the kernel lacks: it answers `ENOSYS`, which is a different path
    /// through the kernel.
    Refused(SystemCall),
}

/// Whether a benchmark is measured by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Run {
    ByDefault,
    OnRequest,
}

/// Rows: name, what it times in tables and plots, its operation, the methods that measure it,
/// and whether it is measured by default.
macro_rules! benchmarks {
    ($(
        $(#[$doc:meta])*
        $variant:ident = $name:literal, $title:literal, $operation:expr,
        by [$($method:ident)|+], $run:ident;
    )+) => {
        named! {
            /// What a sample timed, in the order of the tables. `tsc`, `fcall` and `scall` are the
            /// original program's names.
            Benchmark { $($(#[$doc])* $variant = $name,)+ }
        }

        impl Benchmark {
            /// What it times, as tables and plots name it.
            pub const fn title(self) -> &'static str {
                match self {
                    $(Self::$variant => $title,)+
                }
            }

            /// What it repeats.
            pub const fn operation(self) -> Operation {
                match self {
                    $(Self::$variant => $operation,)+
                }
            }

            /// Whether that method measures it.
            pub const fn is_by(self, method: Method) -> bool {
                match self {
                    $(Self::$variant => matches!(method, $(Method::$method)|+),)+
                }
            }

            const fn run(self) -> Run {
                match self {
                    $(Self::$variant => Run::$run,)+
                }
            }
        }
    };
}

benchmarks! {
    /// An empty measurement: the cost of reading the counter twice.
    Tsc = "tsc", "empty measurement", Operation::Nothing,
        by [Paper | Precise], ByDefault;
    /// A call of a function that does nothing. Calls may overlap: throughput.
    Fcall = "fcall", "function call", Operation::Function { instructions: 3 },
        by [Paper | Precise | Exact], ByDefault;
    /// A call of a function that passes on what the previous call returned: each waits for the
    /// previous one, a dependent chain.
    FcallChain = "fcall_chain", "function calls in a chain",
        Operation::Function { instructions: 4 },
        by [Precise | Exact], ByDefault;
    /// System call 500 on a kernel that has it and answers [`NOOP_ANSWER`].
    Scall = "scall", "system call", Operation::Call(SystemCall::Noop),
        by [Paper | Precise | Exact], ByDefault;
    /// System call 500 on a kernel that lacks it.
    Enosys = "enosys", "system call (ENOSYS)", Operation::Refused(SystemCall::Noop),
        by [Paper | Precise | Exact], ByDefault;
    /// System call 110 on a kernel that has it.
    Getppid = "getppid", "getppid", Operation::Call(SystemCall::Getppid),
        by [Precise | Exact], OnRequest;
    /// System call 110 on a kernel that lacks it.
    GetppidEnosys = "getppid-enosys", "getppid (ENOSYS)", Operation::Refused(SystemCall::Getppid),
        by [Precise | Exact], OnRequest;
}

impl Benchmark {
    /// What a system call is measured as, by the kernel's answer.
    pub fn of_call(call: SystemCall, answer: Answer) -> Option<Self> {
        let operation = match answer {
            Answer::Works => Operation::Call(call),
            Answer::Enosys => Operation::Refused(call),
        };
        let mut all = Self::ALL.into_iter();
        all.find(|benchmark| benchmark.operation() == operation)
    }

    /// What to choose to measure it: the benchmark itself; or, if a system call has two
    /// benchmarks, the one of the call, since the kernel's answer decides which of them is
    /// measured.
    pub fn choice(self) -> Self {
        let Operation::Refused(call) = self.operation() else {
            return self;
        };
        Self::of_call(call, Answer::Works).unwrap_or(self)
    }

    /// Whether it can be chosen.
    pub const fn is_choice(self) -> bool {
        !matches!(self.operation(), Operation::Refused(_))
    }

    /// How many can be chosen, which is how many one boot can measure.
    pub const CHOICES: usize = {
        let (mut index, mut choices) = (0, 0);
        while index < Self::ALL.len() {
            choices += Self::ALL[index].is_choice() as usize;
            index += 1;
        }
        choices
    };

    /// Whether it is measured by default.
    pub const fn is_default(self) -> bool {
        self.is_choice() && matches!(self.run(), Run::ByDefault)
    }

    /// The system call that it makes; `None` if it does not need a kernel.
    pub const fn system_call(self) -> Option<SystemCall> {
        match self.operation() {
            Operation::Call(call) | Operation::Refused(call) => Some(call),
            Operation::Nothing | Operation::Function { .. } => None,
        }
    }

    /// The answer that its system call has to return; `None` if it does not make one.
    pub const fn answer(self) -> Option<Answer> {
        match self.operation() {
            Operation::Call(_) => Some(Answer::Works),
            Operation::Refused(_) => Some(Answer::Enosys),
            Operation::Nothing | Operation::Function { .. } => None,
        }
    }

    /// Every benchmark, in the order of a round and of the plots: the empty measurement, the
    /// system calls, the function calls.
    pub fn in_a_round() -> [Self; Self::ALL.len()] {
        let mut all = Self::ALL;
        all.sort_unstable_by_key(|benchmark| {
            let place = match benchmark.operation() {
                Operation::Nothing => 0,
                Operation::Call(_) | Operation::Refused(_) => 1,
                Operation::Function { .. } => 2,
            };
            (place, *benchmark)
        });
        all
    }

    /// The calls, in the order of the plots: all except the empty measurement.
    pub fn calls() -> impl Iterator<Item = Self> {
        let all = Self::in_a_round().into_iter();
        all.filter(|benchmark| benchmark.operation() != Operation::Nothing)
    }
}
