//! Several machines: what holds on each, what holds on all, and which one is odd.
//!
//! A machine is a level above the boot. Ratios are taken within a machine, where everything that
//! only belongs to the machine cancels, and then over the machines. Up to five machines, the
//! result is about these machines; from six on, it is about machines like these.

mod classes;
mod cost;
mod differences;
mod machine;
mod odd;
mod row;
mod say;

use serde::{Deserialize, Serialize};

pub use self::classes::ClassCost;
pub use self::cost::{Estimate, MachineCost};
pub use self::differences::ClassDifference;
pub use self::machine::{Facts, Machine, Scope};
pub use self::odd::{Odd, OddFact, Quantity};
pub use self::row::FleetRow;

use self::machine::{ByMachine, Task};
use super::{Row, Summary};
use crate::parallel;
use crate::stats::MIN_BOOTS;

/// From this number of machines on, they are taken for examples.
const EXAMPLES: usize = MIN_BOOTS;

/// A machine in the results.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FleetMachine {
    /// Its identity.
    pub id: String,
    /// Its class.
    pub class: String,
    /// Whether the doctor found it fit for measuring, each time. An unfit machine is marked,
    /// and counts like the others.
    pub fit: bool,
}

/// What several machines gave.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fleet {
    /// What the numbers are about.
    pub scope: Scope,
    /// The machines, by class and identity.
    pub machines: Vec<FleetMachine>,
    /// One row for each benchmark on each target, as in the summary.
    pub rows: Vec<FleetRow>,
    /// Classes that differ, the clearest first.
    pub differences: Vec<ClassDifference>,
    /// Machines that differ from the others of their class.
    pub odd: Vec<Odd>,
}

/// Evaluates a run of several machines; `None` for a single one. `machine_of` gives the place of
/// a boot's machine among `machines`.
pub fn fleet(
    summary: &Summary,
    machines: &[Machine],
    machine_of: &dyn Fn(&str, u32) -> Option<usize>,
) -> Option<Fleet> {
    if machines.len() < 2 {
        return None;
    }
    let scope = if machines.len() < EXAMPLES {
        Scope::TheseMachines
    } else {
        Scope::MachinesLikeThese
    };
    let tasks: Vec<_> = medians(summary, machine_of);
    let reference = |task: &Task| {
        let (name, benchmark) = (task.reference.as_ref()?, task.benchmark);
        let mut all = tasks.iter();
        all.find(|other| other.target == *name && other.benchmark == benchmark)
    };
    let rows = parallel::map(&tasks, |task| {
        row::row(task, reference(task), machines, scope)
    });
    let mut listed: Vec<_> = machines.iter().map(FleetMachine::of).collect();
    listed.sort_by(|a, b| (&a.class, &a.id).cmp(&(&b.class, &b.id)));
    Some(Fleet {
        scope,
        differences: differences::differences(&rows, machines),
        odd: odd::odd(&rows, machines),
        machines: listed,
        rows,
    })
}

impl FleetMachine {
    fn of(machine: &Machine) -> Self {
        Self {
            id: machine.id.clone(),
            class: machine.class.clone(),
            fit: machine.fit,
        }
    }
}

fn medians(summary: &Summary, machine_of: &dyn Fn(&str, u32) -> Option<usize>) -> Vec<Task> {
    let mut tasks = Vec::new();
    for target in summary
        .targets
        .iter()
        .filter(|t| !t.info.measures_emulator())
    {
        for row in &target.rows {
            tasks.push(Task {
                target: target.info.name.clone(),
                benchmark: row.benchmark,
                reference: row.ratio.as_ref().map(|ratio| ratio.reference.clone()),
                medians: by_machine(&target.info.name, row, machine_of),
            });
        }
    }
    tasks
}

fn by_machine(
    target: &str,
    row: &Row,
    machine_of: &dyn Fn(&str, u32) -> Option<usize>,
) -> ByMachine {
    let mut medians = ByMachine::new();
    for boot in &row.boot_medians {
        if let Some(machine) = machine_of(target, boot.boot) {
            medians.entry(machine).or_default().push(boot.median.0);
        }
    }
    medians
}
