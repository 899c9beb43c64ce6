use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::Applications;
use crate::{Call, Need};

/// What to add for one more application.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// The application, and those that need nothing more after this step.
    pub applications: Vec<String>,
    /// Calls to implement.
    pub implement: Vec<Call>,
    /// Calls that have to fail with ENOSYS.
    pub stub: Vec<Call>,
    /// Calls that have to return 0 without doing anything.
    pub fake: Vec<Call>,
}

/// The calls that the kernel has so far.
#[derive(Clone, Default)]
struct Kernel {
    implemented: BTreeSet<Call>,
    stubbed: BTreeSet<Call>,
    faked: BTreeSet<Call>,
}

/// The steps for those that are not covered yet.
pub(super) fn steps(
    applications: &Applications,
    covered: &BTreeSet<&str>,
    supported: &BTreeSet<Call>,
) -> Vec<Step> {
    let mut kernel = Kernel {
        implemented: supported.clone(),
        ..Kernel::default()
    };
    let mut waiting: BTreeMap<&str, &BTreeMap<Call, Need>> = BTreeMap::new();
    for (name, needs) in &applications.by_name {
        if !covered.contains(name.as_str()) {
            waiting.insert(name, needs);
        }
    }
    let mut steps: Vec<Step> = Vec::new();
    while let Some(next) = next(applications, &waiting, &kernel) {
        let Some(needs) = waiting.remove(next) else {
            break;
        };
        let step = step(applications, next, needs, &kernel);
        kernel.add(&step);
        match steps.last_mut() {
            Some(last) if step.is_empty() => last.applications.push(next.to_owned()),
            _ => steps.push(step),
        }
    }
    steps
}

/// The application that lacks the fewest calls, the first by name among equals.
fn next<'w>(
    applications: &Applications,
    waiting: &BTreeMap<&'w str, &BTreeMap<Call, Need>>,
    kernel: &Kernel,
) -> Option<&'w str> {
    let lacks = |needs: &BTreeMap<Call, Need>| {
        let required = applications.required(needs);
        required
            .filter(|call| !kernel.implemented.contains(call))
            .count()
    };
    // The first of equal ones is kept, and they are sorted by name.
    let next = waiting.iter().min_by_key(|(_, needs)| lacks(needs));
    next.map(|(name, _)| *name)
}

fn step(
    applications: &Applications,
    name: &str,
    needs: &BTreeMap<Call, Need>,
    kernel: &Kernel,
) -> Step {
    let mut step = Step {
        applications: vec![name.to_owned()],
        implement: Vec::new(),
        stub: Vec::new(),
        fake: Vec::new(),
    };
    for (&call, &need) in needs {
        if kernel.implemented.contains(&call) {
            continue;
        }
        if applications.needs_itself(call, need) {
            step.implement.push(call);
            continue;
        }
        // If either works, what the others need; ENOSYS if they do not need it.
        match applications.stand_in.get(&call) {
            Some(Need::Fake) if !kernel.faked.contains(&call) => step.fake.push(call),
            Some(Need::Fake) => {}
            _ if !kernel.stubbed.contains(&call) => step.stub.push(call),
            _ => {}
        }
    }
    step
}

impl Step {
    fn is_empty(&self) -> bool {
        self.implement.is_empty() && self.stub.is_empty() && self.fake.is_empty()
    }
}

impl Kernel {
    fn add(&mut self, step: &Step) {
        self.implemented.extend(&step.implement);
        self.stubbed.extend(&step.stub);
        self.faked.extend(&step.fake);
    }
}
