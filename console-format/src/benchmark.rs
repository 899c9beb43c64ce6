/// Number of the system call under test, beyond every number that Linux uses.
pub const NOOP_SYSCALL: u64 = 500;

/// What the `noop` system call returns, and nothing else does.
pub const NOOP_ANSWER: u64 = 0xC0_FFEE;

/// What a sample timed. The first three names are the original program's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Benchmark {
    /// An empty measurement: the cost of reading the counter twice.
    Tsc,
    /// A call of a function that does nothing.
    Fcall,
    /// System call 500 on a kernel that has it and answers [`NOOP_ANSWER`].
    Scall,
    /// System call 500 on a kernel that lacks it and answers `ENOSYS`: another
    /// path through the kernel, hence another name.
    Enosys,
}

impl Benchmark {
    /// Every benchmark, in the order of the tables.
    pub const ALL: [Self; 4] = [Self::Tsc, Self::Fcall, Self::Scall, Self::Enosys];

    /// The name on the console, in files and in tables.
    pub const fn name(self) -> &'static str {
        // Parts of one string: a table of strings would be a table of pointers, and
        // each of them a relocation in the guest's image.
        let (_, from) = "tscfcallscallenosys".split_at(match self {
            Self::Tsc => 0,
            Self::Fcall => 3,
            Self::Scall => 8,
            Self::Enosys => 13,
        });
        let (name, _) = from.split_at(match self {
            Self::Tsc => 3,
            Self::Fcall | Self::Scall => 5,
            Self::Enosys => 6,
        });
        name
    }

    /// The benchmark of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "tsc" => Self::Tsc,
            "fcall" => Self::Fcall,
            "scall" => Self::Scall,
            "enosys" => Self::Enosys,
            _ => return None,
        })
    }
}

/// How samples were taken. `docs/METHOD.md` describes both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Method {
    /// The original's: `cpuid; rdtsc … rdtscp; cpuid` around one long loop.
    Paper,
    /// `lfence; rdtsc; lfence … rdtscp; lfence` around short batches of n and 2n copies.
    Precise,
}

impl Method {
    /// Both methods.
    pub const ALL: [Self; 2] = [Self::Paper, Self::Precise];

    /// The name on the console, in experiments and in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Paper => "paper",
            Self::Precise => "precise",
        }
    }

    /// The method of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "paper" => Self::Paper,
            "precise" => Self::Precise,
            _ => return None,
        })
    }
}
