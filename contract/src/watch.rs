//! What watches a crossing, and the records about it: a watch is a site, a kind, a program, and
//! statistics on or off.

use crate::names::named;

named! {
    /// How a site is watched.
    WatchKind {
        /// A raw tracepoint.
        RawTp = "raw_tp",
        /// A raw tracepoint whose arguments have types.
        TpBtf = "tp_btf",
        /// A tracepoint by a perf event.
        Tracepoint = "tracepoint",
        /// A kprobe at a function's entry, by a perf event: the kernel puts it on ftrace.
        Kprobe = "kprobe",
        /// A kprobe at a function's return.
        Kretprobe = "kretprobe",
        /// A kprobe at the entry of any number of functions, on fprobe.
        KprobeMulti = "kprobe.multi",
        /// The same at the return.
        KretprobeMulti = "kretprobe.multi",
        /// A trampoline at a function's entry.
        Fentry = "fentry",
        /// A trampoline at a function's exit.
        Fexit = "fexit",
        /// A trampoline that may replace the function.
        FmodRet = "fmod_ret",
        /// A breakpoint in a program, by a perf event.
        Uprobe = "uprobe",
        /// A breakpoint at the return of a program's function.
        Uretprobe = "uretprobe",
        /// Breakpoints in a program, by one link.
        UprobeMulti = "uprobe.multi",
        /// The same at the return.
        UretprobeMulti = "uretprobe.multi",
    }
}

named! {
    /// What is watched.
    WatchSite {
        /// The entry of every system call.
        SysEnter = "sys_enter",
        /// The system call getpgid.
        Getpgid = "getpgid",
        /// The system call chdir, which nothing here makes.
        Chdir = "chdir",
        /// A function that begins with `nop`, which the kernel emulates.
        Nop = "nop",
        /// A function that begins with `push`, which the kernel emulates.
        Push = "push",
        /// A function that begins with a jump, which the kernel emulates.
        Branch = "branch",
        /// A function that begins with an instruction that the kernel has to single-step.
        SingleStep = "single-step",
    }
}

named! {
    /// What runs at a site.
    WatchProgram {
        /// Nothing: it returns.
        Null = "null",
        /// It counts in an array with a place for each CPU, in the slot of the calling thread.
        PerCpu = "percpu",
        /// It looks for another process, and so never finds it.
        Filter = "filter",
        /// It counts in a hash map, by the calling thread.
        Hash = "hash",
        /// It writes eight bytes into a ring buffer.
        Ringbuf = "ringbuf",
    }
}

named! {
    /// What is timed while a site is watched.
    TimedOperation {
        /// System call 500 of a kernel that has it.
        Noop = "noop",
        /// System call 500 of a kernel that lacks it.
        Enosys = "enosys",
        /// `getpgid(0)`.
        Getpgid = "getpgid",
        /// A call of the watched function of the program itself.
        Call = "call",
    }
}

named! {
    /// Under what a batch ran.
    WatchState {
        /// Before the watch: nothing is loaded.
        Before = "before",
        /// The idle holder: everything is loaded, nothing attached.
        Idle = "idle",
        /// Watched.
        Watched = "watched",
        /// Watched, while the kernel keeps statistics of BPF programs.
        Statistics = "watched+stats",
        /// After the watch: nothing is loaded.
        After = "after",
    }
}

/// Where a kind can be attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Tracepoint,
    Function,
    Program,
}

impl WatchKind {
    /// The first Linux that has it.
    pub const fn since(self) -> &'static str {
        match self {
            Self::RawTp | Self::Kprobe | Self::Kretprobe | Self::Uprobe | Self::Uretprobe => "4.17",
            Self::Tracepoint => "4.7",
            Self::TpBtf | Self::Fentry | Self::Fexit => "5.5",
            Self::FmodRet => "5.7",
            Self::KprobeMulti | Self::KretprobeMulti => "5.18",
            Self::UprobeMulti | Self::UretprobeMulti => "6.6",
        }
    }

    const fn place(self) -> Place {
        match self {
            Self::RawTp | Self::TpBtf | Self::Tracepoint => Place::Tracepoint,
            Self::Kprobe | Self::Kretprobe | Self::KprobeMulti | Self::KretprobeMulti => {
                Place::Function
            }
            Self::Fentry | Self::Fexit | Self::FmodRet => Place::Function,
            Self::Uprobe | Self::Uretprobe | Self::UprobeMulti | Self::UretprobeMulti => {
                Place::Program
            }
        }
    }

    /// Whether it can watch that site.
    pub const fn fits(self, site: WatchSite) -> bool {
        match (self, site) {
            (Self::RawTp | Self::TpBtf, WatchSite::SysEnter) => true,
            (Self::RawTp | Self::TpBtf, _) => false,
            (Self::Tracepoint, site) => !site.is_in_program(),
            (_, WatchSite::SysEnter) => false,
            (kind, site) => site.is_in_program() == matches!(kind.place(), Place::Program),
        }
    }
}

impl WatchSite {
    /// Whether it is in the program itself.
    pub const fn is_in_program(self) -> bool {
        matches!(
            self,
            Self::Nop | Self::Push | Self::Branch | Self::SingleStep
        )
    }

    /// Whether an operation reaches it.
    pub const fn is_reached_by(self, operation: TimedOperation) -> bool {
        match (self, operation) {
            (Self::SysEnter, operation) => !matches!(operation, TimedOperation::Call),
            (Self::Getpgid, operation) => matches!(operation, TimedOperation::Getpgid),
            (Self::Chdir, _) => false,
            (_, operation) => matches!(operation, TimedOperation::Call),
        }
    }
}

/// A watch that was attached, and what was timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Watch {
    /// How.
    pub kind: WatchKind,
    /// What.
    pub site: WatchSite,
    /// What runs there.
    pub program: WatchProgram,
    /// What was timed.
    pub operation: TimedOperation,
}

/// One slope of a watch: a batch of n operations, then one of 2n.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WatchedSlope {
    /// The watch, by its number in the boot.
    pub watch: u64,
    /// Under what both batches ran.
    pub state: WatchState,
    /// n.
    pub ops: u64,
    /// Ticks of the first batch.
    pub ticks_n: u64,
    /// Ticks of the second batch.
    pub ticks_2n: u64,
}

/// How often the program of a watch ran, by the kernel's own count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WatchRuns {
    /// The watch, by its number in the boot.
    pub watch: u64,
    /// How often it should have run.
    pub expected: u64,
    /// How often it ran (`run_cnt`).
    pub runs: u64,
    /// How often the kernel left it out because one was running (`recursion_misses`).
    pub missed: u64,
    /// Events that did not fit into the ring buffer.
    pub lost: u64,
}

/// A watch that the kernel refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefusedWatch<'a> {
    /// The watch, by its number in the boot.
    pub watch: u64,
    /// Why, in a sentence.
    pub reason: &'a str,
}

/// The text in a program that carries out watches: without it, an experiment with watches is
/// refused.
pub const WATCHES_MARK: &str = "tollgate: this program carries out watches";
