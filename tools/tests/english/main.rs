//! The prose of the project is plain English: a list of patterns that read as translated, over
//! the documents, the help of every command, and the texts in the sources.
#![allow(clippy::unwrap_used, reason = "a test may stop anywhere")]

mod rules;
mod sources;

use sources::Text;

/// Texts that a rule would find, but that are right: a place and the finding.
const EXCEPTIONS: [(&str, &str); 1] = [
    // The bytes of the guests' programs must not change for the sake of a message.
    ("guest-bench/src/options.rs", "is no such"),
];

/// Fails with everything that the rules find in these texts.
fn check(texts: &[Text]) {
    let rules = rules::all();
    let mut findings = Vec::new();
    for Text { place, text } in texts {
        let found = rules.iter().flat_map(|rule| rule.findings(text));
        findings.extend(found.map(|finding| (place, finding)));
    }
    findings.retain(|(place, finding)| {
        let is_exception = |(p, f): &(&str, &str)| place.ends_with(p) && finding.contains(f);
        !EXCEPTIONS.iter().any(is_exception)
    });
    let lines: Vec<_> = findings.iter().map(|(p, f)| format!("{p}: {f}")).collect();
    assert!(
        lines.is_empty(),
        "{} findings:\n{}",
        lines.len(),
        lines.join("\n")
    );
}

#[test]
fn documents_are_plain() {
    let prose = |document: Text| Text {
        text: sources::prose(&document.text),
        ..document
    };
    check(
        &sources::documents()
            .into_iter()
            .map(prose)
            .collect::<Vec<_>>(),
    );
}

#[test]
fn no_sentence_runs_through_code() {
    for Text { place, text } in sources::documents() {
        let found = sources::run_through_code(&text);
        assert!(found.is_empty(), "{place}: {found:?}");
    }
}

#[test]
fn help_is_plain() {
    let help = sources::help();
    assert!(help.len() > 30, "only {} texts", help.len());
    check(&help);
}

#[test]
fn messages_and_reports_are_plain() {
    let literals = sources::literals();
    assert!(literals.len() > 1000, "only {} texts", literals.len());
    check(&literals);
}

#[test]
fn comments_are_plain() {
    let comments = sources::comments();
    assert!(comments.len() > 3000, "only {} comments", comments.len());
    check(&comments);
}

#[test]
fn comments_are_read_by_the_paragraph() {
    let source = "/// One `shall`\n/// two.\nfn f() {} // three\n# four\n#[five]\n";
    assert_eq!(
        sources::comments_of(source),
        ["One CODE two.", "three", "four"]
    );
}

#[test]
fn every_rule_finds_its_example() {
    for rule in rules::all() {
        assert_eq!(rule.findings(rule.example).len(), 1, "{}", rule.example);
    }
}

#[test]
fn good_sentences_pass() {
    let good = "It is no longer used. There are none. The verdict is: cannot tell. \
                It waits too long. Two more, too few. Run the command. It stands for 4.";
    for rule in rules::all() {
        assert!(rule.findings(good).is_empty(), "{:?}", rule.findings(good));
    }
}

#[test]
fn code_and_sentences_are_told_apart() {
    let document = "Run `mend it`:\n\n    tollgate shall\n\nand look beside it.\n";
    let prose = sources::prose(document);
    assert!(
        !prose.contains("mend") && !prose.contains("shall"),
        "{prose}"
    );
    assert_eq!(sources::run_through_code(document).len(), 1);
    assert!(sources::run_through_code("Run:\n\n    tollgate\n\nThen look.\n").is_empty());
}

#[test]
fn strings_are_read_as_a_program_prints_them() {
    let source = "// \"no string\"\nlet c = '\"';\nf(\"one two \\\n   three\", \"word\", \"a \\\"b\\\" c\");";
    assert_eq!(sources::strings(source), ["one two three", "a \"b\" c"]);
}
