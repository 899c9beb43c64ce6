//! Whether the machine was fit for measuring, according to `tollgate doctor`. This module holds
//! what a reader must be shown, not how the doctor finds it out.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The doctor's verdict on a machine.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verdict {
    /// Whether the machine is fit for measuring: there is no [`State::Unfit`] finding.
    pub fit: bool,
    /// One finding for each check, in the order in which they are printed.
    pub findings: Vec<Finding>,
    /// The noise test's figures; `None` if the test could not run.
    pub noise: Option<Noise>,
}

/// What one check found.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// The check's name, as in docs/DOCTOR.md.
    pub check: String,
    /// How serious it is.
    pub state: State,
    /// What was found, with its figure and unit, in one line.
    pub what: String,
    /// The command or setting that fixes it, if anything does.
    // Its name before summary.json had version 5, and manifest.json format 3.
    #[serde(alias = "mend")]
    pub fix: Option<String>,
    /// What was read to find out: files, instructions, system calls.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub read: Vec<String>,
}

impl Finding {
    /// A finding about measurements: nothing on the machine fixes it, and no file was read.
    pub fn new(check: impl Into<String>, state: State, what: impl Into<String>) -> Self {
        Self {
            check: check.into(),
            state,
            what: what.into(),
            fix: None,
            read: Vec::new(),
        }
    }
}

/// How serious a finding is.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// As it should be.
    Ok,
    /// The numbers can be trusted, but another machine or another day may give others.
    Warning,
    /// Numbers from this machine cannot be trusted.
    Unfit,
    /// The machine does not reveal it.
    Unknown,
}

impl State {
    /// All of them, most serious first.
    pub const ALL: [Self; 4] = [Self::Unfit, Self::Warning, Self::Unknown, Self::Ok];

    /// The word for it, in files and in print.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Unfit => "unfit",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What the noise test measured on the CPU that lost most.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Noise {
    /// The CPU.
    pub cpu: usize,
    /// How long the test watched the counter, in seconds.
    pub seconds: f64,
    /// A pause of at least so many nanoseconds between two readings counts as a gap.
    pub gap_ns: f64,
    /// The share of the time in gaps, from 0 to 1.
    pub lost: f64,
    /// Gaps per second.
    pub gaps_per_second: f64,
    /// The longest gap, in nanoseconds.
    pub longest_ns: f64,
    /// Interquartile range divided by median of the times of a fixed chain of dependent
    /// multiplications.
    pub chain_spread: f64,
}

impl fmt::Display for Noise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "CPU {} lost {:.3} % of {:.1} s in {:.0} gaps per second above {:.1} µs, the longest \
             {:.1} µs; a fixed chain of multiplications varies by {:.2} % (interquartile range \
             over median)",
            self.cpu,
            1e2 * self.lost,
            self.seconds,
            self.gaps_per_second,
            self.gap_ns / 1e3,
            self.longest_ns / 1e3,
            1e2 * self.chain_spread
        )
    }
}

impl Verdict {
    /// The verdict that follows from the findings.
    pub fn new(findings: Vec<Finding>, noise: Option<Noise>) -> Self {
        Self {
            fit: findings.iter().all(|finding| finding.state != State::Unfit),
            findings,
            noise,
        }
    }

    /// The same with more findings, which may make it unfit.
    pub fn with(mut self, findings: impl IntoIterator<Item = Finding>) -> Self {
        self.findings.extend(findings);
        Self::new(self.findings, self.noise)
    }

