//! What must not be in the project's prose: patterns of sentences that read as translated.

use regex::Regex;

/// One pattern.
pub struct Rule {
    pattern: Regex,
    /// Matches that are good English after all.
    except: Option<Regex>,
    /// A sentence that the pattern has to find.
    pub example: &'static str,
    /// What to write instead.
    advice: &'static str,
}

/// Pattern, exceptions, an example, and what to write instead.
type Row = (
    &'static str,
    Option<&'static str>,
    &'static str,
    &'static str,
);

const ROWS: [Row; 32] = [
    (
        r"(?i)\b(is|are|was|were|be) no \w+",
        Some(r"(?i)no (\w+er|more|less|worse)$"),
        "The file is no run.",
        "is not a …; does not have …; … is missing",
    ),
    (
        r"(?i)\b(\w+ )?(is|are|was|were) none\b",
        Some("(?i)^there "),
        "A file that is none is refused.",
        "name what it is not",
    ),
    (
        r"(?i)\bin no (number|result|table|figure)s?\b",
        None,
        "Failed boots are in no number.",
        "are excluded from all results",
    ),
    (
        r"(?i)\banew\b",
        None,
        "The figures can be computed anew.",
        "again; reproduce",
    ),
    (
        r"(?i)\bshall\b",
        None,
        "What shall be measured?",
        "must, will, should",
    ),
    (
        r"(?i)\bmend(s|ed|ing)?\b",
        None,
        "One command mends it.",
        "fix",
    ),
    (
        r"(?i)\bbeside\b",
        None,
        "It stands beside the image.",
        "next to, in addition to, in the folder of",
    ),
    (
        r"(?i)\b(cannot )?(tells?|told|telling)\b",
        Some("(?i)^cannot tell$"),
        "The kernel does not tell its interrupts.",
        "show, list, report; run COMMAND to see",
    ),
    (
        r"(?i)\bknows\b|\bknow of\b",
        None,
        "The engine knows the guest's pages.",
        "name the actor that does something",
    ),
    (
        r"(?i)\b(go|goes|going|gone|went) on (with|by)\b",
        None,
        "The run is gone on with by --resume.",
        "continue, resume",
    ),
    (
        r"(?i), too([.;:,)]|$)",
        None,
        "It works after a crash, too.",
        "also, as well, even",
    ),
    (
        r"(?i)\b(can|to) be had\b",
        None,
        "The figures can be had with one command.",
        "can be reproduced; run COMMAND",
    ),
    (
        r"(?i)\b(stands?|stood) (in|there|here|behind|below|above)\b",
        None,
        "The column shows what stands there.",
        "is in, has, lists",
    ),
    (
        r"(?i)\b(says?|said) of (a|an|each|every|it|its|itself|the|them|themselves)\b",
        None,
        "What a kernel says of itself is recorded.",
        "report about",
    ),
    (
        r"(?i)\bwhat \w+( \w+)? (has|have) to\b",
        None,
        "What differs has to be drawn again.",
        "name the actor",
    ),
    (
        r"(?i)\bwho(so)?ever\b",
        None,
        "Whoever needs a guarantee takes the interval.",
        "if you need …",
    ),
    (
        r"(?i)\b(to|root,|please) type\b",
        None,
        "It prints the command to type.",
        "run",
    ),
    (
        r"(?i)\bone of both\b|\bone by the other\b",
        None,
        "It is an outlier if it is one of both.",
        "in both; both … and",
    ),
    (
        r"(?i)\bthat (is|are) not UTF-8\b|\bno UTF-8\b",
        None,
        "There are bytes that are not UTF-8.",
        "not valid UTF-8",
    ),
    (
        r"(?i)\bmeasures? no time\b|\bare counts, no\b",
        None,
        "Emulated rows measure no time.",
        "do not measure time; counts, not times",
    ),
    (
        r"(?i)\b(is|are) there already\b",
        None,
        "The folder is there already.",
        "already exists",
    ),
    (
        r"(?i)\b(holds?|holding|held) (\w+ ){0,3}down\b",
        None,
        "Heat holds the core down.",
        "limits, slows down",
    ),
    (
        r"(?i)\bput back\b",
        None,
        "Every setting was put back.",
        "restored",
    ),
    (
        r"(?i)\bany more\b",
        Some("(?i)any more than"),
        "Nothing is tuned any more.",
        "no longer",
    ),
    (
        r"(?i)\bwhere there (is|are)\b",
        None,
        "A control group limits it where there is one.",
        "if … exists, if it has …",
    ),
    (
        r"(?i)\bcan(not)? be seen\b",
        None,
        "The processes cannot be seen.",
        "visible, invisible",
    ),
    (
        r"(?i)\bin turns\b",
        None,
        "Both methods run in turns.",
        "alternating",
    ),
    (
        r"(?i)\bcircles?\b",
        None,
        "Modules do not form circles.",
        "cycle",
    ),
    (
        r"(?i)\btak(en|es|ing) away\b",
        None,
        "A call is taken away from the program.",
        "removed",
    ),
    (
        r"(?i)\blets? (it|them|processes) go on\b",
        None,
        "Restore lets it go on.",
        "resumes",
    ),
    (
        r"(?i)\b(was|were|is|are|been) asked for\b",
        None,
        "This is the clock that was asked for.",
        "requested",
    ),
    (
        r"(?i)\bpassed over\b",
        None,
        "Hidden folders are passed over.",
        "ignored",
    ),
];

/// All patterns.
pub fn all() -> Vec<Rule> {
    let regex = |pattern| Regex::new(pattern).unwrap();
    ROWS.iter()
        .map(|&(pattern, except, example, advice)| Rule {
            pattern: regex(pattern),
            except: except.map(regex),
            example,
            advice,
        })
        .collect()
}

impl Rule {
    /// What it finds in a text, with the advice.
    pub fn findings(&self, text: &str) -> Vec<String> {
        let found = self.pattern.find_iter(text).map(|found| found.as_str());
        found
            .filter(|found| !self.except.as_ref().is_some_and(|e| e.is_match(found)))
            .map(|found| format!("{found:?} (better: {})", self.advice))
            .collect()
    }
}
