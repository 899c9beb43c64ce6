//! A result, for a reader.

use std::fmt::Write;

use crate::result::{CallUse, Tried, Union, Usage};
use crate::{Phase, Verdict};

/// The calls with their verdicts, and what follows from them.
pub fn text(usage: &Usage) -> String {
    let mut text = table(&usage.calls);
    let _ = writeln!(text, "\n{}", counts(&usage.calls));
    for union in &usage.unions {
        let _ = writeln!(text, "{}", together(union));
    }
    for line in fragile(&usage.calls).chain(remarks(usage)) {
        let _ = writeln!(text, "{line}");
    }
    text
}

fn table(calls: &[CallUse]) -> String {
    const HEAD: [&str; 7] = [
        "number", "call", "init", "serving", "verdict", "stub", "fake",
    ];
    let mut rows = vec![HEAD.map(str::to_owned)];
    rows.extend(calls.iter().map(|used| {
        [
            used.number.to_string(),
            used.call.to_string(),
            used.init.to_string(),
            used.serving.to_string(),
            used.verdict.to_string(),
            word(used.stub.as_ref()),
            word(used.fake.as_ref()),
        ]
    }));
    let widths: [usize; HEAD.len()] = std::array::from_fn(|column| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(String::len).max().unwrap_or_default()
    });
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(widths).enumerate() {
            let _ = match column {
                0 | 2 | 3 => write!(line, "{cell:>width$}  "),
                _ => write!(line, "{cell:<width$}  "),
            };
        }
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

fn word(tried: Option<&Tried>) -> String {
    match tried {
        None => "-".into(),
        Some(Tried { works: None, .. }) => "?".into(),
        Some(Tried {
            works: Some(false), ..
        }) => "fails".into(),
        Some(tried) if !tried.fragile.is_empty() => "works, fragile".into(),
        Some(_) => "works".into(),
    }
}

fn counts(calls: &[CallUse]) -> String {
    const ALL: [Verdict; 9] = [
        Verdict::Required,
        Verdict::Stub,
        Verdict::Fake,
        Verdict::Both,
        Verdict::Flaky,
        Verdict::Masked,
        Verdict::Untestable,
        Verdict::HarnessError,
        Verdict::Untested,
    ];
    let count = |verdict| calls.iter().filter(|used| used.verdict == verdict).count();
    let counts = ALL.map(|verdict| (verdict, count(verdict)));
    let counts = counts.into_iter().filter(|(_, count)| *count > 0);
    let counts: Vec<_> = counts
        .map(|(verdict, count)| format!("{count} {verdict}"))
        .collect();
    format!("{} calls: {}", calls.len(), counts.join(", "))
}

fn together(union: &Union) -> String {
    let (mode, count) = (union.mode, union.calls.len());
    let how = format!("all {count} that work as a {mode}, together:");
    match union.works {
        Some(true) => format!("{how} works"),
        None => format!("{how} its runs disagree"),
        Some(false) => {
            let names = |calls: &[crate::Call]| {
                let names: Vec<_> = calls.iter().map(ToString::to_string).collect();
                names.join(" with ")
            };
            let conflicts: Vec<_> = union.conflicts.iter().map(|calls| names(calls)).collect();
            let largest = union.largest.len();
            format!(
                "{how} fails ({}); {largest} of them work",
                conflicts.join("; ")
            )
        }
    }
}

fn fragile(calls: &[CallUse]) -> impl Iterator<Item = String> {
    calls.iter().flat_map(|used| {
        let modes = [("stub", &used.stub), ("fake", &used.fake)];
        modes.into_iter().filter_map(|(mode, tried)| {
            let why = &tried.as_ref()?.fragile;
            let line = format!("fragile: {} as a {mode}: {}", used.call, why.join("; "));
            (!why.is_empty()).then_some(line)
        })
    })
}

fn remarks(usage: &Usage) -> impl Iterator<Item = String> {
    let interrupted =
        (!usage.complete).then(|| "interrupted: not every call is decided".to_owned());
    let foreign = usage.foreign.iter().map(|(abi, count)| {
        format!("{count} calls of the {abi} ABI were seen, which no rule takes away")
    });
    let phase = match usage.phase {
        Phase::All => None,
        Phase::Init => Some("calls were taken away only until the program was ready".to_owned()),
        Phase::Serving => Some("calls were taken away only after the program was ready".to_owned()),
    };
    let read_only = usage.machine.read_only.iter().map(|folder| {
        format!("note: the program could not change {folder}: no layer can be put over it")
    });
    interrupted
        .into_iter()
        .chain(foreign)
        .chain(phase)
        .chain(read_only)
}
