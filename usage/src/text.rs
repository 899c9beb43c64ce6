//! A result as text.

use std::fmt::Write;

use crate::result::{CallUse, Files, Tried, TriedPlausible, Union, Usage};
use crate::{Mode, Phase, Verdict};

/// The calls with their verdicts, and the conclusions.
pub fn text(usage: &Usage) -> String {
    let mut text = table(&usage.calls);
    let _ = writeln!(text, "\n{}", counts(&usage.calls));
    for union in &usage.unions {
        let _ = writeln!(text, "{}", together(union));
    }
    let files = usage.files.iter().flat_map(files);
    for line in fragile(&usage.calls).chain(remarks(usage)).chain(files) {
        let _ = writeln!(text, "{line}");
    }
    text
}

fn table(calls: &[CallUse]) -> String {
    const HEAD: [&str; 8] = [
        "number",
        "call",
        "init",
        "serving",
        "verdict",
        "stub",
        "fake",
        "plausible",
    ];
    let mut rows = vec![HEAD.map(str::to_owned)];
    for used in calls {
        rows.push([
            used.number.to_string(),
            used.call.to_string(),
            used.init.to_string(),
            used.serving.to_string(),
            used.verdict.to_string(),
            word(used.stub.as_ref()),
            word(used.fake.as_ref()),
            plausible(used.plausible.as_ref()),
        ]);
        rows.extend(used.parts.iter().map(|part| {
            [
                String::new(),
                format!("  {}", part.part.part_name().unwrap_or_default()),
                part.init.to_string(),
                part.serving.to_string(),
                part.verdict.to_string(),
                word(part.stub.as_ref()),
                word(part.fake.as_ref()),
                plausible(part.plausible.as_ref()),
            ]
        }));
    }
    if calls.iter().all(|used| used.plausible.is_none()) {
        // Nobody asked for it.
        for row in &mut rows {
            if let Some(cell) = row.last_mut() {
                cell.clear();
            }
        }
    }
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

fn plausible(tried: Option<&TriedPlausible>) -> String {
    tried.map_or("-".into(), |plausible| {
        format!("{}: {}", plausible.answer, word(Some(&plausible.tried)))
    })
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
    let how = format!("{mode}: all {count} that work alone, together:");
    match union.works {
        Some(true) => format!("{how} works"),
        None => format!("{how} its runs disagree"),
        Some(false) => {
            let names = |calls: &[crate::Feature]| {
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
    let tried = calls.iter().flat_map(|used| {
        let whole = (
            used.call.to_string(),
            &used.stub,
            &used.fake,
            &used.plausible,
        );
        let parts = used.parts.iter();
        let parts = parts.map(|part| {
            (
                part.part.to_string(),
                &part.stub,
                &part.fake,
                &part.plausible,
            )
        });
        [whole].into_iter().chain(parts)
    });
    tried.flat_map(|(name, stub, fake, plausible)| {
        let plausible = plausible.as_ref().map(|plausible| &plausible.tried);
        let modes = [
            (Mode::Stub, stub.as_ref()),
            (Mode::Fake, fake.as_ref()),
            (Mode::Plausible, plausible),
        ];
        modes.into_iter().filter_map(move |(mode, tried)| {
            let why = &tried?.fragile;
            let line = format!("fragile: {name}, {mode}: {}", why.join("; "));
            (!why.is_empty()).then_some(line)
        })
    })
}

fn remarks(usage: &Usage) -> impl Iterator<Item = String> {
    let interrupted =
        (!usage.complete).then(|| "interrupted: some calls do not have a verdict yet".to_owned());
    let foreign = usage.foreign.iter().map(|(abi, count)| {
        format!("{count} calls of the {abi} ABI were seen; rules do not apply to them")
    });
    let phase = match usage.phase {
        Phase::All => None,
        Phase::Init => Some("calls were removed only until the program was ready".to_owned()),
        Phase::Serving => Some("calls were removed only after the program was ready".to_owned()),
    };
    let read_only = usage.machine.read_only.iter().map(|folder| {
        format!("note: the program could not change {folder}, because it cannot have an overlay")
    });
    interrupted
        .into_iter()
        .chain(foreign)
        .chain(phase)
        .chain(read_only)
}

/// What the program's files show of the calls.
fn files(files: &Files) -> Vec<String> {
    if let Some(error) = &files.error {
        return vec![format!("its files were not analysed: {error}")];
    }
    let seen = files.resolved as usize + files.unresolved.len();
    let share = 100.0 * f64::from(files.resolved) / seen.max(1) as f64;
    let mut lines = vec![format!(
        "its files show {} of these calls ({share:.0} %), and {} others",
        files.resolved,
        files.never_seen.len()
    )];
    if !files.unresolved.is_empty() {
        let names: Vec<_> = files.unresolved.iter().map(ToString::to_string).collect();
        lines.push(format!("its files do not show {}", names.join(", ")));
    }
    // The goal of the analysis.
    if share < 90.0 {
        lines.extend(files.holes.iter().map(|hole| format!("hidden: {hole}")));
    }
    lines
}
