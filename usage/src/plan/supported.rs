//! The calls that a kernel has.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use eval::calls::Has;
use thiserror::Error;

use crate::{Call, UnknownCall};

/// The calls that a kernel has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Supported {
    /// The calls.
    pub calls: BTreeSet<Call>,
    /// Names in the list that Linux does not have, with their line, from 1. The published
    /// lists contain such names; they are ignored.
    pub unknown: Vec<(usize, String)>,
}

/// Why a list of calls cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SupportedError {
    /// It cannot be read.
    #[error("cannot read {}: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// A line that cannot be a call's name or number.
    #[error("{}:{line}: {text:?} is not a system call; write one name or number on each \
        line", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What it says.
        text: String,
    },
    /// A line of a list of tried calls.
    #[error("{}:{line}: {error}", path.display())]
    Tried {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        error: TriedError,
    },
    /// A run without a list of calls that were tried on the target.
    #[error(
        "{} does not exist: the calls of target {target} have not been tried yet; \
         fix: tollgate usage calls RUN",
        path.display()
    )]
    NoList {
        /// The target.
        target: String,
        /// Where the list would be.
        path: PathBuf,
    },
}

/// What is wrong with a line of a list of tried calls.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TriedError {
    /// A call that does not exist.
    #[error(transparent)]
    Call(#[from] UnknownCall),
    /// It is not a call and one of the three words.
    #[error("{0:?} is not a line like `CALL works`, `CALL fails` or `CALL untried`")]
    Line(String),
}

impl Supported {
    /// The calls in a file, one on each line, by name or by number. A `#` begins a comment.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or is not such a list.
    pub fn read(path: &Path) -> Result<Self, SupportedError> {
        let mut supported = Self::default();
        for (line, text) in lines(path)? {
            let letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
            if !text.chars().all(letter) {
                let path = path.to_owned();
                return Err(SupportedError::Line { path, line, text });
            }
            match text.parse() {
                Ok(call) => drop(supported.calls.insert(call)),
                Err(UnknownCall { name }) => supported.unknown.push((line, name)),
            }
        }
        Ok(supported)
    }

    /// The calls that ring0 has, without call 500, as `tollgate usage calls` found them.
    pub fn ring0() -> Self {
        const TRIED: &str = include_str!("ring0-calls.txt");
        const NOOP: Call = Call(500);
        let lines = TRIED.lines().filter_map(|line| tried(line).ok());
        let works = lines.filter(|(call, works)| *works && *call != NOOP);
        Self {
            calls: works.map(|(call, _)| call).collect(),
            unknown: Vec::new(),
        }
    }

    /// Those that were tried on a target of a run and worked: `calls-TARGET.txt` in the run's
    /// folder has a line `CALL works`, `CALL fails` or `CALL untried` for each.
    ///
    /// # Errors
    ///
    /// [`SupportedError::NoList`] if the file does not exist, or another error if it is
    /// invalid.
    pub fn tried(run: &Path, target: &str) -> Result<Self, SupportedError> {
        let path = run.join(format!("calls-{target}.txt"));
        if !path.exists() {
            return Err(SupportedError::NoList {
                target: target.to_owned(),
                path,
            });
        }
        let mut supported = Self::default();
        for (line, text) in lines(&path)? {
            let (call, works) = tried(&text).map_err(|error| SupportedError::Tried {
                path: path.clone(),
                line,
                error,
            })?;
            if works {
                supported.calls.insert(call);
            }
        }
        Ok(supported)
    }
}

fn tried(text: &str) -> Result<(Call, bool), TriedError> {
    match text.split_whitespace().collect::<Vec<_>>()[..] {
        [call, "works"] => Ok((call.parse()?, true)),
        [call, "fails" | "untried"] => Ok((call.parse()?, false)),
        _ => Err(TriedError::Line(text.to_owned())),
    }
}

