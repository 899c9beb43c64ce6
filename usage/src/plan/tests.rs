use proptest::prelude::*;

use super::*;
use crate::database::Name;
use crate::search::Needs;

const READ: Call = Call(0);
const WRITE: Call = Call(1);
const OPEN: Call = Call(2);
const CLOSE: Call = Call(3);

fn selection(applications: &[(&str, &[(Call, Need)])]) -> Selection {
    let applications = applications.iter().map(|(name, needs)| {
        let needs = Needs {
            dynamic: needs.iter().copied().collect(),
            ..Needs::default()
        };
        (Name::new(name).unwrap(), needs)
    });
    Selection {
        applications: applications.collect(),
        ..Selection::default()
    }
}

fn ours(applications: &[(&str, &[(Call, Need)])], supported: &[Call]) -> Plan {
    let supported = supported.iter().copied().collect();
    plan(&selection(applications), &supported, Reading::Ours)
}

fn step(applications: &[&str], implement: &[Call], stub: &[Call], fake: &[Call]) -> Step {
    Step {
        applications: applications.iter().map(ToString::to_string).collect(),
        implement: implement.to_vec(),
        stub: stub.to_vec(),
        fake: fake.to_vec(),
    }
}

#[test]
fn a_call_that_is_required_anywhere_is_implemented() {
    let plan = ours(
        &[
            ("a", &[(READ, Need::Stub), (WRITE, Need::Both)]),
            ("b", &[(READ, Need::Required), (OPEN, Need::Fake)]),
        ],
        &[],
    );
    let implement = MissingCall {
        call: READ,
        required_by: vec!["b".into()],
        conflict: false,
    };
    assert_eq!(plan.missing.implement, [implement]);
    assert_eq!((plan.missing.stub, plan.missing.fake), (vec![], vec![OPEN]));
    assert_eq!(plan.missing.either, [WRITE]);
}

#[test]
fn a_stub_here_and_a_fake_there_have_to_be_implemented() {
    let plan = ours(
        &[
            ("a", &[(READ, Need::Stub), (WRITE, Need::Required)]),
            ("b", &[(READ, Need::Fake)]),
            ("c", &[(READ, Need::Both), (CLOSE, Need::Fake)]),
        ],
        &[],
    );
    assert!(plan.missing.implement[0].conflict);
    assert_eq!(plan.missing.implement[0].required_by, Vec::<String>::new());
    let expected = [
        // It works with a stub until the call is there.
        step(&["c"], &[], &[READ], &[CLOSE]),
        step(&["b"], &[READ], &[], &[]),
        step(&["a"], &[WRITE], &[], &[]),
    ];
    assert_eq!(plan.steps, expected);
}

#[test]
fn next_is_what_lacks_the_fewest_calls_and_then_the_first_by_name() {
    let plan = ours(
        &[
            ("a", &[(READ, Need::Required), (WRITE, Need::Required)]),
            ("c", &[(OPEN, Need::Required)]),
            ("b", &[(CLOSE, Need::Required)]),
            ("d", &[(CLOSE, Need::Required), (OPEN, Need::Required)]),
        ],
        &[READ],
    );
    let expected = [
        step(&["a"], &[WRITE], &[], &[]),
        step(&["b"], &[CLOSE], &[], &[]),
        step(&["c", "d"], &[OPEN], &[], &[]),
    ];
    assert_eq!(plan.steps, expected);
}

#[test]
fn without_a_fake_that_it_needs_an_application_is_not_supported() {
    let applications: [(&str, &[(Call, Need)]); 2] = [
        ("fake", &[(READ, Need::Fake)]),
        ("stub", &[(READ, Need::Both)]),
    ];
    let plan = ours(&applications, &[]);
    assert_eq!(plan.supported, ["stub"]);
    assert_eq!(plan.steps, [step(&["fake"], &[], &[], &[READ])]);
}

#[test]
fn without_data_nothing_is_said() {
    let mut selection = selection(&[]);
    selection.no_data.insert(Name::new("ghost").unwrap());
    let plan = plan(&selection, &BTreeSet::new(), Reading::Ours);
    assert_eq!(plan.no_data, ["ghost"]);
    assert_eq!((plan.supported, plan.steps), (vec![], vec![]));
}

#[test]
fn loupes_reading_exchanges_stub_and_fake() {
    let applications: [(&str, &[(Call, Need)]); 2] = [
        ("a", &[(READ, Need::Stub), (OPEN, Need::Required)]),
        ("b", &[(WRITE, Need::Fake)]),
    ];
    let plan = plan(&selection(&applications), &BTreeSet::new(), Reading::Loupe);
    assert_eq!(
        (&plan.missing.stub, &plan.missing.fake),
        (&vec![WRITE], &vec![READ])
    );
    assert_eq!(plan.supported, ["b"]);
    assert_eq!(plan.steps, [step(&["a"], &[OPEN], &[], &[READ])]);
}

fn any_selection() -> impl Strategy<Value = Selection> {
    let need = prop::sample::select(vec![Need::Both, Need::Stub, Need::Fake, Need::Required]);
    let needs = prop::collection::btree_map((0..12u32).prop_map(Call), need, 0..8);
    let names = prop::collection::btree_map("[a-f]", needs, 0..6);
    names.prop_map(|applications| {
        let applications = applications.into_iter().map(|(name, dynamic)| {
            let needs = Needs {
                dynamic,
                ..Needs::default()
            };
            (Name::new(&name).unwrap(), needs)
        });
        Selection {
            applications: applications.collect(),
            ..Selection::default()
        }
    })
}

proptest! {
    /// After all steps each application has what it needs: the call itself, or what works
    /// in its place.
    #[test]
    fn at_the_end_every_application_works(
        selection in any_selection(),
        supported in prop::collection::btree_set((0..12u32).prop_map(Call), 0..6),
    ) {
        let plan = plan(&selection, &supported, Reading::Ours);
        let in_steps = plan.steps.iter().flat_map(|step| &step.applications);
        let mut named: Vec<_> = in_steps.chain(&plan.supported).cloned().collect();
        named.sort();
        let all: Vec<_> = selection.applications.keys().map(ToString::to_string).collect();
        prop_assert_eq!(named, all);
        let implemented: BTreeSet<Call> =
            plan.steps.iter().flat_map(|step| &step.implement).chain(&supported).copied().collect();
        let faked: BTreeSet<Call> = plan.steps.iter().flat_map(|step| &step.fake).copied().collect();
        for (call, need) in selection.applications.values().flat_map(|needs| &needs.dynamic) {
            let works = implemented.contains(call) || match need {
                Need::Required | Need::Conflict => false,
                Need::Both => true,
                Need::Stub => !faked.contains(call),
                Need::Fake => faked.contains(call),
            };
            prop_assert!(works, "{call} {need:?}");
        }
        let missing = plan.missing.implement.iter().map(|missing| missing.call);
        let missing: BTreeSet<Call> = missing.chain(supported).collect();
        prop_assert!(implemented.is_subset(&missing));
    }
}
