//! A comparison for people.

use std::collections::BTreeSet;
use std::fmt::Write;

use textwrap::Options;

use runs::environment::{Comparison, Difference};

const WIDTH: usize = 80;
/// Of texts with at least this many words, only the words that differ are shown.
const MANY_WORDS: usize = 8;

/// The differences, side by side, and below them the values that change by themselves.
pub fn comparison(comparison: &Comparison) -> String {
    let mut out = String::new();
    let mut last = None;
    for difference in &comparison.differences {
        if last != Some(&difference.side) {
            let _ = writeln!(out, "{}", difference.side);
            last = Some(&difference.side);
        }
        out += &show(difference);
    }
    if comparison.same {
        out += "No differences in the values that both runs recorded.\n";
    }
    if !comparison.passing.is_empty() {
        out += "\nchanges by itself, and does not count\n";
        out.extend(comparison.passing.iter().map(show));
    }
    out
}

// Writing into a `String` cannot fail, hence `let _`.
fn show(difference: &Difference) -> String {
    let mut out = format!("  {}\n", difference.name);
    let (a, b) = (difference.a.as_deref(), difference.b.as_deref());
    match (a, b) {
        (Some(a), Some(b)) if many(a) && many(b) => {
            out += &line("    A alone: ", &alone(a, b));
            out += &line("    B alone: ", &alone(b, a));
        }
        _ => {
            out += &line("    A: ", a.unwrap_or("(not known)"));
            out += &line("    B: ", b.unwrap_or("(not known)"));
        }
    }
    if let Some(why) = difference.why {
        out += &line("    why: ", why);
    }
    out
}

fn many(text: &str) -> bool {
    text.split_whitespace().count() >= MANY_WORDS
}

/// The words that are only in the first text.
fn alone(text: &str, other: &str) -> String {
    let others: BTreeSet<_> = other.split_whitespace().collect();
    let words = text
        .split_whitespace()
        .filter(|word| !others.contains(word));
    let words: Vec<_> = words.collect();
    match words.as_slice() {
        [] => "nothing".into(),
        words => words.join(" "),
    }
}

fn line(name: &str, value: &str) -> String {
    // A value must not send control sequences to the terminal.
    let value = value.replace(char::is_control, " ");
    let indent = " ".repeat(name.len());
    let options = Options::new(WIDTH)
        .initial_indent(name)
        .subsequent_indent(&indent)
        .break_words(false);
    textwrap::fill(&value, options) + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use runs::environment::Side;

    fn difference(side: Side, name: &str, a: Option<&str>, b: Option<&str>) -> Difference {
        Difference {
            side,
            name: name.into(),
            a: a.map(str::to_owned),
            b: b.map(str::to_owned),
            why: runs::environment::why(name).1,
        }
    }

    #[test]
    fn long_lists_show_the_words_that_differ() {
        let comparison = Comparison {
            same: false,
            differences: vec![
                difference(Side::Host, "cpu.microcode", Some("0x1"), Some("0x2")),
                difference(
                    Side::Host,
                    "cpu.flags",
                    Some("fpu vme de pse tsc msr pae mce"),
                    Some("fpu vme de pse tsc msr pae fred"),
                ),
                difference(Side::Guest("linux".into()), "release", Some("6.12"), None),
            ],
            passing: vec![difference(
                Side::Passing,
                "load",
                Some("1"),
                Some("2\x1b[m"),
            )],
            guests_compared: true,
        };
        let expected = "\
host
  cpu.microcode
    A: 0x1
    B: 0x2
    why: it determines the cost of VERW, IBPB and fences, which mitigations use
  cpu.flags
    A alone: mce
    B alone: fred
    why: kernels choose code according to it: PCID, FSGSBASE, FRED, ERMS and
         more
guest linux
  release
    A: 6.12
    B: (not known)
    why: another kernel: its entry code may differ

changes by itself, and does not count
  load
    A: 1
    B: 2 [m
";
        assert_eq!(super::comparison(&comparison), expected);
    }

    #[test]
    fn equal_environments_are_reported_as_equal() {
        let same = Comparison {
            same: true,
            differences: vec![],
            passing: vec![],
            guests_compared: true,
        };
        assert_eq!(
            super::comparison(&same),
            "No differences in the values that both runs recorded.\n"
        );
    }
}
