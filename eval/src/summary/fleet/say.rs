//! A fleet in sentences.

use super::{ClassDifference, Fleet, FleetRow, Odd, OddFact, Quantity, Scope};
use crate::digits;

/// So many facts of an odd machine are listed; summary.json has all.
const FACTS: usize = 6;

impl Fleet {
    /// What a reader should know, one line each.
    pub fn lines(&self) -> Vec<String> {
        let rows = self.rows.iter().filter_map(|row| self.ratio(row));
        let unfit: Vec<_> = self
            .machines
            .iter()
            .filter(|machine| !machine.fit)
            .collect();
        let names: Vec<_> = unfit.iter().map(|machine| &*machine.id).collect();
        let unfit = (!unfit.is_empty()).then(|| {
            format!(
                "Fleet: the doctor found {} of {} machines unfit for measuring at least once, and \
                 they count all the same: {}.",
                unfit.len(),
                self.machines.len(),
                names.join(", ")
            )
        });
        let head = [self.scope()];
        let odd = self.odd.iter().map(Odd::line);
        let differences = self.differences.iter().map(ClassDifference::line);
        head.into_iter()
            .chain(rows)
            .chain(odd)
            .chain(differences)
            .chain(unfit)
            .collect()
    }

    /// What the intervals are about.
    pub fn scope(&self) -> String {
        let n = self.machines.len();
        match self.scope {
            Scope::TheseMachines => format!(
                "Fleet: {n} machines; intervals are about these machines, by bootstrap over the \
                 boots of each."
            ),
            Scope::MachinesLikeThese => format!(
                "Fleet: {n} machines; intervals are about machines like these (Student's t over \
                 the machines' log ratios, {} degrees of freedom).",
                n - 1
            ),
        }
    }

    fn ratio(&self, row: &FleetRow) -> Option<String> {
        let (ratio, reference) = (row.ratio?, row.reference.as_ref()?);
        let d = digits::of_interval(ratio.low, ratio.high, 3);
        let spread = |share: Option<f64>| match share {
            Some(share) => format!("{:.2} %", 1e2 * share),
            None => "unknown".to_owned(),
        };
        Some(format!(
            "Fleet, {} {}: {:.d$} [{:.d$}, {:.d$}] × {reference}; spread between machines {}, \
             between boots {}.",
            row.target,
            row.benchmark.name(),
            ratio.value,
            ratio.low,
            ratio.high,
            spread(row.between_machines),
            spread(row.between_boots)
        ))
    }
}

fn percent(ratio: f64) -> String {
    let change = 1e2 * (ratio - 1.0);
    if change < 0.0 {
        format!("{:.1} % less", -change)
    } else {
        format!("{change:.1} % more")
    }
}

fn p(p: f64) -> String {
    if p < 0.001 {
        "p < 0.001".to_owned()
    } else {
        format!("p = {p:.3}")
    }
}

impl Odd {
    fn line(&self) -> String {
        let what = match self.quantity {
            Quantity::Cost => "costs",
            Quantity::Ratio => "has a ratio of",
        };
        let facts = self.differs.iter().take(FACTS).map(OddFact::words);
        let facts: Vec<_> = facts.collect();
        let more = match self.differs.len().saturating_sub(FACTS) {
            0 => String::new(),
            more => format!("; {more} more in summary.json"),
        };
        let facts = if facts.is_empty() {
            "its manifest shows no difference from them".to_owned()
        } else {
            format!("it differs from them in {}{more}", facts.join("; "))
        };
        format!(
            "Odd machine {}: {} {} {what} {} than on the others of its class ({}); {facts}.",
            self.machine,
            self.target,
            self.benchmark.name(),
            percent(self.by),
            p(self.p)
        )
    }
}

impl OddFact {
    fn words(&self) -> String {
        let value = |value: &Option<String>| match value {
            Some(value) => format!("{value:?}"),
            None => "nothing".to_owned(),
        };
        format!(
            "{} ({} instead of {})",
            self.name,
            value(&self.here),
            value(&self.usual)
        )
    }
}

impl ClassDifference {
    fn line(&self) -> String {
        let d = digits::of_interval(self.ratio.low, self.ratio.high, 3);
        format!(
            "Classes: {} {} costs {:.d$} [{:.d$}, {:.d$}] times as much on {} as on {} ({}).",
            self.target,
            self.benchmark.name(),
            self.ratio.value,
            self.ratio.low,
            self.ratio.high,
            self.class,
            self.other,
            p(self.p)
        )
    }
}
