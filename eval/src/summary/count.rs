//! Instructions: a whole number that boots repeat, or no number.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use contract::{Benchmark, Operation};
use serde::{Deserialize, Serialize};

use crate::counts::{Tallies, Tally};
use crate::units::Instructions;
use crate::verdict::{Finding, State};

/// One benchmark, counted on one target.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Count {
    /// What was counted.
    #[serde(with = "crate::names::benchmark")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub benchmark: Benchmark,
    /// How many samples.
    pub samples: u64,
    /// The number of boots.
    pub boots: u32,
    /// The number on which nine tenths of the samples of every boot agree, in at least two
    /// boots; `None` if the samples do not agree, which the findings explain.
    pub instructions: Option<Instructions>,
    /// The share of the samples with the most frequent value, 0 to 1.
    pub agreement: f64,
    /// Every value that was seen, most frequent first.
    pub seen: Vec<Seen>,
    /// Why the count is missing, in sentences.
    pub findings: Vec<String>,
}

/// A value of some samples.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seen {
    /// Instructions for one operation; `None` if that is not a whole number.
    pub instructions: Option<Instructions>,
    /// The number of samples with this value.
    pub samples: u64,
}

/// A second boot has to repeat a count.
const MIN_BOOTS: usize = 2;

/// The name of the check that these are counts at all.
pub(super) const CHECK: &str = "count";

/// What the program's own function calls take, whatever the kernel.
fn own(benchmark: Benchmark) -> Option<Instructions> {
    match benchmark.operation() {
        Operation::Function { instructions } => Some(Instructions(instructions)),
        _ => None,
    }
}

impl Count {
    /// Whether its call has a known number of instructions, and this number was found.
    pub fn is_self_check(&self) -> bool {
        own(self.benchmark).is_some_and(|expected| self.instructions == Some(expected))
    }
}

/// The counts of a target with so many good boots, and whether they are counts at all. If they
/// are not, none of them has a value.
pub(crate) fn counts<'b>(
    benchmarks: impl Iterator<Item = (Benchmark, &'b Tallies)>,
    boots_ok: u32,
) -> (Vec<Count>, Option<Finding>) {
    let all: Vec<_> = benchmarks.collect();
    if all.is_empty() {
        return (Vec::new(), None);
    }
    let check = self_check(&all);
    let mut counts: Vec<_> = all
        .iter()
        .map(|(benchmark, boots)| count(*benchmark, boots, boots_ok))
        .collect();
    if check.state == State::Unfit {
        for count in &mut counts {
            count.instructions = None;
            count.findings = vec![format!("No count: {}.", check.what)];
        }
    }
    (counts, Some(check))
}

fn self_check(all: &[(Benchmark, &Tallies)]) -> Finding {
    let mut good = Vec::new();
    let mut bad = Vec::new();
    for (benchmark, boots) in all {
        let Some(expected) = own(*benchmark) else {
            continue;
        };
        let name = benchmark.name();
        match agreed(boots) {
            Ok(found) if found == expected => good.push(format!("{name} takes {}", found.0)),
            Ok(found) => bad.push(format!(
                "{name} takes {}, but was counted as {}",
                expected.0, found.0
            )),
            Err(why) => bad.push(format!("{name} takes {}, but {why}", expected.0)),
        }
    }
    let (state, what) = match (bad.is_empty(), good.is_empty()) {
        (false, _) => (
            State::Unfit,
            format!("this is not a count of instructions: {}", bad.join("; ")),
        ),
        (true, false) => (State::Ok, format!("{} instructions", good.join(", "))),
        (true, true) => (
            State::Unknown,
            format!("{}, whose instructions are known, was counted", neither()),
        ),
    };
    Finding::new(CHECK, state, what)
}

/// "neither A nor B" of the calls whose instructions are known.
fn neither() -> String {
    let calls = Benchmark::ALL.into_iter().filter(|b| own(*b).is_some());
    let names: Vec<_> = calls.map(Benchmark::name).collect();
    format!("neither {}", names.join(" nor "))
}

