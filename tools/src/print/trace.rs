//! Paths as text.

use std::fmt::Write as _;
use std::path::Path;

use eval::crossing::{self, Change, Crossing, Step};
use runs::trace::Verdict;
use serde::Serialize;

use crate::cli::TraceArgs;

/// One path, one line per function.
fn table(path: &Crossing) -> String {
    let mut text = format!("{}\n\n", headline(path));
    let total = ("total", path.total);
    let functions = path.functions.iter();
    let rows: Vec<_> = functions
        .map(|function| (function.name.as_str(), function.instructions))
        .chain([total])
        .collect();
    let width = width(rows.iter().map(|(name, _)| *name));
    let _ = writeln!(text, "{:width$}  instructions", "function");
    for (name, count) in rows {
        let _ = writeln!(text, "{name:width$}  {:>12}", count.0);
    }
    text
}

/// Two paths side by side.
fn comparison(before: &Crossing, after: &Crossing) -> String {
    let mut text = format!("{}\n{}\n\n", headline(after), headline(before));
    let mut rows = crossing::both(&before.functions, &after.functions);
    rows.push(Change {
        name: "total".into(),
        before: before.total,
        after: after.total,
    });
    let names = rows.iter().map(|row| row.name.as_str());
    let width = width(names);
    let columns = [&before.target, &after.target].map(|name| name.chars().count().max(6));
    let [first, second] = columns;
    let _ = writeln!(
        text,
        "{:width$}  {:>first$}  {:>second$}  {:>10}",
        "function", before.target, after.target, "difference"
    );
    for row in &rows {
        let Change {
            name,
            before,
            after,
        } = row;
        let difference = match row.difference() {
            0 => String::new(),
            difference => format!("{difference:+}"),
        };
        let line = format!(
            "{name:width$}  {:>first$}  {:>second$}  {difference:>10}",
            before.0, after.0
        );
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

/// The differences, one line per function.
fn changes(changes: &[Change]) -> String {
    let width = width(changes.iter().map(|change| change.name.as_str()));
    let lines = changes.iter().map(|change| {
        let Change {
            name,
            before,
            after,
        } = change;
        format!(
            "  {name:width$}  {} -> {} ({:+})\n",
            before.0,
            after.0,
            change.difference()
        )
    });
    lines.collect()
}

/// Every instruction, in the order of execution; a function's name appears wherever the path
/// enters it.
fn listing(steps: &[Step]) -> String {
    let mut text = String::new();
    let mut function = None;
    for step in steps {
        if function != Some(&step.function) {
            let _ = writeln!(text, "\n{}:", step.function);
            function = Some(&step.function);
        }
        let Step {
            address,
            offset,
            bytes,
            text: instruction,
            ..
        } = step;
        let offset = format!("+{offset:#x}");
        let _ = writeln!(
            text,
            "  {address:>16}  {offset:<7} {bytes:<22} {instruction}"
        );
    }
    text
}

fn headline(path: &Crossing) -> String {
    let Crossing {
        target,
        benchmark,
        cpu_model,
        qemu,
        total,
        ..
    } = path;
    format!(
        "{target}: {benchmark}, {} instructions, on {cpu_model} as QEMU {qemu} emulates it",
        total.0
    )
}

fn width<'a>(names: impl Iterator<Item = &'a str>) -> usize {
    let names = names.chain(["function"]);
    names.map(|name| name.chars().count()).max().unwrap_or(0)
}

/// One path, or two, as the command line requests.
pub fn text(
    args: &TraceArgs,
    path: &Crossing,
    against: Option<&Crossing>,
) -> serde_json::Result<String> {
    if args.json {
        return json(args, path, against);
    }
    let table = match against {
        None => table(path),
        Some(against) => comparison(against, path),
    };
    let steps = args.instructions.then_some(path.instructions.as_deref());
    Ok(table + &listing(steps.flatten().unwrap_or_default()))
}

/// Two paths as JSON.
#[derive(Serialize)]
struct Both<'a> {
    path: &'a Crossing,
    against: &'a Crossing,
    /// From the second one to the first one.
    changes: Vec<Change>,
}

