//! The analysis in a process of its own, because it needs more memory than all the rest.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use thiserror::Error;

use super::StaticBinary;

/// An analysis that another process makes. Dropping it ends that process.
#[derive(Debug)]
pub struct Apart {
    child: Child,
    output: File,
    errors: File,
}

/// Why it has no result.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ApartError {
    /// The command cannot run, or its output is lost.
    #[error("cannot run {command:?} to read the program's files: {error}")]
    Command {
        /// The command.
        command: OsString,
        /// Why.
        error: io::Error,
    },
    /// The analysis failed.
    #[error("{0}")]
    Failed(String),
    /// The command prints something else.
    #[error("the analysis of the program's files did not print what it should: {0}")]
    Output(#[from] serde_json::Error),
}

impl Apart {
    /// Starts the command with the program's path as its last argument. It has to print the
    /// analysis as JSON.
    ///
    /// # Errors
    ///
    /// The command cannot be started.
    pub fn start(command: &[OsString], program: &Path) -> Result<Self, ApartError> {
        let (name, arguments) = command
            .split_first()
            .ok_or_else(|| ApartError::Failed("the command is empty".into()))?;
        let start = || {
            // Files and not pipes: nobody reads before the end.
            let (output, errors) = (tempfile::tempfile()?, tempfile::tempfile()?);
            let child = Command::new(name)
                .args(arguments)
                .arg(program)
                .stdin(Stdio::null())
                .stdout(output.try_clone()?)
                .stderr(errors.try_clone()?)
                // Ctrl-C is ours to act on.
                .process_group(0)
                .spawn()?;
            Ok(Self {
                child,
                output,
                errors,
            })
        };
        start().map_err(|error| ApartError::Command {
            command: name.clone(),
            error,
        })
    }

    /// Waits for the result.
    ///
    /// # Errors
    ///
    /// The analysis failed.
    pub fn finish(mut self) -> Result<StaticBinary, ApartError> {
        let failed = |error: io::Error| ApartError::Failed(error.to_string());
        let status = self.child.wait().map_err(failed)?;
        if !status.success() {
            let mut said = Vec::new();
            self.errors.rewind().map_err(failed)?;
            self.errors.read_to_end(&mut said).map_err(failed)?;
            let said = String::from_utf8_lossy(&said).trim().to_owned();
            let silent = said.is_empty();
            return Err(ApartError::Failed(if silent {
                format!("the analysis ended with {status}")
            } else {
                said
            }));
        }
        self.output.rewind().map_err(failed)?;
        Ok(serde_json::from_reader(BufReader::new(&self.output))?)
    }
}

impl Drop for Apart {
    fn drop(&mut self) {
        // After `finish`, it has already ended.
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn analyse(script: &str) -> Result<StaticBinary, ApartError> {
        let command = ["sh", "-c", script].map(OsString::from);
        Apart::start(&command, Path::new("/bin/true"))?.finish()
    }

    #[test]
    fn an_analysis_that_fails_says_why() {
        let said = |script| analyse(script).unwrap_err().to_string();
        assert_eq!(said("echo no such program >&2; exit 1"), "no such program");
        assert_eq!(
            said("kill -9 $$"),
            "the analysis ended with signal: 9 (SIGKILL)"
        );
        assert!(matches!(analyse("echo {"), Err(ApartError::Output(_))));
        let missing = [OsString::from("/no/such/command")];
        let error = Apart::start(&missing, Path::new("/bin/true")).unwrap_err();
        assert!(error.to_string().contains("/no/such/command"), "{error}");
    }

    #[test]
    fn an_analysis_that_nobody_waits_for_ends() {
        let command = ["sleep", "1000"].map(OsString::from);
        let apart = Apart::start(&command[..1], Path::new("1000")).unwrap();
        let process = format!("/proc/{}", apart.child.id());
        assert!(Path::new(&process).exists());
        drop(apart);
        assert!(!Path::new(&process).exists());
    }
}
