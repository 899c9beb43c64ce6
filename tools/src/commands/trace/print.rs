//! Paths as text.

use std::fmt::Write as _;

use eval::crossing::{self, Change, Crossing, Step};

/// One path, a line for each function.
pub fn table(path: &Crossing) -> String {
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
pub fn comparison(before: &Crossing, after: &Crossing) -> String {
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

/// What differs, a line for each function.
pub fn changes(changes: &[Change]) -> String {
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

/// Every instruction, in the order of execution; a function's name stands where the path
/// enters it, from wherever.
pub fn listing(steps: &[Step]) -> String {
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