fn json(
    args: &TraceArgs,
    path: &Crossing,
    against: Option<&Crossing>,
) -> serde_json::Result<String> {
    let shown = |path: &Crossing| {
        if args.instructions {
            path.clone()
        } else {
            path.without_instructions()
        }
    };
    let Some(against) = against else {
        return shown(path).json();
    };
    let both = Both {
        path: &shown(path),
        against: &shown(against),
        changes: crossing::changes(&against.functions, &path.functions),
    };
    serde_json::to_string_pretty(&both).map(|json| json + "\n")
}

/// A path compared with the expected one, with the functions that changed.
pub fn verdict(args: &TraceArgs, file: &Path, path: &Crossing, verdict: &Verdict) -> String {
    let Crossing { target, total, .. } = path;
    let total = total.0;
    match verdict {
        Verdict::Same => format!(
            "{target}: {total} instructions, the expected path in {}",
            file.display()
        ),
        Verdict::Changed {
            expected,
            changes: rows,
        } => {
            let expected = expected.0;
            let difference = total.cast_signed() - expected.cast_signed();
            format!(
                "{target}: {total} instructions instead of {expected} ({difference:+}):\n{}",
                changes(rows).trim_end()
            )
        }
        Verdict::NoEntry => format!(
            "{target}: not checked: {} has no path for the kernel {}, QEMU {} and {}; \
             if this one is right, record it with\n  {}",
            file.display(),
            path.kernel_inputs,
            path.qemu,
            path.cpu_model,
            recording(args, file)
        ),
    }
}

/// The command that records this path as the expected one.
fn recording(args: &TraceArgs, file: &Path) -> String {
    let mut words = vec!["tollgate trace".to_owned(), args.subject.clone()];
    let experiment = args.experiment.display().to_string();
    if experiment != "experiments/table1.toml" {
        words.push(format!("--experiment {experiment}"));
    }
    if let Some(model) = &args.cpu_model {
        words.push(format!("--cpu-model {model}"));
    }
    if let Some(inputs) = &args.kernel_inputs {
        words.push(format!("--kernel-inputs {inputs}"));
    }
    if let Some(initrd) = &args.image.initrd {
        words.push(format!(
            "--initrd {} --append '{}'",
            initrd.display(),
            args.image.append
        ));
    }
    words.push(format!("--record {}", file.display()));
    words.join(" ")
}

#[cfg(test)]
mod tests {

    use super::*;

    #[test]
    fn a_path_is_a_table_that_adds_up() {
        let path = Crossing::made_up("linux", &[("guest-bench", 2), ("entry_SYSCALL_64", 48)]);
        let expected = "\
linux: scall, 50 instructions, on max as QEMU 7.2.22 emulates it

function          instructions
guest-bench                  2
entry_SYSCALL_64            48
total                       50
";
        assert_eq!(table(&path), expected);
    }

    #[test]
    fn two_paths_stand_side_by_side() {
        let before = Crossing::made_up("off", &[("guest-bench", 2), ("entry", 40), ("gone", 1)]);
        let after = Crossing::made_up("linux", &[("guest-bench", 2), ("added", 20), ("entry", 41)]);
        let expected = "\
linux: scall, 63 instructions, on max as QEMU 7.2.22 emulates it
off: scall, 43 instructions, on max as QEMU 7.2.22 emulates it

function        off   linux  difference
guest-bench       2       2
added             0      20         +20
entry            40      41          +1
gone              1       0          -1
total            43      63         +20
";
        assert_eq!(comparison(&before, &after), expected);
        let changed = crossing::changes(&before.functions, &after.functions);
        let expected =
            "  added     0 -> 20 (+20)\n  entry     40 -> 41 (+1)\n  gone      1 -> 0 (-1)\n";
        assert_eq!(changes(&changed), expected);
    }

    #[test]
    fn a_listing_names_functions_where_the_path_enters_them() {
        let step = |function: &str, offset| Step {
            address: "ffffffff81000080".into(),
            function: function.into(),
            offset,
            bytes: "0f01f8".into(),
            text: "swapgs".into(),
        };
        let steps = [step("a", 0), step("b", 0), step("a", 3)];
        let text = listing(&steps);
        let names: Vec<_> = text.lines().filter(|line| line.ends_with(':')).collect();
        assert_eq!(names, ["a:", "b:", "a:"]);
        let line = "  ffffffff81000080  +0x3    0f01f8                 swapgs";
        assert_eq!(text.lines().last(), Some(line));
    }
}