fn count(benchmark: Benchmark, boots: &Tallies, boots_ok: u32) -> Count {
    let mut all = Tally::new();
    for (value, samples) in boots.values().flatten() {
        *all.entry(*value).or_default() += samples;
    }
    let samples = all.values().sum();
    let seen = seen(&all);
    let most = seen.first().map_or(0, |seen| seen.samples);
    let value = repeated(boots, boots_ok);
    Count {
        benchmark,
        samples,
        boots: boots.len() as u32,
        agreement: most as f64 / samples.max(1) as f64,
        seen,
        instructions: value.as_ref().ok().copied(),
        findings: value.err().into_iter().collect(),
    }
}

/// The count that is the same in every good boot, or why it is missing.
fn repeated(boots: &Tallies, boots_ok: u32) -> Result<Instructions, String> {
    let value = agreed(boots).map_err(|why| format!("No count: {why}."))?;
    let counted = boots.len() as u32;
    if boots.len() < MIN_BOOTS {
        Err(format!(
            "No count: one boot is not enough; a second one has to give the same {}.",
            value.0
        ))
    } else if counted < boots_ok {
        Err(format!(
            "No count: only {counted} of {boots_ok} boots counted it, as {}.",
            value.0
        ))
    } else {
        Ok(value)
    }
}

/// What nine tenths of the samples of every boot agree on, or what was seen instead.
fn agreed(boots: &Tallies) -> Result<Instructions, String> {
    let mut values = BTreeMap::<Instructions, Vec<u32>>::new();
    for (boot, tally) in boots {
        values
            .entry(typical(*boot, tally)?)
            .or_default()
            .push(*boot);
    }
    let mut each = values.iter();
    match (each.next(), each.next()) {
        (Some((value, _)), None) => Ok(*value),
        _ => {
            let values = values.iter().map(|(value, boots)| {
                let boots: Vec<_> = boots.iter().map(u32::to_string).collect();
                format!("{} in boot {}", value.0, boots.join(", "))
            });
            let values: Vec<_> = values.collect();
            Err(format!("boots differ: {}", values.join("; ")))
        }
    }
}

fn typical(boot: u32, tally: &Tally) -> Result<Instructions, String> {
    let samples: u64 = tally.values().sum();
    let seen = seen(tally);
    match seen.first() {
        Some(&Seen {
            instructions: Some(value),
            samples: agree,
        }) if 10 * agree >= 9 * samples => Ok(value),
        _ => Err(format!(
            "nine tenths of the samples of a boot have to agree, but of {samples} in boot {boot}, {}",
            in_words(&seen)
        )),
    }
}

/// The number of values that are listed if samples do not agree.
const NAMED: usize = 4;

fn in_words(seen: &[Seen]) -> String {
    let value = |seen: &Seen| match seen.instructions {
        Some(value) => format!("{} gave {}", seen.samples, value.0),
        None => format!("{} did not give a whole number", seen.samples),
    };
    let mut words: Vec<_> = seen.iter().take(NAMED).map(value).collect();
    if seen.len() > NAMED {
        let more = seen.iter().skip(NAMED).map(|seen| seen.samples);
        words.push(format!("{} gave other numbers", more.sum::<u64>()));
    }
    words.join(", ")
}

