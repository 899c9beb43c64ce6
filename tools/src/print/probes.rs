//! What can be watched, and what this machine permits, as text.

use std::fmt::Write;

use contract::{WatchKind, WatchProgram, WatchSite};
use probes::check::Checked;

/// Kinds with their sites, then programs.
pub fn list() -> String {
    let mut out = String::from("kind              Linux  sites\n");
    for kind in WatchKind::ALL {
        let sites = WatchSite::ALL.into_iter().filter(|site| kind.fits(*site));
        let sites: Vec<_> = sites.map(WatchSite::name).collect();
        // Writing into a `String` cannot fail.
        let _ = writeln!(
            out,
            "{:<17} {:<6} {}",
            kind.name(),
            kind.since(),
            sites.join(", ")
        );
    }
    out.push_str("\nprogram  what it does at each hit\n");
    for program in WatchProgram::ALL {
        let _ = writeln!(out, "{:<8} {}", program.name(), does(program));
    }
    out
}

fn does(program: WatchProgram) -> &'static str {
    match program {
        WatchProgram::Null => "nothing: it returns",
        WatchProgram::PerCpu => "counts in a per-CPU array, in the slot of the calling thread",
        WatchProgram::Filter => "looks for another process, and does not find it",
        WatchProgram::Hash => "counts in a hash map, by the calling thread",
        WatchProgram::Ringbuf => "writes eight bytes into a ring buffer, without a wake-up",
    }
}

/// A line for each kind at each site.
pub fn checked(checked: &[Checked]) -> String {
    let mut out = String::new();
    for one in checked {
        let said = match &one.refused {
            None => "works".to_owned(),
            Some(refusal) => match refusal.errno() {
                Some(errno) => format!("refused (errno {errno}): {refusal}"),
                None => format!("refused: {refusal}"),
            },
        };
        let class = one
            .class
            .map(|class| format!(" ({class})"))
            .unwrap_or_default();
        let _ = writeln!(
            out,
            "{:<17} {:<12} {said}{class}",
            one.kind.name(),
            one.site.name()
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_and_program_is_listed() {
        let list = list();
        let words = |line: &&str| line.split_whitespace().next().map(str::to_owned);
        let first: Vec<_> = list.lines().collect();
        let first: Vec<_> = first.iter().filter_map(words).collect();
        for name in WatchKind::ALL.map(WatchKind::name) {
            assert!(first.iter().any(|word| word == name), "{name}");
        }
        for name in WatchProgram::ALL.map(WatchProgram::name) {
            assert!(first.iter().any(|word| word == name), "{name}");
        }
    }
}