/// The list of the tried calls, by number. Numbers without a name are left out if the kernel
/// lacks them.
pub fn tried_list(calls: &[Has]) -> String {
    let calls = (0..).map(Call).zip(calls);
    let said = calls.filter(|(call, has)| call.name().is_some() || **has != Has::Fails);
    let lines = said.map(|(call, has)| format!("{call} {}\n", has.word()));
    lines.collect()
}

/// The lines with content, from 1.
fn lines(path: &Path) -> Result<Vec<(usize, String)>, SupportedError> {
    let text = fs::read(path).map_err(|error| SupportedError::Io {
        path: path.to_owned(),
        error,
    })?;
    let text = String::from_utf8_lossy(&text);
    let lines = (1..).zip(text.lines()).map(|(line, text)| {
        let said = text.split('#').next().unwrap_or_default();
        (line, said.trim().to_owned())
    });
    Ok(lines.filter(|(_, said)| !said.is_empty()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), text).unwrap();
        file
    }

    #[test]
    fn a_list_has_names_numbers_and_comments() {
        let list = file("# a kernel\nread\n\n 1 # write\nread\r\nopenat2");
        let supported = Supported::read(list.path()).unwrap();
        assert_eq!(supported.calls, [Call(0), Call(1), Call(437)].into());
    }

    #[test]
    fn names_that_linux_does_not_have_support_nothing() {
        let list = file("read\n# odd\nfutimensat\n");
        let supported = Supported::read(list.path()).unwrap();
        assert_eq!(supported.calls, [Call(0)].into());
        assert_eq!(supported.unknown, [(3, "futimensat".to_owned())]);
    }

    #[test]
    fn what_is_no_list_is_refused_with_its_line() {
        for wrong in ["read write", "read,write", "<html>", "\u{fffd}"] {
            let list = file(&format!("read\n{wrong}\n"));
            let error = Supported::read(list.path()).unwrap_err().to_string();
            assert!(error.contains(":2: "), "{error}");
        }
        let error = Supported::read(Path::new("/nowhere")).unwrap_err();
        assert!(error.to_string().contains("/nowhere"), "{error}");
    }

    #[test]
    fn ring0_has_what_was_measured() {
        let ring0 = Supported::ring0();
        assert_eq!(ring0.calls, [Call(1), Call(60), Call(231)].into());
    }

    #[test]
    fn what_was_tried_reads_back_as_what_works() {
        let mut calls = vec![Has::Fails; 512];
        calls[1] = Has::Works;
        calls[60] = Has::Untried;
        calls[500] = Has::Works;
        let text = tried_list(&calls);
        assert!(text.starts_with("read fails\nwrite works\n"), "{text}");
        assert!(
            text.contains("\nexit untried\n") && !text.contains("\n511 "),
            "{text}"
        );
        let run = tempfile::tempdir().unwrap();
        fs::write(run.path().join("calls-x.txt"), text).unwrap();
        let supported = Supported::tried(run.path(), "x").unwrap();
        assert_eq!(supported.calls, [Call(1), Call(500)].into());
    }

    #[test]
    fn a_run_counts_only_with_a_list_of_tried_calls() {
        let run = tempfile::tempdir().unwrap();
        let none = Supported::tried(run.path(), "ring0");
        assert!(matches!(none, Err(SupportedError::NoList { .. })));
        let list = run.path().join("calls-ring0.txt");
        fs::write(
            &list,
            "write works\nopenat fails\n231 works\nexit untried\n",
        )
        .unwrap();
        let supported = Supported::tried(run.path(), "ring0").unwrap();
        assert_eq!(supported.calls, [Call(1), Call(231)].into());
        for wrong in ["write", "write perhaps", "nosuch works"] {
            fs::write(&list, format!("read works\n{wrong}\n")).unwrap();
            let error = Supported::tried(run.path(), "ring0").unwrap_err();
            assert!(error.to_string().contains("txt:2: "), "{error}");
        }
    }
}
