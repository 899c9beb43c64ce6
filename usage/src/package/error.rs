//! Why a package cannot be explored.

use std::io;
use std::path::{Path, PathBuf};

use host::files::FileError;
use thiserror::Error;

use crate::explore::ExploreError;

/// Why a package cannot be explored, or its coverage not be measured.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PackageError {
    /// Not a name of a source package.
    #[error("{0:?} is not the name of a source package; fix: write it like hello or hello=2.10-3")]
    Name(String),
    /// A program is missing.
    #[error("{program} cannot be executed: {error}; fix: apt-get install {package}")]
    NotInstalled {
        /// The program.
        program: String,
        /// The package that has it.
        package: &'static str,
        /// The system's reason.
        error: io::Error,
    },
    /// apt has no list to look in.
    #[error(
        "apt has no list of sources on this machine; fix: write a line like \
         `deb-src http://deb.debian.org/debian bookworm main` into a file and name it with --sources"
    )]
    NoSources,
    /// apt cannot get the source.
    #[error(
        "apt-get cannot get the source of {source_package}; fix: check the name with \
         `apt-cache showsrc`, or name another list with --sources:\n{said}"
    )]
    Fetch {
        /// The package.
        source_package: String,
        /// What apt-get said.
        said: String,
    },
    /// The folder has something else in it.
    #[error("{} holds {what}; fix: choose another --folder, or remove it", path.display())]
    Occupied {
        /// The folder.
        path: PathBuf,
        /// What it holds.
        what: String,
    },
    /// The source was removed.
    #[error(
        "{} no longer contains the source of the package; fix: explore the package again",
        folder.display()
    )]
    Gone {
        /// Where it was.
        folder: PathBuf,
    },
    /// It cannot be built.
    #[error(
        "build dependencies are missing: {missing}; fix: apt-get build-dep {} (as root), then run \
         this again",
        tree.display()
    )]
    Dependencies {
        /// Their names.
        missing: String,
        /// The source tree, which apt-get can read.
        tree: PathBuf,
    },
    /// A step failed.
    #[error("{what} failed ({} has everything it said):\n{said}", log.display())]
    Failed {
        /// The step.
        what: &'static str,
        /// Its output.
        log: PathBuf,
        /// The end of it.
        said: String,
    },
    /// Its tests fail, even without rules.
    #[error("{test} fails even with all calls ({} has everything it said):\n{said}", log.display())]
    Tests {
        /// Their command.
        test: String,
        /// Their output.
        log: PathBuf,
        /// The end of it.
        said: String,
    },
    /// Nothing to run.
    #[error("debian/rules of {0} runs no tests; fix: name a shell command with --test")]
    NoTest(String),
    /// Nothing was built.
    #[error("the build of {0} made no program; fix: name one with --program, or use --everything")]
    NoProgram(String),
    /// A program that was named is not there.
    #[error("{} is not a program; fix: name one of {among}", path.display())]
    NotAProgram {
        /// Its path.
        path: PathBuf,
        /// Those that are there.
        among: String,
    },
    /// Several were built.
    #[error("the build made several programs; fix: choose one with --program: {among}")]
    Which {
        /// Their paths in the tree.
        among: String,
    },
    /// A result of something else.
    #[error(
        "the source of {program} is not known, because the result was not made by \
         `tollgate usage package`; fix: explore its package with that command"
    )]
    NoSource {
        /// What was explored.
        program: String,
    },
    /// The compiler was not asked for coverage.
    #[error(
        "the build left no coverage data for {program}: either its build ignores the flags of \
         dpkg-buildflags, or it is not written in C or C++"
    )]
    NoData {
        /// The program.
        program: String,
    },
    /// gcov said something unknown.
    #[error("cannot read what gcov says about {}: {reason}", path.display())]
    Gcov {
        /// The file of the compiler.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The user interrupted.
    #[error("interrupted")]
    Interrupted,
    /// The exploration.
    #[error(transparent)]
    Explore(#[from] ExploreError),
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
    /// A file or folder.
    #[error("{}: {error}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

impl PackageError {
    /// Of a file or folder.
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        |error| Self::Io { path, error }
    }
}
