use std::fmt::{self, Display, Formatter};

use super::{Missing, Plan, Step};
use crate::Call;
use crate::lines::list;

impl Display for Plan {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "The kernel has {} calls.\n", self.supported_calls)?;
        writeln!(f, "Missing for all of these applications together:")?;
        write!(f, "{}", self.missing)?;
        named(f, "\nSupported without changes", &self.supported)?;
        for (step, place) in self.steps.iter().zip(1..) {
            write!(f, "\nStep {place}: ")?;
            write!(f, "{step}")?;
        }
        if !self.no_data.is_empty() {
            named(f, "\nNo data", &self.no_data)?;
        }
        if !self.chosen.is_empty() {
            named(
                f,
                "\nMeasurements used, where a workload has several",
                &self.chosen,
            )?;
        }
        Ok(())
    }
}

fn named(f: &mut Formatter<'_>, what: &str, words: &[impl ToString]) -> fmt::Result {
    match words {
        [] => writeln!(f, "{what}: none"),
        _ => write!(f, "{what} ({}):\n{}", words.len(), list(2, words)),
    }
}

impl Display for Missing {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let calls = |conflict| {
            let calls = self
                .implement
                .iter()
                .filter(move |m| m.conflict == conflict);
            calls.map(|missing| missing.call).collect::<Vec<Call>>()
        };
        named(f, "implement", &calls(false))?;
        let conflicts = calls(true);
        if !conflicts.is_empty() {
            let what = "implement, because one application needs a stub and another a fake";
            named(f, what, &conflicts)?;
        }
        named(
            f,
            "stub (a kernel that answers ENOSYS already does this)",
            &self.stub,
        )?;
        named(f, "fake", &self.fake)?;
        named(f, "stub or fake", &self.either)
    }
}

impl Display for Step {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(list(0, &self.applications).trim_end())?;
        f.write_str("\n")?;
        let parts = [
            ("implement", &self.implement),
            ("stub", &self.stub),
            ("fake", &self.fake),
        ];
        for (what, calls) in parts {
            if !calls.is_empty() {
                write!(f, "  {what} ({}):\n{}", calls.len(), list(4, calls))?;
            }
        }
        Ok(())
    }
}
