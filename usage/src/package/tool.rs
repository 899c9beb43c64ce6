//! Programs that do a step, with their output in a file.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use super::PackageError;

/// Lines of a failed step that its error repeats.
const LAST: usize = 12;

/// Runs programs for a user who may interrupt.
pub struct Tool<'a> {
    /// Set once the user has.
    pub stop: &'a AtomicBool,
    /// Shows the user each step.
    pub note: &'a dyn Fn(&str),
}

impl Tool<'_> {
    /// Runs one step.
    pub fn run(
        &self,
        what: &'static str,
        log: &Path,
        package: &'static str,
        command: &mut Command,
    ) -> Result<(), PackageError> {
        (self.note)(&format!("{what}: {}", log.display()));
        let output = File::create(log).map_err(PackageError::io(log))?;
        let errors = output.try_clone().map_err(PackageError::io(log))?;
        let status = command
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .status();
        let status = status.map_err(|error| PackageError::NotInstalled {
            program: command.get_program().to_string_lossy().into_owned(),
            package,
            error,
        })?;
        if self.stop.load(Ordering::Relaxed) {
            return Err(PackageError::Interrupted);
        }
        if status.success() {
            return Ok(());
        }
        Err(PackageError::Failed {
            what,
            log: log.to_owned(),
            said: last(&fs::read(log).unwrap_or_default()),
        })
    }
}

fn last(output: &[u8]) -> String {
    let text = String::from_utf8_lossy(output);
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(LAST)..].join("\n")
}
