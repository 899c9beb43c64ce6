//! A verdict for a terminal.

use eval::verdict::{State, Verdict};
use host::doctor::{Explanation, Source};
use textwrap::Options;

const WIDTH: usize = 80;
/// The column of the findings, after the state and the check's name.
const INDENT: &str = "                           ";

/// The findings, most serious first, each with its fix; the verdict comes last, where people
/// see it.
pub fn verdict(verdict: &Verdict, colour: bool) -> String {
    let findings = State::ALL
        .into_iter()
        .flat_map(|state| verdict.in_state(state));
    let mut out = String::new();
    for finding in findings {
        let (on, off) = if colour {
            (escape(finding.state), "\x1b[0m")
        } else {
            ("", "")
        };
        let lines = wrap(&finding.what);
        let lines = lines.trim_start();
        out += &format!(
            "{on}{:<8}{off} {:<17} {lines}\n",
            finding.state, finding.check
        );
        if let Some(fix) = &finding.fix {
            out += &format!("{}\n", wrap(&format!("fix: {fix}")));
        }
    }
    out + &match verdict.headline() {
        Some(headline) => format!("\n{headline}\n"),
        None => "\nFit for measuring.\n".into(),
    }
}

/// A check's section of the manual, and its sources with its content.
pub fn explanation(explanation: &Explanation) -> String {
    let mut out = format!(
        "{}\n\n{}\n\nIt reads\n",
        explanation.check, explanation.text
    );
    for Source { name, now } in &explanation.sources {
        out += &format!("  {name}\n");
        if let Some(now) = now {
            out += &format!("      {now}\n");
        }
    }
    out
}

fn wrap(text: &str) -> String {
    let options = Options::new(WIDTH)
        .initial_indent(INDENT)
        .subsequent_indent(INDENT)
        .break_words(false);
    textwrap::fill(text, options)
}

/// ECMA-48, SGR.
fn escape(state: State) -> &'static str {
    match state {
        State::Ok => "\x1b[32m",
        State::Warning => "\x1b[33m",
        State::Unfit => "\x1b[1;31m",
        State::Unknown => "\x1b[2m",
    }
}

#[cfg(test)]
mod tests {
    use eval::verdict::Finding;

    use super::*;

    #[test]
    fn the_worst_comes_first_and_the_verdict_last() {
        let finding = |check: &str, state, fix: Option<&str>| Finding {
            check: check.into(),
            state,
            what: "what was found, in so many words that one line does not hold them".into(),
            fix: fix.map(str::to_owned),
            read: Vec::new(),
        };
        let verdict = Verdict::new(
            vec![
                finding("tsc-invariant", State::Ok, None),
                finding("load", State::Unfit, Some("stop it")),
            ],
            None,
        );
        let expected = "\
unfit    load              what was found, in so many words that one line does
                           not hold them
                           fix: stop it
ok       tsc-invariant     what was found, in so many words that one line does
                           not hold them

UNFIT FOR MEASURING according to tollgate doctor: load.
";
        assert_eq!(super::verdict(&verdict, false), expected);
        assert!(super::verdict(&verdict, true).contains("\x1b[1;31munfit   \x1b[0m load"));
    }
}
