//! Reads a scheduler's environment variables about its task.

use std::collections::BTreeMap;
use std::fmt::Display;

use host::machine::identity::pseudonym;
use serde::{Deserialize, Serialize};

use super::{Shard, ShardError};

/// A shard, and the starts of its task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scheduled {
    /// The shard.
    pub shard: Shard,
    /// One entry for each time that the run was started or resumed.
    pub starts: Vec<Start>,
}

/// One start of a task.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Start {
    /// The scheduler's numbers for it, by the names of their variables.
    pub ids: BTreeMap<String, String>,
    /// The node: its name if the user allowed that, otherwise a hash of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// How often the scheduler had restarted the task.
    pub restarts: u32,
}

/// Numbers that say which task of which job this is.
const IDS: [&str; 9] = [
    "SLURM_JOB_ID",
    "SLURM_ARRAY_JOB_ID",
    "SLURM_ARRAY_TASK_ID",
    "SLURM_STEP_ID",
    "SLURM_PROCID",
    "SLURM_NODEID",
    "JOB_COMPLETION_INDEX",
    "PARALLEL_JOBSLOT",
    "PARALLEL_SEQ",
];
const NODES: [&str; 2] = ["SLURMD_NODENAME", "TOLLGATE_NODE"];
const RESTARTS: &str = "SLURM_RESTART_COUNT";
const COUNT: &str = "TOLLGATE_SHARDS";

/// A variable's value, if it is set.
type Variable<'a> = &'a dyn Fn(&str) -> Option<String>;

impl Scheduled {
    /// The given shard, otherwise the one that the scheduler's variables name.
    ///
    /// # Errors
    ///
    /// A variable is missing or invalid.
    pub fn of(
        shard: Option<Shard>,
        with_names: bool,
        variable: Variable<'_>,
    ) -> Result<Self, ShardError> {
        let shard = match shard {
            Some(shard) => shard,
            None => from_variables(variable)?,
        };
        let starts = vec![Start::of(with_names, variable)?];
        Ok(Self { shard, starts })
    }
}

impl Start {
    fn of(with_names: bool, variable: Variable<'_>) -> Result<Self, ShardError> {
        let ids = IDS.into_iter();
        let node = NODES.into_iter().find_map(variable);
        let restarts = match variable(RESTARTS) {
            Some(_) => number(RESTARTS, variable)?.unwrap_or(0),
            None => 0,
        };
        Ok(Self {
            ids: ids
                .filter_map(|name| Some((name.to_owned(), variable(name)?)))
                .collect(),
            node: node.map(|name| if with_names { name } else { pseudonym(&name) }),
            restarts,
        })
    }
}

fn from_variables(variable: Variable<'_>) -> Result<Shard, ShardError> {
    const SET_COUNT: &str = "set it to the number of shards";
    if number("SLURM_ARRAY_TASK_ID", variable)?.is_some() {
        return of_array(variable);
    }
    let from_zero = [
        (
            "SLURM_PROCID",
            "SLURM_NTASKS",
            "start the tasks with srun --ntasks N",
        ),
        ("JOB_COMPLETION_INDEX", COUNT, SET_COUNT),
    ];
    for (name, count, remedy) in from_zero {
        if let Some(index) = number(name, variable)? {
            let of = needed(name, count, remedy, variable)?;
            return within(name, index, index.saturating_add(1), (count, of));
        }
    }
    match number("PARALLEL_SEQ", variable)? {
        Some(seq) => {
            let of = needed("PARALLEL_SEQ", COUNT, SET_COUNT, variable)?;
            within("PARALLEL_SEQ", seq, seq, (COUNT, of))
        }
        None => Err(ShardError::NoScheduler),
    }
}

/// Array tasks may begin anywhere, and in steps: `--array=10-40:10`.
fn of_array(variable: Variable<'_>) -> Result<Shard, ShardError> {
    const ID: &str = "SLURM_ARRAY_TASK_ID";
    const COUNT: &str = "SLURM_ARRAY_TASK_COUNT";
    const ARRAY: &str = "start the task with sbatch --array=1-N";
    let need = |name| needed(ID, name, ARRAY, variable);
    let (id, first, of) = (need(ID)?, need("SLURM_ARRAY_TASK_MIN")?, need(COUNT)?);
    let step = number("SLURM_ARRAY_TASK_STEP", variable)?
        .unwrap_or(1)
        .max(1);
    let wrong = |problem: &str| ShardError::Variable {
        name: ID,
        value: id.to_string(),
        problem: problem.to_owned(),
    };
    let after = id
        .checked_sub(first)
        .ok_or_else(|| wrong("below SLURM_ARRAY_TASK_MIN"))?;
    if after % step != 0 {
        return Err(wrong("not one of the array's steps; use --array=1-N"));
    }
    within(ID, id, (after / step).saturating_add(1), (COUNT, of))
}

