//! Standard output.

use std::io::{ErrorKind, IsTerminal, Write, stdout};

use anyhow::{Context, Result};

/// Prints; a reader that has gone (`| head`) is no error.
pub fn print(text: &str) -> Result<()> {
    match stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        done => done.context("cannot write to standard output"),
    }
}

/// Whether standard output is a terminal that may be coloured (no-color.org).
pub fn wants_colour() -> bool {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    stdout().is_terminal() && !refused
}
