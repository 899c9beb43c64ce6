use crate::names::named;

named! {
    /// How samples were taken. `docs/METHOD.md` describes each.
    Method {
        /// The original's: `cpuid; rdtsc … rdtscp; cpuid` around one long loop.
        Paper = "paper",
        /// `lfence; rdtsc; lfence … rdtscp; lfence` around short batches of n and 2n copies.
        Precise = "precise",
        /// Four batches, n and 2n copies in t and 2t turns, on a machine whose counter advances
        /// by one per instruction: whole instructions, not time.
        Exact = "exact",
    }
}