fn seen(tally: &Tally) -> Vec<Seen> {
    let mut seen: Vec<_> = tally
        .iter()
        .map(|(value, samples)| Seen {
            instructions: *value,
            samples: *samples,
        })
        .collect();
    seen.sort_by_key(|seen| (Reverse(seen.samples), seen.instructions));
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Boots with so many samples of each value.
    fn boots(boots: &[&[(Option<u64>, u64)]]) -> Tallies {
        let tally = |values: &[(Option<u64>, u64)]| {
            let values = values.iter();
            values
                .map(|(value, n)| (value.map(Instructions), *n))
                .collect()
        };
        (0..)
            .zip(boots.iter().map(|values| tally(values)))
            .collect()
    }

    fn scall(of: &[&[(Option<u64>, u64)]]) -> Count {
        let boots = boots(of);
        count(Benchmark::Scall, &boots, boots.len() as u32)
    }

    #[test]
    fn a_count_needs_nine_tenths_of_the_samples_of_each_boot() {
        let whole: &[_] = &[(Some(238), 10)];
        let nine_tenths: &[_] = &[(Some(238), 90), (Some(245), 6), (None, 4)];
        let found = scall(&[whole, nine_tenths]);
        assert_eq!(found.instructions, Some(Instructions(238)));
        assert_eq!((found.samples, found.boots), (110, 2));
        assert_eq!(found.agreement, 100.0 / 110.0);
        assert_eq!(found.seen.len(), 3);
        assert_eq!(found.seen[2].instructions, None);
        assert!(found.findings.is_empty());

        // All samples together would agree, but not those of the second boot.
        let many: &[_] = &[(Some(238), 10_000)];
        let less: &[_] = &[(Some(238), 89), (Some(245), 7), (None, 4)];
        let found = scall(&[many, less]);
        assert_eq!(found.instructions, None);
        assert_eq!(
            found.findings,
            [
                "No count: nine tenths of the samples of a boot have to agree, but of 100 in \
                 boot 1, 89 gave 238, 7 gave 245, 4 did not give a whole number."
            ]
        );
    }

    #[test]
    fn a_second_boot_has_to_repeat_it() {
        let one = scall(&[&[(Some(238), 64)]]);
        assert_eq!(one.instructions, None);
        assert!(one.findings[0].contains("a second one has to give the same 238"));
        let differ = scall(&[&[(Some(238), 64)], &[(Some(289), 64)], &[(Some(238), 64)]]);
        assert_eq!(differ.instructions, None);
        let expected = "No count: boots differ: 238 in boot 0, 2; 289 in boot 1.";
        assert_eq!(differ.findings, [expected]);
        let two = boots(&[&[(Some(238), 64)], &[(Some(238), 64)]]);
        let found = count(Benchmark::Scall, &two, 3);
        assert_eq!(found.instructions, None);
        assert!(found.findings[0].contains("only 2 of 3 boots"));
    }

    #[test]
    fn fractional_samples_give_no_count() {
        let found = scall(&[&[(None, 64)], &[(None, 64)]]);
        assert_eq!(found.instructions, None);
        assert!(found.findings[0].contains("64 did not give a whole number"));
    }

    #[test]
    fn a_wrong_count_of_a_known_call_fails_the_check() {
        let twice = |value: (Option<u64>, u64)| boots(&[&[value], &[value]]);
        let good = [twice((Some(3), 9)), twice((Some(238), 9))];
        let run = |fcall: &Tallies, scall: &Tallies| {
            let both = [(Benchmark::Fcall, fcall), (Benchmark::Scall, scall)];
            counts(both.into_iter(), 2)
        };
        let (found, check) = run(&good[0], &good[1]);
        assert_eq!(check.unwrap().state, State::Ok);
        assert_eq!(found[1].instructions, Some(Instructions(238)));
        for bad in [(Some(4), 9), (None, 9)] {
            let (found, check) = run(&twice(bad), &good[1]);
            let check = check.unwrap();
            assert_eq!(check.state, State::Unfit);
            assert!(check.what.contains("this is not a count of instructions"));
            assert!(found.iter().all(|count| count.instructions.is_none()));
        }
        let (found, check) = counts([(Benchmark::Scall, &good[1])].into_iter(), 2);
        assert_eq!(check.unwrap().state, State::Unknown);
        assert_eq!(found[0].instructions, Some(Instructions(238)));
    }
}
