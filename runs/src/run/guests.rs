//! What the guests reported: the kernels that actually ran, and what they found about the
//! processor.

use std::collections::BTreeMap;

use contract::Fact;
use serde::{Deserialize, Serialize};

/// `guests.json`: by target.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Guests {
    /// What each target's boots reported.
    pub targets: BTreeMap<String, Guest>,
}

/// What the boots of one target reported.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Guest {
    /// The boots that reported anything.
    pub boots: Vec<u32>,
    /// The values that all of them agree on.
    pub same: BTreeMap<String, String>,
    /// The other values: by name, each with its boots.
    pub different: BTreeMap<String, BTreeMap<String, Vec<u32>>>,
}

/// Replaces the value if a boot reported nothing while others of its target did.
pub const NOT_TOLD: &str = "(not reported)";

/// Values that kernels measure at each start.
const PASSING: [&str; 2] = ["cpu.bogomips", "cpu.cpu MHz"];

/// Collects what boots reported.
#[derive(Debug, Default)]
pub struct Gathered(BTreeMap<String, Said>);

#[derive(Debug, Default)]
struct Said {
    boots: Vec<u32>,
    facts: BTreeMap<String, BTreeMap<String, Vec<u32>>>,
}

impl Gathered {
    /// Adds the facts of one boot.
    pub fn add(&mut self, target: &str, boot: u32, facts: &[(String, String)]) {
        let said = self.0.entry(target.to_owned()).or_default();
        said.boots.push(boot);
        for (name, value) in facts.iter().filter(|(name, _)| is_about_the_guest(name)) {
            let values = said.facts.entry(name.clone()).or_default();
            let boots = values.entry(value.clone()).or_default();
            boots.push(boot);
        }
    }

    /// The values that they agree on, and the others.
    pub fn finish(self) -> Guests {
        let targets = self.0.into_iter();
        Guests {
            targets: targets.map(|(name, said)| (name, said.guest())).collect(),
        }
    }
}

impl Said {
    fn guest(self) -> Guest {
        let mut guest = Guest {
            boots: self.boots,
            ..Guest::default()
        };
        for (name, mut values) in self.facts {
            let told: Vec<u32> = values.values().flatten().copied().collect();
            let boots = guest.boots.iter().copied();
            let silent: Vec<u32> = boots.filter(|boot| !told.contains(boot)).collect();
            if !silent.is_empty() {
                values.insert(NOT_TOLD.into(), silent);
            }
            match (values.len(), values.first_key_value()) {
                (1, Some((value, _))) => {
                    guest.same.insert(name, value.clone());
                }
                _ => {
                    guest.different.insert(name, values);
                }
            }
        }
        guest
    }
}

fn is_about_the_guest(name: &str) -> bool {
    let fact = Fact::of_key(name);
    fact.is_some_and(|(fact, _)| fact.is_about_the_guest()) && !PASSING.contains(&name)
}

impl Guests {
    /// A line for each target whose boots were not alike.
    pub fn disagreements(&self) -> Vec<String> {
        let targets = self.targets.iter();
        targets
            .filter(|(_, guest)| !guest.different.is_empty())
            .map(|(target, guest)| {
                let names: Vec<_> = guest.different.keys().map(String::as_str).collect();
                format!(
                    "The boots of {target} differ in {} (see guests.json)",
                    names.join(", ")
                )
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(facts: &[(&str, &str)]) -> Vec<(String, String)> {
        let facts = facts.iter();
        facts.map(|(k, v)| ((*k).into(), (*v).into())).collect()
    }

    #[test]
    fn what_boots_say_alike_is_told_once_and_the_rest_by_boot() {
        let mut gathered = Gathered::default();
        for (boot, flags) in [(0, "fpu"), (1, "fpu avx"), (2, "fpu")] {
            let mut said = facts(&[
                ("release", "6.12"),
                ("cpu.flags", flags),
                ("cpu.bogomips", flags),
                ("turns_fcall", flags),
            ]);
            if boot == 1 {
                said.extend(facts(&[("vulnerability.mds", "Not affected")]));
            }
            gathered.add("linux", boot, &said);
        }
        gathered.add("ring0", 0, &[]);
        let guests = gathered.finish();
        let linux = &guests.targets["linux"];
        assert_eq!(linux.boots, [0, 1, 2]);
        assert_eq!(
            linux.same,
            BTreeMap::from([("release".into(), "6.12".into())])
        );
        let by_boot = |values: &[(&str, &[u32])]| -> BTreeMap<String, Vec<u32>> {
            let values = values.iter();
            values
                .map(|(v, boots)| ((*v).into(), boots.to_vec()))
                .collect()
        };
        let expected = BTreeMap::from([
            (
                "cpu.flags".into(),
                by_boot(&[("fpu", &[0, 2]), ("fpu avx", &[1])]),
            ),
            (
                "vulnerability.mds".into(),
                by_boot(&[(NOT_TOLD, &[0, 2]), ("Not affected", &[1])]),
            ),
        ]);
        assert_eq!(linux.different, expected);
        assert_eq!(
            guests.disagreements(),
            ["The boots of linux differ in cpu.flags, vulnerability.mds (see guests.json)"]
        );
    }
}
