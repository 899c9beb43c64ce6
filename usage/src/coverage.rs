//! How much of a program do the verdicts rest on? The package is built once more, with gcov,
//! and runs the same tests.

mod gcov;
mod show;

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::package::{PackageError, Tool, absolute, build, run_test, unpack};
use crate::result::{Package, Usage};

/// What the tests execute of a program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Coverage {
    /// The package, and the test.
    pub package: Package,
    /// Lines that the program has code for.
    pub lines: Executed,
    /// Its functions.
    pub functions: Executed,
    /// Each of its source files.
    pub files: Vec<FileCoverage>,
    /// Functions that the tests never enter.
    pub never: Vec<Function>,
}

/// A part of a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Executed {
    /// How many the tests execute.
    pub executed: u64,
    /// How many there are.
    pub all: u64,
}

/// What the tests execute of a source file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FileCoverage {
    /// Its path in the source tree.
    pub file: String,
    /// Its lines.
    pub lines: Executed,
    /// Its functions.
    pub functions: Executed,
}

/// A function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Function {
    /// Its source file.
    pub file: String,
    /// Its first line there.
    pub line: u64,
    /// Its name.
    pub name: String,
}

/// The flags that Debian's build systems add: counters in every line, and code that follows the
/// lines.
const FLAGS: &[(&str, &str)] = &[
    ("DEB_CFLAGS_APPEND", "--coverage -O0"),
    ("DEB_CXXFLAGS_APPEND", "--coverage -O0"),
    ("DEB_LDFLAGS_APPEND", "--coverage"),
];

/// The tree's name in the package's folder.
const TREE: &str = "coverage";

/// Builds, tests and counts.
///
/// # Errors
///
/// The result is not that of a package, or a step fails.
pub fn coverage(
    usage: &Usage,
    folder: Option<&Path>,
    tool: &Tool<'_>,
) -> Result<Coverage, PackageError> {
    let package = usage
        .package
        .clone()
        .ok_or_else(|| PackageError::NoSource {
            program: usage.program.path.clone(),
        })?;
    let kept = PathBuf::from(&package.folder);
    crate::package::check(&kept, &package)?;
    let tree = match folder {
        Some(folder) => absolute(folder)?.join(TREE),
        None => kept.join(TREE),
    };
    let tree = unpack(&kept, &tree, tool)?;
    build(&tree, FLAGS, tool)?;
    // The build may have run the program.
    gcov::forget(&tree)?;
    run_test(&tree, &package.test, tool)?;
    gcov::count(&tree, package, tool)
}
