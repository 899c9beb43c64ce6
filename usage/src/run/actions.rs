//! What the kernel does by itself in a run, and what it asks about.

use std::collections::{BTreeMap, BTreeSet};

use super::{Spec, paths};
use crate::feature::{self, Feature, Part};
use crate::filter::{Action, Case, Treatment};
use crate::{Call, Mode};

/// How each known call, and each that a rule is about, is treated.
pub fn actions(spec: &Spec) -> BTreeMap<Call, Treatment> {
    let ruled = spec.rules.keys().map(|feature| feature.call);
    let calls: BTreeSet<Call> = spec.known.iter().copied().chain(ruled).collect();
    let treated = calls.into_iter().map(|call| (call, treatment(spec, call)));
    treated.collect()
}

fn treatment(spec: &Spec, call: Call) -> Treatment {
    let whole = Feature::from(call);
    if let Some(mode) = spec.rules.get(&whole) {
        return action(spec, &whole, *mode).into();
    }
    let known = spec.known.contains(&call);
    if !known || spec.parts.paths && paths::has_path(call) {
        return Action::Notify.into();
    }
    let index = feature::index(call).filter(|_| spec.parts.arguments);
    index.map_or(Action::Allow.into(), |index| Treatment::ByArgument {
        index,
        cases: cases(spec, call),
        otherwise: Action::Notify,
    })
}

/// Rules come before what is known.
fn cases(spec: &Spec, call: Call) -> Vec<Case> {
    let rules = spec.rules.iter();
    let ruled = rules.filter_map(|(feature, mode)| match feature.part {
        Part::Argument { mask, value } if feature.call == call => {
            let action = action(spec, feature, *mode);
            Some(Case {
                mask,
                value,
                action,
            })
        }
        _ => None,
    });
    let values = spec.values.get(&call).into_iter().flatten();
    let known = values.map(|value| Case {
        mask: u32::MAX,
        value: *value,
        action: Action::Allow,
    });
    ruled.chain(known).collect()
}

fn action(spec: &Spec, feature: &Feature, mode: Mode) -> Action {
    match mode {
        _ if !spec.uncounted.contains(feature) => Action::Notify,
        Mode::Stub => Action::Errno(libc::ENOSYS as u16),
        Mode::Fake => Action::Errno(0),
        // The kernel can return errors and 0 only.
        Mode::Plausible => Action::Notify,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::{Parts, tests::spec};

    #[test]
    fn rules_come_first_and_what_nobody_has_seen_is_asked_about() {
        let mut spec = spec();
        let [mmap, fcntl, open, read] =
            ["mmap", "fcntl", "open", "read"].map(|name| name.parse::<Call>().unwrap());
        spec.known = [mmap, fcntl, open, read].into();
        let allow = Treatment::Always(Action::Allow);
        let notify = Treatment::Always(Action::Notify);
        assert!(actions(&spec).values().all(|treatment| *treatment == allow));

        spec.parts = Parts {
            arguments: true,
            paths: true,
        };
        spec.values = [(fcntl, [1, 4].into())].into();
        let set: Feature = "fcntl(F_SETFL)".parse().unwrap();
        spec.rules = [(set.clone(), Mode::Stub), (read.into(), Mode::Fake)].into();
        spec.uncounted = [set].into();
        let actions = actions(&spec);
        assert_eq!(actions[&open], notify);
        assert_eq!(actions[&read], notify);
        let cases = |cases: &[(u32, Action)], index| Treatment::ByArgument {
            index,
            cases: cases
                .iter()
                .map(|(value, action)| Case {
                    mask: u32::MAX,
                    value: *value,
                    action: *action,
                })
                .collect(),
            otherwise: Action::Notify,
        };
        assert_eq!(actions[&mmap], cases(&[], 3));
        let stub = Action::Errno(libc::ENOSYS as u16);
        let expected = [(4, stub), (1, Action::Allow), (4, Action::Allow)];
        assert_eq!(actions[&fcntl], cases(&expected, 1));
    }
}