fn within(
    name: &'static str,
    value: u32,
    index: u32,
    (count, of): (&'static str, u32),
) -> Result<Shard, ShardError> {
    Shard::new(index, of).map_err(|_| ShardError::Variable {
        name,
        value: value.to_string(),
        problem: format!("but {count} is {of}; shards need consecutive numbers, without gaps"),
    })
}

fn needed(
    set: &'static str,
    missing: &'static str,
    remedy: &'static str,
    variable: Variable<'_>,
) -> Result<u32, ShardError> {
    number(missing, variable)?.ok_or(ShardError::Missing {
        set,
        missing,
        remedy,
    })
}

fn number(name: &'static str, variable: Variable<'_>) -> Result<Option<u32>, ShardError> {
    let Some(value) = variable(name) else {
        return Ok(None);
    };
    let wrong = |error: &dyn Display| ShardError::Variable {
        name,
        value: value.clone(),
        problem: format!("which is not the number of a task ({error})"),
    };
    value.parse().map(Some).map_err(|error| wrong(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scheduled(variables: &[(&str, &str)]) -> Result<Scheduled, ShardError> {
        let variable = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Scheduled::of(None, false, &variable)
    }

    fn shard(variables: &[(&str, &str)]) -> Result<String, ShardError> {
        Ok(scheduled(variables)?.shard.to_string())
    }

    const ARRAY: [(&str, &str); 4] = [
        ("SLURM_ARRAY_TASK_ID", "12"),
        ("SLURM_ARRAY_TASK_MIN", "10"),
        ("SLURM_ARRAY_TASK_MAX", "13"),
        ("SLURM_ARRAY_TASK_COUNT", "4"),
    ];
    const TASKS: [(&str, &str); 2] = [("SLURM_PROCID", "0"), ("SLURM_NTASKS", "4")];
    const JOB: [(&str, &str); 2] = [("JOB_COMPLETION_INDEX", "3"), ("TOLLGATE_SHARDS", "4")];
    const PARALLEL: [(&str, &str); 2] = [("PARALLEL_SEQ", "4"), ("TOLLGATE_SHARDS", "4")];

    #[test]
    fn each_scheduler_has_its_own_variables() {
        assert_eq!(shard(&ARRAY).unwrap(), "3/4");
        assert_eq!(shard(&TASKS).unwrap(), "1/4");
        assert_eq!(shard(&JOB).unwrap(), "4/4");
        assert_eq!(shard(&PARALLEL).unwrap(), "4/4");
        let all = [&ARRAY[..], &TASKS, &JOB, &PARALLEL].concat();
        assert_eq!(shard(&all).unwrap(), "3/4");
        assert_eq!(shard(&all[4..]).unwrap(), "1/4");
        assert_eq!(shard(&all[6..]).unwrap(), "4/4");
    }

    #[test]
    fn an_array_may_go_in_steps_but_has_no_gaps() {
        let stepped = |id, step| {
            let mut array = ARRAY.to_vec();
            array[0].1 = id;
            array.push(("SLURM_ARRAY_TASK_STEP", step));
            shard(&array)
        };
        assert_eq!(stepped("40", "10").unwrap(), "4/4");
        for (id, step) in [("41", "10"), ("50", "10"), ("9", "1"), ("14", "1")] {
            let error = stepped(id, step).unwrap_err().to_string();
            assert!(error.contains("SLURM_ARRAY_TASK_ID"), "{error}");
        }
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        for variables in [&ARRAY[..], &TASKS, &JOB, &PARALLEL] {
            for (left_out, (name, _)) in variables.iter().enumerate().skip(1) {
                // The last number of an array is not needed.
                if *name == "SLURM_ARRAY_TASK_MAX" {
                    continue;
                }
                let mut fewer = variables.to_vec();
                fewer.remove(left_out);
                let error = shard(&fewer).unwrap_err().to_string();
                assert!(error.contains(&format!("but {name} is not")), "{error}");
            }
            for bad in ["", "x", "-1", "4294967296"] {
                let mut wrong = variables.to_vec();
                wrong[0].1 = bad;
                let error = shard(&wrong).unwrap_err().to_string();
                assert!(error.contains(wrong[0].0), "{error}");
            }
            let mut beyond = variables.to_vec();
            beyond[0].1 = "99";
            let error = shard(&beyond).unwrap_err().to_string();
            assert!(error.contains(beyond[0].0), "{error}");
        }
        assert_eq!(shard(&[]), Err(ShardError::NoScheduler));
    }

    #[test]
    fn a_start_has_its_job_and_hides_its_node() {
        let more = [
            ("SLURM_JOB_ID", "77"),
            ("SLURMD_NODENAME", "rack-7"),
            ("SLURM_RESTART_COUNT", "2"),
        ];
        let start = scheduled(&[&TASKS[..], &more].concat()).unwrap();
        let [start] = start.starts.try_into().unwrap();
        assert_eq!(start.ids["SLURM_JOB_ID"], "77");
        assert_eq!(start.restarts, 2);
        assert!(!start.node.unwrap().contains("rack"));
    }
}
