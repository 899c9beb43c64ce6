//! The path of one crossing: which instructions it takes, by function.
//!
//! `tollgate trace` records it; `docs/FORMATS.md` describes its JSON.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::units::Instructions;

/// Version of the JSON; it changes whenever a field's meaning does.
pub const FORMAT_VERSION: u64 = 1;

/// The path of one operation of a benchmark on a target.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Crossing {
    /// [`FORMAT_VERSION`].
    pub version: u64,
    /// The target's name, or the image's.
    pub target: String,
    /// `scall`, or `enosys` if the kernel lacks system call 500.
    pub benchmark: String,
    /// The processor that QEMU emulated, by the name for `-cpu`.
    pub cpu_model: String,
    /// QEMU's version.
    pub qemu: String,
    /// What the kernel was built from and with: the hash from its build, or the image's own.
    pub kernel_inputs: String,
    /// The instructions of the whole path.
    pub total: Instructions,
    /// Its functions, in the order in which the path first enters them.
    pub functions: Vec<Function>,
    /// Each instruction, on request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instructions: Option<Vec<Step>>,
}

/// A function on the path.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Function {
    /// Its symbol, its address if it has no symbol, or the program's name.
    pub name: String,
    /// Instructions executed in it, however often it is entered, without those of the functions
    /// that it calls.
    pub instructions: Instructions,
}

/// One executed instruction.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Its address, in hexadecimal. Kernels and programs may be elsewhere in each boot.
    pub address: String,
    /// Its function.
    pub function: String,
    /// Bytes from the start of the function.
    pub offset: u64,
    /// The instruction, in hexadecimal.
    pub bytes: String,
    /// The instruction, in Intel syntax.
    pub text: String,
}

/// Why a path cannot be read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CrossingError {
    /// It is not JSON, or fields are missing.
    #[error("it does not hold the path of a crossing: {0}")]
    Json(#[from] serde_json::Error),
    /// A tollgate of another version wrote it.
    #[error("it has format version {found}, but this tollgate reads version {FORMAT_VERSION}")]
    Version {
        /// Its version.
        found: u64,
    },
    /// The functions' counts do not add up.
    #[error("its functions hold {} instructions, but its total is {}", sum.0, total.0)]
    Sum {
        /// Their sum.
        sum: Instructions,
        /// The total.
        total: Instructions,
    },
}

impl Crossing {
    /// Reads what [`Self::json`] wrote.
    ///
    /// # Errors
    ///
    /// [`CrossingError`].
    pub fn parse(json: &str) -> Result<Self, CrossingError> {
        let crossing: Self = serde_json::from_str(json)?;
        if crossing.version != FORMAT_VERSION {
            return Err(CrossingError::Version {
                found: crossing.version,
            });
        }
        let sum = sum(crossing.functions.iter());
        if sum != crossing.total {
            return Err(CrossingError::Sum {
                sum,
                total: crossing.total,
            });
        }
        Ok(crossing)
    }

    /// As JSON, a line for each value.
    ///
    /// # Errors
    ///
    /// None for what this type can hold.
    pub fn json(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(self).map(|json| json + "\n")
    }

    /// The same without its single instructions.
    pub fn without_instructions(&self) -> Self {
        Self {
            instructions: None,
            ..self.clone()
        }
    }
}

/// A function on two paths.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Its name.
    pub name: String,
    /// Instructions in it on the first path; `None` if the path does not enter it.
    pub before: Instructions,
    /// Instructions in it on the second path.
    pub after: Instructions,
}

impl Change {
    /// How many more instructions the second path has.
    pub fn difference(&self) -> i64 {
        let [before, after] = [self.before, self.after].map(|count| count.0.cast_signed());
        after.wrapping_sub(before)
    }
}

/// The functions of two paths, in the order of the second one; those that only the first
/// enters come last.
pub fn both(before: &[Function], after: &[Function]) -> Vec<Change> {
    let count =
        |path: &[Function], name: &str| sum(path.iter().filter(|function| function.name == name));
    let mut seen = BTreeSet::new();
    let names = after.iter().chain(before).map(|function| &function.name);
    names
        .filter(|name| seen.insert(*name))
        .map(|name| Change {
            name: name.clone(),
            before: count(before, name),
            after: count(after, name),
        })
        .collect()
}

fn sum<'f>(functions: impl Iterator<Item = &'f Function>) -> Instructions {
    Instructions(functions.map(|function| function.instructions.0).sum())
}

/// The functions in which two paths differ, in the order of [`both`].
pub fn changes(before: &[Function], after: &[Function]) -> Vec<Change> {
    let mut functions = both(before, after);
    functions.retain(|function| function.before != function.after);
    functions
}

#[cfg(any(test, feature = "made-up"))]
impl Crossing {
    /// A path for tests: a system call of these functions, each with its instructions.
    pub fn made_up(target: &str, functions: &[(&str, u64)]) -> Self {
        let total = functions.iter().map(|(_, instructions)| instructions).sum();
        let function = |&(name, instructions): &(&str, u64)| Function {
            name: name.into(),
            instructions: Instructions(instructions),
        };
        Self {
            version: FORMAT_VERSION,
            target: target.into(),
            benchmark: "scall".into(),
            cpu_model: "max".into(),
            qemu: "7.2.22".into(),
            kernel_inputs: "abc".into(),
            total: Instructions(total),
            functions: functions.iter().map(function).collect(),
            instructions: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crossing() -> Crossing {
        Crossing::made_up("linux", &[("program", 2), ("entry", 3)])
    }

    #[test]
    fn what_is_written_is_read_again() {
        let crossing = crossing();
        let json = crossing.json().unwrap();
        assert!(!json.contains("\"instructions\": null"), "{json}");
        assert_eq!(Crossing::parse(&json).unwrap(), crossing);
    }

    #[test]
    fn what_does_not_add_up_or_is_of_another_version_is_refused() {
        let more = Crossing {
            total: Instructions(6),
            ..crossing()
        };
        let error = Crossing::parse(&more.json().unwrap()).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("hold 5 instructions, but its total is 6")
        );
        let newer = Crossing {
            version: 2,
            ..crossing()
        };
        let error = Crossing::parse(&newer.json().unwrap()).unwrap_err();
        assert!(error.to_string().contains("version 2"), "{error}");
        assert!(Crossing::parse("{}").is_err());
    }

    #[test]
    fn changes_are_those_of_counts_and_of_functions() {
        let before =
            Crossing::made_up("linux", &[("program", 2), ("entry", 40), ("gone", 3)]).functions;
        let after =
            Crossing::made_up("linux", &[("program", 2), ("added", 51), ("entry", 41)]).functions;
        let changes: Vec<_> = changes(&before, &after)
            .into_iter()
            .map(|change| (change.name, change.before.0, change.after.0))
            .collect();
        let expected = [("added", 0, 51), ("entry", 40, 41), ("gone", 3, 0)];
        assert_eq!(changes, expected.map(|(n, b, a)| (n.to_owned(), b, a)));
        assert_eq!(super::changes(&before, &before), []);
    }
}
