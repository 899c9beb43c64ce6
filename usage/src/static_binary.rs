//! Finds the system calls in a program's files. The program and its libraries are read,
//! not run.
//!
//! Functions are followed from the program's entry: what they call, jump to, or take the
//! address of, by name from file to file. In each function that is reached, the number is
//! tracked back from every `syscall` instruction, into callers if need be.
//!
//! It is an upper bound with holes: a function counts as reached if its address is taken
//! anywhere, and a number that cannot be tracked, or a library that is loaded at run
//! time, stays unknown and is reported.

mod apart;
mod code;
mod elf;
mod libraries;
mod reach;
mod share;
mod track;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display, Formatter};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::Call;
use crate::lines::list;
pub use apart::{Apart, ApartError};
use code::Image;
use reach::Reach;
pub use share::{Hidden, Share};
use track::{Place, Tracker};

/// The calls in a program's files.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StaticBinary {
    /// The program, its loader and its libraries.
    pub files: Vec<PathBuf>,
    /// The calls that were found, by number.
    pub calls: Vec<FoundCall>,
    /// `syscall` instructions whose number stays unknown.
    pub unknown: Vec<UnknownSite>,
    /// Libraries that were not found.
    pub missing: Vec<String>,
    /// Functions that load libraries at run time, whose calls are unknown.
    pub loads: Vec<Site>,
    /// Functions that were reached, and `syscall` instructions in them.
    pub reached: Count,
    /// Functions of all files, and `syscall` instructions in them.
    pub all: Count,
}

/// A call, and the functions that make it.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundCall {
    /// The call.
    pub call: Call,
    /// Its number.
    pub number: u32,
    /// Where the instruction is.
    pub sites: Vec<Site>,
}

/// A function of a file.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Site {
    /// The file's name.
    pub file: String,
    /// The function's symbol, or its address.
    pub function: String,
}

/// An instruction whose number is not known.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct UnknownSite {
    /// Where it is.
    #[serde(flatten)]
    pub site: Site,
    /// Its address in the file, in hexadecimal.
    pub address: String,
    /// Why the number is not known.
    pub why: Vec<String>,
}

/// The size of the code.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// Functions.
    pub functions: usize,
    /// `syscall` instructions.
    pub syscalls: usize,
}

/// Why a file cannot be analysed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StaticError {
    /// It cannot be read.
    #[error("cannot read {}: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// It is not an ELF file, or a damaged one.
    #[error("{}: {error}", path.display())]
    Elf {
        /// The file.
        path: PathBuf,
        /// Why.
        error: object::Error,
    },
    /// It is for another architecture, or does not contain code.
    #[error("{} is not a program for x86-64 with section headers", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
}

/// Reads a program and its libraries.
///
/// # Errors
///
/// A file cannot be read, or is not an ELF file for x86-64.
pub fn analyse(program: &Path) -> Result<StaticBinary, StaticError> {
    let closure = libraries::closure(program)?;
    let images: Vec<Image> = closure.files.into_iter().map(Image::new).collect();
    let reach = Reach::new(&images);
    let tracker = Tracker::new(&images, &reach);
    let mut calls: BTreeMap<Call, BTreeSet<Site>> = BTreeMap::new();
    let mut unknown = Vec::new();
    let mut counted = Count::default();
    for (image, function) in reach.functions() {
        counted.functions += 1;
        let Some(held) = images.get(image).and_then(|i| i.functions.get(function)) else {
            continue;
        };
        counted.syscalls += held.syscalls.len();
        for &address in &held.syscalls {
            let site = site(&images, image, address);
            let found = tracker.number(Place { image, address });
            for number in found.numbers {
                calls.entry(Call(number)).or_default().insert(site.clone());
            }
            if !found.unknown.is_empty() {
                unknown.push(UnknownSite {
                    site,
                    address: format!("{address:#x}"),
                    why: found.unknown.into_iter().collect(),
                });
            }
        }
    }
    unknown.sort();
    let calls = calls.into_iter().map(|(call, sites)| FoundCall {
        call,
        number: call.0,
        sites: sites.into_iter().collect(),
    });
    Ok(StaticBinary {
        calls: calls.collect(),
        unknown,
        missing: closure.missing,
        loads: reach.loads(&images),
        reached: counted,
        all: images.iter().fold(Count::default(), |all, image| Count {
            functions: all.functions + image.functions.len(),
            syscalls: all.syscalls
                + image
                    .functions
                    .iter()
                    .map(|f| f.syscalls.len())
                    .sum::<usize>(),
        }),
        files: images.into_iter().map(|image| image.elf.path).collect(),
    })
}

impl Display for StaticBinary {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let calls: Vec<Call> = self.calls.iter().map(|found| found.call).collect();
        writeln!(f, "Calls ({}):\n{}", calls.len(), list(2, &calls))?;
        let (reached, all) = (self.reached, self.all);
        writeln!(
            f,
            "{} files. {} of {} functions are reached, with {} of {} syscall instructions.",
            self.files.len(),
            reached.functions,
            all.functions,
            reached.syscalls,
            all.syscalls
        )?;
        for unknown in &self.unknown {
            let (Site { file, function }, at) = (&unknown.site, &unknown.address);
            let why = unknown.why.join("; ");
            writeln!(f, "Unknown number: {file}, {function}, at {at}: {why}")?;
        }
        for Site { file, function } in &self.loads {
            writeln!(
                f,
                "Unknown libraries: {file}, {function} loads some at run time"
            )?;
        }
        for missing in &self.missing {
            writeln!(f, "Missing library: {missing}")?;
        }
        Ok(())
    }
}

fn site(images: &[Image], image: usize, address: u64) -> Site {
    let image = images.get(image);
    let file = image.and_then(|image| image.elf.path.file_name());
    Site {
        file: file.unwrap_or_default().to_string_lossy().into_owned(),
        function: image.map_or_else(String::new, |image| image.name(address)),
    }
}

#[cfg(test)]
mod tests;