    /// `fit` or `unfit`.
    pub fn name(&self) -> &'static str {
        if self.fit { "fit" } else { "unfit" }
    }

    /// The verdict on a machine that was examined twice: unfit if it was unfit once.
    pub fn worse(self, later: Self) -> Self {
        if self.fit && !later.fit { later } else { self }
    }

    /// The findings in that state, in their order.
    pub fn in_state(&self, state: State) -> impl Iterator<Item = &Finding> {
        self.findings
            .iter()
            .filter(move |finding| finding.state == state)
    }

    /// The line above everything else, if the machine is unfit.
    pub fn headline(&self) -> Option<String> {
        (!self.fit).then(|| {
            let checks = self.checks_in_state(State::Unfit);
            format!("UNFIT FOR MEASURING according to tollgate doctor: {checks}.")
        })
    }

    /// The lines below a table: the verdict in one line, one line for each finding that is not
    /// ok, most serious first, and one for everything that is not known.
    pub fn lines(&self) -> Vec<String> {
        let verdict = self.name();
        let counts = State::ALL.map(|state| format!("{} {state}", self.in_state(state).count()));
        let mut lines = vec![format!(
            "Doctor: {verdict} for measuring; findings: {}.",
            counts.join(", ")
        )];
        let bad = [State::Unfit, State::Warning].into_iter();
        lines.extend(
            bad.flat_map(|state| self.in_state(state))
                .map(|f| format!("Doctor, {}: {}: {}.", f.state, f.check, f.what)),
        );
        let unknown = self.checks_in_state(State::Unknown);
        if !unknown.is_empty() {
            lines.push(format!("Doctor, unknown: {unknown}."));
        }
        lines
    }

    /// All of it in one line: `unfit: load; warning: turbo, isolation; unknown: microcode`.
    pub fn brief(&self) -> String {
        let states = State::ALL
            .into_iter()
            .filter(|state| *state != State::Ok)
            .map(|state| (state, self.checks_in_state(state)))
            .filter(|(_, checks)| !checks.is_empty());
        let states: Vec<_> = states
            .map(|(state, checks)| format!("{state}: {checks}"))
            .collect();
        if states.is_empty() {
            "no problems found".into()
        } else {
            states.join("; ")
        }
    }

    fn checks_in_state(&self, state: State) -> String {
        let names: Vec<_> = self.in_state(state).map(|f| f.check.as_str()).collect();
        names.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(check: &str, state: State) -> Finding {
        Finding {
            check: check.into(),
            state,
            what: format!("{check} is what it is"),
            fix: None,
            read: Vec::new(),
        }
    }

    #[test]
    fn one_unfit_finding_makes_a_machine_unfit() {
        let good = [State::Ok, State::Warning, State::Unknown].map(|s| finding("a", s));
        let fit = Verdict::new(good.to_vec(), None);
        assert!(fit.fit);
        assert_eq!(fit.headline(), None);
        let mut findings = good.to_vec();
        findings.push(finding("noise", State::Unfit));
        let unfit = Verdict::new(findings, None);
        assert!(!unfit.fit);
        let headline = "UNFIT FOR MEASURING according to tollgate doctor: noise.";
        assert_eq!(unfit.headline().as_deref(), Some(headline));
        assert_eq!(
            unfit.lines(),
            [
                "Doctor: unfit for measuring; findings: 1 unfit, 1 warning, 1 unknown, 1 ok.",
                "Doctor, unfit: noise: noise is what it is.",
                "Doctor, warning: a: a is what it is.",
                "Doctor, unknown: a.",
            ]
        );
    }

    #[test]
    fn a_verdict_fits_into_a_line() {
        let verdict = Verdict::new(
            vec![
                finding("turbo", State::Warning),
                finding("load", State::Unfit),
                finding("aslr", State::Ok),
                finding("smt", State::Warning),
            ],
            None,
        );
        assert_eq!(verdict.brief(), "unfit: load; warning: turbo, smt");
        assert_eq!(Verdict::new(vec![], None).brief(), "no problems found");
    }

    #[test]
    fn the_worse_of_two_verdicts_stays() {
        let fit = Verdict::new(vec![], None);
        let unfit = |check| Verdict::new(vec![finding(check, State::Unfit)], None);
        assert_eq!(fit.clone().worse(unfit("load")), unfit("load"));
        assert_eq!(unfit("load").worse(fit.clone()), unfit("load"));
        assert_eq!(unfit("load").worse(unfit("smt")), unfit("load"));
        assert!(fit.clone().worse(fit).fit);
    }

    #[test]
    fn later_findings_count() {
        let fit = Verdict::new(vec![finding("a", State::Ok)], None);
        let hot = fit.clone().with([finding("run-throttling", State::Unfit)]);
        assert!(!hot.fit);
        assert_eq!(hot.findings.len(), 2);
        assert_eq!(fit.clone().with([]), fit);
    }

    #[test]
    fn a_verdict_without_findings_is_fit() {
        assert!(Verdict::new(Vec::new(), None).fit);
    }
}
