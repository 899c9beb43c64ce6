//! A package of Debian: its source, built, and its own tests as what is explored.

mod apt;
mod error;
mod programs;
mod steps;
mod tests_of;
mod tool;

use std::ffi::OsString;
use std::fs;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use host::files;

use crate::explore::{ExploreError, Progress, Request, explore, works_once};
use crate::result::{Package, Usage};
use crate::{Mode, Phase};
pub use error::PackageError;
pub(crate) use programs::elf_files;
pub(crate) use steps::{build, run_test, unpack};
pub use tool::Tool;

/// What to explore, and how.
#[derive(Clone, Debug)]
pub struct Order<'a> {
    /// The source package, as `hello` or `hello=2.10-3`.
    pub source: &'a str,
    /// Where its source is kept and built.
    pub folder: &'a Path,
    /// A list of sources for apt; `None`: those of this machine.
    pub sources: Option<&'a Path>,
    /// A shell command that tests it; `None`: what its `debian/rules` runs.
    pub test: Option<&'a str>,
    /// What is explored of all that the test executes.
    pub subject: SubjectOf<'a>,
    /// Runs of each rule that have to agree.
    pub replicas: NonZeroU32,
    /// Runs at a time.
    pub jobs: NonZeroU32,
    /// Ends each run.
    pub limit: Option<Duration>,
    /// The command that reads the program's files for the exploration.
    pub analyser: Vec<OsString>,
    /// Who writes the result.
    pub tool: String,
    /// An interrupted result.
    pub earlier: Option<Usage>,
}

/// What is explored of all that a test executes.
#[derive(Clone, Copy, Debug)]
pub enum SubjectOf<'a> {
    /// The program that has the package's name, or the only one.
    Found,
    /// This program, by its path in the source tree.
    Program(&'a Path),
    /// All, with make and shells.
    Everything,
}

/// Gets the source, builds it, checks its tests, and explores.
///
/// # Errors
///
/// [`PackageError`].
pub fn package(
    order: &Order<'_>,
    stop: &AtomicBool,
    note: &dyn Fn(&str),
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<Usage, PackageError> {
    let tool = Tool { stop, note };
    let folder = apt::source(order, &tool)?;
    let tree = unpack(&folder, &folder.join(TREE), &tool)?;
    let (source, version) = held(&folder)?;
    let test = match order.test {
        Some(test) => test.to_owned(),
        None => tests_of::command(&tree, &source, &tool)?,
    };
    build(&tree, &[], &tool)?;
    run_test(&tree, &test, &tool)?;
    let program = programs::choose(&tree, &source, order.subject)?;
    let request = request(order, &tree, &test, program.as_deref());
    if let Some(program) = &program {
        note("running its tests without the program, which they must notice");
        control(&request, &tree.join(program), &test, stop)?;
    }
    let mut usage = explore(&request, stop, progress)?;
    usage.package = Some(Package {
        source,
        version,
        folder: folder.display().to_string(),
        test,
        program: program.map(|program| program.display().to_string()),
    });
    Ok(usage)
}

/// The name and version of the source that a folder holds.
fn held(folder: &Path) -> Result<(String, String), PackageError> {
    apt::held(folder)?.ok_or_else(|| gone(folder))
}

fn gone(folder: &Path) -> PackageError {
    PackageError::Gone {
        folder: folder.to_owned(),
    }
}

/// The folder has to hold the source that was explored.
pub(crate) fn check(folder: &Path, package: &Package) -> Result<(), PackageError> {
    if !folder.is_dir() {
        return Err(gone(folder));
    }
    let (source, version) = held(folder)?;
    if source == package.source && version == package.version {
        return Ok(());
    }
    Err(PackageError::Occupied {
        path: folder.to_owned(),
        what: format!("the source of {source} {version}"),
    })
}

/// The source tree's name in its folder.
const TREE: &str = "source";

fn request(order: &Order<'_>, tree: &Path, test: &str, program: Option<&Path>) -> Request {
    Request {
        command: vec!["/bin/sh".into(), "-c".into(), test.to_owned()],
        folder: tree.to_owned(),
        input: None,
        test: None,
        ready: None,
        phase: Phase::All,
        modes: vec![Mode::Stub, Mode::Fake],
        partial: false,
        paths: false,
        only: program.map(|program| tree.join(program).display().to_string()),
        discovery: true,
        analyser: Some(order.analyser.clone()),
        replicas: order.replicas,
        jobs: order.jobs,
        limit: order.limit,
        tool: order.tool.clone(),
        earlier: order.earlier.clone(),
    }
}

/// The tests have to fail if the program does nothing. The change stays in the sandbox.
fn control(
    request: &Request,
    program: &Path,
    test: &str,
    stop: &AtomicBool,
) -> Result<(), PackageError> {
    let script = format!("cp /bin/false \"$1\" || exit 0\n{test}");
    let mut without = request.clone();
    without.only = None;
    without.earlier = None;
    without.command = ["/bin/sh", "-c", &script, "sh"].map(str::to_owned).into();
    without.command.push(program.display().to_string());
    if works_once(&without, stop)? {
        let reason = format!("{test} passes with /bin/false as {}", program.display());
        return Err(ExploreError::ProvesNothing(reason).into());
    }
    Ok(())
}

/// A folder that is there, as an absolute path.
pub(crate) fn absolute(folder: &Path) -> Result<PathBuf, PackageError> {
    fs::create_dir_all(folder).map_err(PackageError::io(folder))?;
    fs::canonicalize(folder).map_err(PackageError::io(folder))
}

/// The names in a folder.
fn names(folder: &Path) -> Result<Vec<String>, PackageError> {
    Ok(files::names(folder)?)
}

/// A package that does not exist.
#[cfg(test)]
pub(crate) fn example() -> Package {
    Package {
        source: "hello".into(),
        version: "2.10-3".into(),
        folder: "/nowhere".into(),
        test: "dh_auto_test".into(),
        program: None,
    }
}
