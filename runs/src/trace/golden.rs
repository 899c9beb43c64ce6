//! The file of expected paths. `docs/FORMATS.md` describes it.

use std::io;
use std::path::Path;

use eval::crossing::{self, Change, Crossing, Function};
use eval::units::Instructions;
use serde::{Deserialize, Serialize};

use host::files::{self, Damaged, FileError};

const HEAD: &str = "\
# The instructions of one crossing, by function, of each target, kernel, QEMU and
# processor. `tollgate trace TARGET --record FILE` adds a path or replaces it;
# `tollgate trace TARGET --check FILE` compares. docs/FORMATS.md describes it.

";

/// The whole file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Golden {
    /// In the order of their keys.
    #[serde(default, rename = "path")]
    paths: Vec<Entry>,
}

/// A path with its key: only what it depends on, and above all not the program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    target: String,
    benchmark: String,
    cpu_model: String,
    qemu: String,
    kernel_inputs: String,
    total: Instructions,
    functions: Vec<Line>,
}

/// A function and its count, as "entry_SYSCALL_64 23".
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
struct Line(Function);

impl From<Line> for String {
    fn from(Line(function): Line) -> Self {
        format!("{} {}", function.name, function.instructions.0)
    }
}

impl TryFrom<String> for Line {
    type Error = String;

    fn try_from(line: String) -> Result<Self, String> {
        let parts = line.rsplit_once(' ');
        let function = parts.and_then(|(name, instructions)| {
            Some(Function {
                name: name.to_owned(),
                instructions: Instructions(instructions.parse().ok()?),
            })
        });
        let function = function.map(Self);
        function.ok_or_else(|| format!("{line:?} is not a function and its count"))
    }
}

/// The result of comparing a path with the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The path is the expected one.
    Same,
    /// Functions have other counts.
    Changed {
        /// Instructions of the expected path.
        expected: Instructions,
        /// Where the paths differ; never empty.
        changes: Vec<Change>,
    },
    /// The file has no path for this kernel, QEMU and processor.
    NoEntry,
}

impl Golden {
    /// Reads the file.
    ///
    /// # Errors
    ///
    /// It cannot be read, or is damaged.
    pub fn read(path: &Path) -> Result<Self, FileError> {
        let text = files::read_text(path)?;
        let golden = toml::from_str(&text).map_err(|error| Damaged {
            path: path.to_owned(),
            reason: error.to_string(),
            remedy: "correct it, or delete it and record it again with --record",
        })?;
        Ok(golden)
    }

    /// Adds a path to the file, which is created if it does not exist, or replaces the path
    /// with the same key.
    ///
    /// # Errors
    ///
    /// It is damaged, or cannot be written.
    pub fn record(path: &Path, crossing: &Crossing) -> Result<(), FileError> {
        let mut golden = if path.exists() {
            Self::read(path)?
        } else {
            Self::default()
        };
        golden.put(crossing);
        let text = golden.text().map_err(io::Error::other);
        files::write(path, text.map_err(files::writing(path))?)
    }

    /// Compares a path with the expected one.
    pub fn check(&self, crossing: &Crossing) -> Verdict {
        let now = Entry::of(crossing);
        let Some(expected) = self.paths.iter().find(|entry| entry.key() == now.key()) else {
            return Verdict::NoEntry;
        };
        match crossing::changes(&expected.functions(), &crossing.functions) {
            changes if changes.is_empty() => Verdict::Same,
            changes => Verdict::Changed {
                expected: expected.total,
                changes,
            },
        }
    }

    fn put(&mut self, crossing: &Crossing) {
        let entry = Entry::of(crossing);
        self.paths.retain(|other| other.key() != entry.key());
        self.paths.push(entry);
        self.paths.sort_by(|a, b| a.key().cmp(&b.key()));
    }

    fn text(&self) -> Result<String, toml::ser::Error> {
        Ok(HEAD.to_owned() + &toml::to_string_pretty(self)?)
    }
}

impl Entry {
    fn of(crossing: &Crossing) -> Self {
        let functions = crossing.functions.iter().cloned();
        Self {
            target: crossing.target.clone(),
            benchmark: crossing.benchmark.clone(),
            cpu_model: crossing.cpu_model.clone(),
            qemu: crossing.qemu.clone(),
            kernel_inputs: crossing.kernel_inputs.clone(),
            total: crossing.total,
            functions: functions.map(Line).collect(),
        }
    }

    fn key(&self) -> [&str; 5] {
        [
            &self.target,
            &self.benchmark,
            &self.cpu_model,
            &self.qemu,
            &self.kernel_inputs,
        ]
    }

    fn functions(&self) -> Vec<Function> {
        let lines = self.functions.iter();
        lines.map(|Line(function)| function.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crossing(target: &str, entry: u64) -> Crossing {
        Crossing::made_up(target, &[("guest-bench", 2), ("entry", entry)])
    }

    #[test]
    fn a_recorded_path_is_the_expected_one_until_an_instruction_more() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("paths.toml");
        for target in ["linux", "a-first-one"] {
            Golden::record(&path, &crossing(target, 40)).unwrap();
        }
        let golden = Golden::read(&path).unwrap();
        assert_eq!(golden.check(&crossing("linux", 40)), Verdict::Same);
        let more = Change {
            name: "entry".into(),
            before: Instructions(40),
            after: Instructions(41),
        };
        let changed = Verdict::Changed {
            expected: Instructions(42),
            changes: vec![more],
        };
        assert_eq!(golden.check(&crossing("linux", 41)), changed);

        let text = files::read_text(&path).unwrap();
        assert!(
            text.starts_with("# The instructions of one crossing"),
            "{text}"
        );
        let first = text.find("a-first-one").unwrap();
        assert!(first < text.find("\"linux\"").unwrap(), "{text}");

        Golden::record(&path, &crossing("linux", 41)).unwrap();
        let golden = Golden::read(&path).unwrap();
        assert_eq!(golden.check(&crossing("linux", 41)), Verdict::Same);
        assert_eq!(golden.paths.len(), 2);
    }

    #[test]
    fn another_kernel_processor_or_qemu_is_another_path() {
        let mut golden = Golden::default();
        golden.put(&crossing("linux", 40));
        let others = [
            Crossing {
                kernel_inputs: "abd".into(),
                ..crossing("linux", 41)
            },
            Crossing {
                cpu_model: "EPYC".into(),
                ..crossing("linux", 41)
            },
            Crossing {
                qemu: "8.2.0".into(),
                ..crossing("linux", 41)
            },
            crossing("ring0", 41),
        ];
        for other in others {
            assert_eq!(golden.check(&other), Verdict::NoEntry);
        }
    }

    #[test]
    fn a_damaged_file_is_named_with_the_remedy() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("paths.toml");
        Golden::record(&path, &crossing("linux", 40)).unwrap();
        let text = files::read_text(&path).unwrap();
        assert!(text.contains("\"entry 40\""), "{text}");
        for damaged in [text.replace("entry 40", "entry"), text + "more = 1\n"] {
            files::write(&path, damaged).unwrap();
            let error = Golden::read(&path).unwrap_err().to_string();
            assert!(error.contains("paths.toml"), "{error}");
            assert!(error.contains("--record"), "{error}");
        }
    }
}
