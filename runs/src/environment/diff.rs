//! The differences between the environments of two runs.

use std::collections::BTreeSet;

use serde::Serialize;

use super::why::why;
use super::{Environment, Facts, Side};

/// The differences between two runs, A and B.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Comparison {
    /// Nothing differs except values that change by themselves.
    pub same: bool,
    /// By side, and on each side the most relevant first.
    pub differences: Vec<Difference>,
    /// Values that change by themselves and never count.
    pub passing: Vec<Difference>,
    /// Whether the guests' sides could be compared.
    pub guests_compared: bool,
}

/// One fact that differs.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Whose fact it is.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub side: Side,
    /// Its name.
    pub name: String,
    /// Its value in A; `None` if A does not have it.
    pub a: Option<String>,
    /// Its value in B; `None` if B does not have it.
    pub b: Option<String>,
    /// Why it matters for numbers, if that is known.
    pub why: Option<&'static str>,
}

/// Compares two environments.
pub fn compare(a: &Environment, b: &Environment) -> Comparison {
    let guests_compared = a.has_guests && b.has_guests;
    let sides: BTreeSet<_> = a.sides.keys().chain(b.sides.keys()).collect();
    let (passing, differences): (Vec<_>, Vec<_>) = sides
        .into_iter()
        .filter(|side| guests_compared || !matches!(side, Side::Guest(_)))
        .flat_map(|side| match (a.sides.get(side), b.sides.get(side)) {
            (Some(a), Some(b)) => facts(side, a, b),
            (a, _) => vec![only_one(side, a.is_some())],
        })
        .partition(|difference| difference.side == Side::Passing);
    Comparison {
        same: differences.is_empty(),
        differences,
        passing,
        guests_compared,
    }
}

fn facts(side: &Side, a: &Facts, b: &Facts) -> Vec<Difference> {
    let names: BTreeSet<_> = a.keys().chain(b.keys()).collect();
    let mut names: Vec<_> = names
        .into_iter()
        .filter(|name| !is_same(name, a.get(*name), b.get(*name)))
        .collect();
    names.sort_by_key(|name| why(name).0);
    names
        .into_iter()
        .map(|name| Difference {
            side: side.clone(),
            name: name.clone(),
            a: a.get(name).cloned(),
            b: b.get(name).cloned(),
            why: (*side != Side::Passing).then(|| why(name).1).flatten(),
        })
        .collect()
}

/// A clock under load differs by some percent from day to day.
fn is_same(name: &str, a: Option<&String>, b: Option<&String>) -> bool {
    const CLOCK: &str = "state.core_clock_ghz";
    const TOLERANCE: f64 = 0.05;
    let number = |value: Option<&String>| value?.parse::<f64>().ok();
    match (number(a), number(b)) {
        (Some(a), Some(b)) if name == CLOCK => (a / b - 1.0).abs() <= TOLERANCE,
        _ => a == b,
    }
}

/// A side that only one of the two has is listed as one difference.
fn only_one(side: &Side, in_a: bool) -> Difference {
    let there = |there: bool| there.then(|| "there".to_owned());
    Difference {
        side: side.clone(),
        name: "all of it".into(),
        a: there(in_a),
        b: there(!in_a),
        why: None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn environment(sides: &[(Side, &[(&str, &str)])]) -> Environment {
        let sides = sides.iter().map(|(side, facts)| {
            let facts = facts.iter();
            let facts = facts.map(|(k, v)| ((*k).into(), (*v).into())).collect();
            (side.clone(), facts)
        });
        Environment {
            sides: sides.collect::<BTreeMap<_, _>>(),
            has_guests: true,
        }
    }

    #[test]
    fn an_environment_is_the_same_as_itself() {
        let it = environment(&[(Side::Host, &[("kvm", "hardware")])]);
        let expected = Comparison {
            same: true,
            differences: vec![],
            passing: vec![],
            guests_compared: true,
        };
        assert_eq!(compare(&it, &it), expected);
    }

    #[test]
    fn a_clock_under_load_is_the_same_within_some_percent() {
        let runs = |ghz| environment(&[(Side::Host, &[("state.core_clock_ghz", ghz)])]);
        assert!(compare(&runs("3.8"), &runs("3.9")).same);
        assert!(!compare(&runs("3.8"), &runs("2.4")).same);
        assert!(!compare(&runs("3.8"), &environment(&[(Side::Host, &[])])).same);
    }

    #[test]
    fn the_most_relevant_comes_first_on_each_side() {
        let linux = || Side::Guest("linux".into());
        let a = environment(&[
            (
                Side::Host,
                &[
                    ("memory", "1"),
                    ("cpu.microcode", "0x1"),
                    ("kvm", "hardware"),
                ],
            ),
            (linux(), &[("release", "6.12")]),
            (Side::Passing, &[("load", "1")]),
        ]);
        let b = environment(&[
            (
                Side::Host,
                &[
                    ("memory", "2"),
                    ("cpu.microcode", "0x2"),
                    ("kvm", "hardware"),
                ],
            ),
            (linux(), &[("release", "6.18"), ("system", "Linux")]),
            (Side::Passing, &[("load", "2")]),
        ]);
        let comparison = compare(&a, &b);
        assert!(!comparison.same);
        let names: Vec<_> = comparison
            .differences
            .iter()
            .map(|difference| (difference.side.to_string(), difference.name.as_str()))
            .collect();
        let expected = [
            ("host", "cpu.microcode"),
            ("host", "memory"),
            ("guest linux", "release"),
            ("guest linux", "system"),
        ];
        assert_eq!(names, expected.map(|(side, name)| (side.to_owned(), name)));
        assert_eq!(comparison.differences[3].a, None);
        assert_eq!(comparison.passing.len(), 1);
    }

    #[test]
    fn what_passes_is_no_difference() {
        let load = |load| environment(&[(Side::Passing, &[("load", load)])]);
        assert!(compare(&load("1"), &load("2")).same);
    }

    #[test]
    fn a_target_of_one_run_alone_is_one_difference() {
        let target = Side::Target("ring0".into());
        let a = environment(&[(target.clone(), &[("pin", "1"), ("method", "paper")])]);
        let comparison = compare(&a, &environment(&[]));
        assert_eq!(comparison.differences.len(), 1);
        assert_eq!(comparison.differences[0].side, target);
        assert_eq!(comparison.differences[0].b, None);
    }

    #[test]
    fn guests_that_were_not_read_are_not_compared() {
        let a = environment(&[(Side::Guest("linux".into()), &[("release", "6.12")])]);
        let mut b = environment(&[]);
        b.has_guests = false;
        let comparison = compare(&a, &b);
        assert!(comparison.same);
        assert!(!comparison.guests_compared);
    }
}
