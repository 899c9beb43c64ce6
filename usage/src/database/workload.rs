use std::fmt;

use super::{Name, NameError};

/// What the application was made to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A benchmark.
    Bench,
    /// The application's own test suite.
    Suite,
}

impl Kind {
    /// As it is called on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bench => "bench",
            Self::Suite => "suite",
        }
    }
}

/// One of an application's workloads.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Workload {
    /// Of which kind.
    pub kind: Kind,
    /// Its name; the official test suite has none.
    pub name: Option<Name>,
}

const BENCH: &str = "benchmark";
const SUITE: &str = "suite";

impl Workload {
    /// Of that kind; without a name where it is empty.
    ///
    /// # Errors
    ///
    /// [`NameError`]; a benchmark needs a name.
    pub fn new(kind: Kind, name: &str) -> Result<Self, NameError> {
        let name = match (kind, name) {
            (Kind::Suite, "") => None,
            _ => Some(Name::new(name)?),
        };
        Ok(Self { kind, name })
    }

    /// From the name of its folder; `None` for a folder that is not a workload's.
    pub fn of_folder(folder: &str) -> Option<Self> {
        let (kind, rest) = match folder.strip_prefix(BENCH) {
            Some(rest) => (Kind::Bench, rest),
            None => (Kind::Suite, folder.strip_prefix(SUITE)?),
        };
        let name = match rest.strip_prefix('-') {
            Some(name) => Some(Name::new(name).ok()?),
            None if rest.is_empty() => None,
            None => return None,
        };
        Some(Self { kind, name })
    }
}

/// As its folder is called.
impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            Kind::Bench => BENCH,
            Kind::Suite => SUITE,
        })?;
        match &self.name {
            Some(name) => write!(f, "-{name}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_workloads_and_back() {
        for folder in ["benchmark-wrk", "suite", "suite-nginx-tests", "benchmark"] {
            let workload = Workload::of_folder(folder).unwrap();
            assert_eq!(workload.to_string(), folder);
        }
        for folder in ["data", "suites", "benchmark-", "benchmarkwrk", "suite-../x"] {
            assert_eq!(Workload::of_folder(folder), None, "{folder}");
        }
    }

    #[test]
    fn only_the_official_suite_has_no_name() {
        assert!(Workload::new(Kind::Suite, "").is_ok());
        assert!(Workload::new(Kind::Bench, "").is_err());
        assert!(Workload::new(Kind::Suite, "a/b").is_err());
    }
}
