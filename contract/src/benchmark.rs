/// Number of the system call under test, beyond every number that Linux uses.
pub const NOOP_SYSCALL: u64 = 500;

/// What the `noop` system call returns, and nothing else does.
pub const NOOP_ANSWER: u64 = 0xC0_FFEE;

/// What a sample timed. The first three names are the original program's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Benchmark {
    /// An empty measurement: the cost of reading the counter twice.
    Tsc,
    /// A call of a function that does nothing. Calls may overlap: throughput.
    Fcall,
    /// A call of a function that passes on what the call before it returned: each
    /// waits for the one before, a dependent chain.
    FcallChain,
    /// System call 500 on a kernel that has it and answers [`NOOP_ANSWER`].
    Scall,
    /// System call 500 on a kernel that lacks it and answers `ENOSYS`: another
    /// path through the kernel, hence another name.
    Enosys,
}

impl Benchmark {
    /// Every benchmark, in the order of the tables.
    pub const ALL: [Self; 5] = [
        Self::Tsc,
        Self::Fcall,
        Self::FcallChain,
        Self::Scall,
        Self::Enosys,
    ];

    /// The name on the console, in files and in tables.
    pub const fn name(self) -> &'static str {
        // Parts of one string: a table of strings would be a table of pointers, and
        // each of them a relocation in the guest's image.
        let (_, from) = "tscfcall_chainscallenosys".split_at(match self {
            Self::Tsc => 0,
            Self::Fcall | Self::FcallChain => 3,
            Self::Scall => 14,
            Self::Enosys => 19,
        });
        let (name, _) = from.split_at(match self {
            Self::Tsc => 3,
            Self::Fcall | Self::Scall => 5,
            Self::FcallChain => 11,
            Self::Enosys => 6,
        });
        name
    }

    /// The benchmark of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "tsc" => Self::Tsc,
            "fcall" => Self::Fcall,
            "fcall_chain" => Self::FcallChain,
            "scall" => Self::Scall,
            "enosys" => Self::Enosys,
            _ => return None,
        })
    }
}

/// How samples were taken. `docs/METHOD.md` describes each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Method {
    /// The original's: `cpuid; rdtsc … rdtscp; cpuid` around one long loop.
    Paper,
    /// `lfence; rdtsc; lfence … rdtscp; lfence` around short batches of n and 2n copies.
    Precise,
    /// Four batches, n and 2n copies in t and 2t turns, on a machine whose counter
    /// advances by one an instruction: whole instructions, no time.
    Exact,
}

impl Method {
    /// Every method.
    pub const ALL: [Self; 3] = [Self::Paper, Self::Precise, Self::Exact];

    /// The name on the console, in experiments and in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Paper => "paper",
            Self::Precise => "precise",
            Self::Exact => "exact",
        }
    }

    /// The method of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "paper" => Self::Paper,
            "precise" => Self::Precise,
            "exact" => Self::Exact,
            _ => return None,
        })
    }
}

/// What can get between a program and the processor. Counted by the guest's kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Disturbance {
    /// Involuntary context switches of the process (getrusage(2), `ru_nivcsw`).
    Switches,
    /// Nanoseconds in which the process was ready to run and did not
    /// (/proc/self/schedstat, the second field).
    RunDelay,
    /// Time in which the hypervisor ran something else on the processor, in
    /// hundredths of a second (/proc/stat, `steal`).
    Steal,
    /// Interrupts of all kinds that the processor took (/proc/interrupts).
    Interrupts,
}

impl Disturbance {
    /// Every disturbance.
    pub const ALL: [Self; 4] = [
        Self::Switches,
        Self::RunDelay,
        Self::Steal,
        Self::Interrupts,
    ];

    /// The name on the console and in files; its unit stands in it.
    pub const fn name(self) -> &'static str {
        // Parts of one string, as in `Benchmark::name`.
        let (_, from) = "switchesrun_delay_nssteal_csinterrupts".split_at(match self {
            Self::Switches => 0,
            Self::RunDelay => 8,
            Self::Steal => 20,
            Self::Interrupts => 28,
        });
        let (name, _) = from.split_at(match self {
            Self::Switches | Self::Steal => 8,
            Self::RunDelay => 12,
            Self::Interrupts => 10,
        });
        name
    }

    /// The disturbance of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "switches" => Self::Switches,
            "run_delay_ns" => Self::RunDelay,
            "steal_cs" => Self::Steal,
            "interrupts" => Self::Interrupts,
            _ => return None,
        })
    }
}
