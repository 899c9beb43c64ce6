//! Coverage as text.

use std::fmt::{self, Display};

use super::{Coverage, Executed};

/// Functions that the text lists; the JSON has all.
const LISTED: usize = 20;

impl Display for Coverage {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let files = self.files.iter().map(|file| file.file.len());
        let width = files.max().unwrap_or_default().max(4);
        writeln!(
            out,
            "{:width$}  {:>21}  {:>19}",
            "file", "lines", "functions"
        )?;
        for file in &self.files {
            let (lines, functions) = (share(file.lines), share(file.functions));
            writeln!(out, "{:width$}  {lines:>21}  {functions:>19}", file.file)?;
        }
        let what = self.package.program.as_deref();
        writeln!(
            out,
            "\nThe verdicts on {} {} rest on {} of {} lines ({}) and {} of {} functions ({}).",
            what.unwrap_or("everything in"),
            self.package.version,
            self.lines.executed,
            self.lines.all,
            percent(self.lines),
            self.functions.executed,
            self.functions.all,
            percent(self.functions)
        )?;
        if self.never.is_empty() {
            return Ok(());
        }
        writeln!(out, "The tests never enter:")?;
        for never in self.never.iter().take(LISTED) {
            writeln!(out, "  {}:{} {}", never.file, never.line, never.name)?;
        }
        match self.never.len().saturating_sub(LISTED) {
            0 => Ok(()),
            more => writeln!(out, "  and {more} more; --json lists them"),
        }
    }
}

fn share(part: Executed) -> String {
    format!("{} of {}", part.executed, part.all)
}

fn percent(part: Executed) -> String {
    if part.all == 0 {
        return "-".into();
    }
    format!("{:.1} %", 100.0 * part.executed as f64 / part.all as f64)
}
