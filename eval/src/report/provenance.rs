//! Facts on the page that are not in the run's numbers.

/// Where a run was made, and how to repeat it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Provenance {
    /// The machine, the targets and the guests' kernels, group by group.
    pub environment: Vec<FactGroup>,
    /// How to repeat the run.
    pub repeat: Repeat,
}

/// Facts that belong together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FactGroup {
    /// What they are about.
    pub title: String,
    /// Names and values.
    pub facts: Vec<(String, String)>,
}

/// How to repeat a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repeat {
    /// What is not a command: a changed tree, a seed that belongs in a file.
    pub remarks: Vec<String>,
    /// The commands, in their order.
    pub commands: Vec<String>,
    /// Files and their SHA-256.
    pub hashes: Vec<(String, String)>,
}
