//! Standard output and standard error.

use std::io::{self, ErrorKind, IsTerminal, Write, stdout};
use std::path::Path;

use eval::table::Style;
use serde::Serialize;

use host::files::{FileError, writing};

/// Prints something to standard error, in one piece. `eprintln!` would panic if the reader is
/// gone, and end a long run.
macro_rules! tell {
    ($($message:tt)*) => {{
        use std::io::Write as _;
        let line = format!($($message)*) + "\n";
        let _ = std::io::stderr().write_all(line.as_bytes());
    }};
}

/// The version of most outputs.
const FIRST: u32 = 1;
/// The version of the doctor's verdict: 1 called a finding's `fix` something else.
pub const DOCTOR: u32 = 2;

/// The JSON output of a command.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Versioned<T, const VERSION: u32 = FIRST> {
    /// Version of this form; it changes whenever a field's meaning does.
    #[cfg_attr(test, schemars(extend("const" = VERSION)))]
    version: u32,
    #[serde(flatten)]
    content: T,
}

/// The content as JSON, with the version of most outputs.
pub fn json(content: &impl Serialize) -> serde_json::Result<String> {
    json_of::<FIRST>(content)
}

/// The content as JSON, with its own version.
pub fn json_of<const VERSION: u32>(content: &impl Serialize) -> serde_json::Result<String> {
    let content: Versioned<_, VERSION> = Versioned {
        version: VERSION,
        content,
    };
    serde_json::to_string_pretty(&content).map(|json| json + "\n")
}

/// How tables look where this command's output goes.
pub fn style() -> Style {
    if wants_colour() {
        Style::Colour
    } else {
        Style::Plain
    }
}

/// Prints; a reader that is gone (`| head`) is not an error.
pub fn print(text: &str) -> Result<(), FileError> {
    let mut console = Console::default();
    let _ = console.write_all(text.as_bytes());
    console.close()
}

/// What became of a line that something else printed.
pub fn printed(result: io::Result<()>) -> Result<(), FileError> {
    let failed = result.and_then(|()| stdout().flush()).err();
    Console { failed }.close()
}

/// Standard output for a guest's console: its failure does not end a guest.
#[derive(Default)]
pub struct Console {
    failed: Option<io::Error>,
}

impl Write for Console {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.failed.is_none() {
            let mut out = stdout();
            self.failed = out.write_all(bytes).and_then(|()| out.flush()).err();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Console {
    /// Returns whether everything could be written; a reader that has gone is not an error.
    pub fn close(self) -> Result<(), FileError> {
        match self.failed {
            Some(error) if error.kind() != ErrorKind::BrokenPipe => {
                Err(writing(Path::new("standard output"))(error))
            }
            _ => Ok(()),
        }
    }
}

/// Whether standard output is a terminal that may be coloured (no-color.org).
pub fn wants_colour() -> bool {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    stdout().is_terminal() && !refused
}
