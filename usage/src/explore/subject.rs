//! Finds the program and its test, and prepares them for execution.

use std::env;
use std::ffi::CString;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use super::{ExploreError, Request};
use crate::Ready;
use crate::accounting::Accounting;
use crate::run::{Scene, Slots};
use crate::sandbox::{Command, Sandbox};

/// What all runs need.
pub struct Subject {
    sandbox: Sandbox,
    program: Command,
    input: Option<PathBuf>,
    test: Option<Command>,
    ready: Option<Ready>,
    ready_command: Option<Command>,
    /// What counts and limits the processes of runs.
    pub accounting: Accounting,
    /// The program's file.
    pub path: PathBuf,
    /// The only executable that rules are about.
    pub only: Option<PathBuf>,
    /// The test's file.
    pub test_path: Option<PathBuf>,
}

impl Subject {
    /// Finds the files and plans the sandbox.
    pub fn new(request: &Request) -> Result<Self, ExploreError> {
        let name = request.command.first();
        let name = name.ok_or_else(|| ExploreError::Request("name a program".into()))?;
        let path = find(name, &request.folder)?;
        let sandbox = Sandbox::new(&request.folder)?;
        let arguments = request
            .command
            .iter()
            .map(|word| text(word))
            .collect::<Result<_, _>>()?;
        let program = Command::new(text(&path.to_string_lossy())?, arguments, environment());
        if let Some(input) = &request.input {
            host::files::open(input)?;
        }
        let test_path = match &request.test {
            Some(test) => Some(executable(&request.folder.join(test))?),
            None => None,
        };
        let log = sandbox.log().to_string_lossy().into_owned();
        let test = match &test_path {
            Some(path) => Some(helper(&path.to_string_lossy(), &[&log])?),
            None => None,
        };
        let ready_command = match &request.ready {
            Some(Ready::Command(command)) => Some(helper("/bin/sh", &["-c", command])?),
            _ => None,
        };
        Ok(Self {
            sandbox,
            program,
            input: request
                .input
                .as_ref()
                .map(|input| request.folder.join(input)),
            test,
            ready: request.ready.clone(),
            ready_command,
            accounting: Accounting::find(),
            only: match &request.only {
                Some(only) => Some(find(only, &request.folder)?),
                None => None,
            },
            path,
            test_path,
        })
    }

    /// The setting of its runs.
    pub fn scene<'a>(&'a self, slots: &'a Slots, stop: &'a AtomicBool) -> Scene<'a> {
        Scene {
            sandbox: &self.sandbox,
            program: &self.program,
            input: self.input.as_deref(),
            test: self.test.as_ref(),
            ready: self.ready.as_ref(),
            ready_command: self.ready_command.as_ref(),
            accounting: &self.accounting,
            slots,
            stop,
        }
    }
}

fn helper(path: &str, arguments: &[&str]) -> Result<Command, ExploreError> {
    let words = [&[path], arguments].concat();
    let words = words.into_iter().map(text).collect::<Result<_, _>>()?;
    Ok(Command::new(text(path)?, words, environment()))
}

/// As a shell finds it.
fn find(name: &str, folder: &Path) -> Result<PathBuf, ExploreError> {
    let missing = || ExploreError::NoProgram(name.to_owned());
    if name.contains('/') {
        return is_executable(&folder.join(name)).ok_or_else(missing);
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let mut places = env::split_paths(&path).map(|place| folder.join(place).join(name));
    places
        .find_map(|place| is_executable(&place))
        .ok_or_else(missing)
}

fn executable(path: &Path) -> Result<PathBuf, ExploreError> {
    host::files::check_regular(path)?;
    is_executable(path).ok_or_else(|| ExploreError::TestNotExecutable(path.to_owned()))
}

fn is_executable(path: &Path) -> Option<PathBuf> {
    let metadata = path.metadata().ok()?;
    let fit = metadata.is_file() && metadata.permissions().mode() & 0o111 != 0;
    // Resolved, because a run may not contain the folders of the links.
    let whole = || path.canonicalize().unwrap_or_else(|_| path.to_owned());
    fit.then(whole)
}

fn text(text: &str) -> Result<CString, ExploreError> {
    let wrong = |_| ExploreError::Request(format!("{text:?} contains a zero byte"));
    CString::new(text).map_err(wrong)
}

/// Our own.
fn environment() -> Vec<CString> {
    let pair = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
        let mut bytes = name.into_vec();
        bytes.push(b'=');
        bytes.extend(value.into_vec());
        CString::new(bytes).ok()
    };
    env::vars_os().filter_map(pair).collect()
}
