//! A part of an experiment's boots, for one task of a scheduler.

mod scheduler;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

pub use self::scheduler::{Scheduled, Start};

/// Shard `index` of `of`, from 1: whole blocks of boots, never some of the targets, because then
/// a slow target and a slow machine would look alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shard {
    /// Which one, from 1.
    pub index: u32,
    /// The number of shards.
    pub of: u32,
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.of)
    }
}

impl FromStr for Shard {
    type Err = ShardError;

    fn from_str(text: &str) -> Result<Self, ShardError> {
        let syntax = || ShardError::Syntax(text.to_owned());
        let (index, of) = text.split_once('/').ok_or_else(syntax)?;
        let number = |text: &str| text.parse::<u32>().map_err(|_| syntax());
        Self::new(number(index)?, number(of)?)
    }
}

impl Shard {
    /// Shard `index` of `of`.
    ///
    /// # Errors
    ///
    /// The number is not from 1 to `of`.
    pub fn new(index: u32, of: u32) -> Result<Self, ShardError> {
        if (1..=of).contains(&index) {
            Ok(Self { index, of })
        } else {
            Err(ShardError::OutOfRange { index, of })
        }
    }

    /// Whether a block of boots, counted from 0, is in this shard.
    pub fn has(self, block: u32) -> bool {
        block % self.of == self.index - 1
    }

    /// Checks that it has at least one of this number of blocks.
    ///
    /// # Errors
    ///
    /// The experiment has fewer blocks than shards.
    pub fn check(self, blocks: u32) -> Result<(), ShardError> {
        if self.of <= blocks {
            Ok(())
        } else {
            Err(ShardError::TooMany {
                of: self.of,
                blocks,
            })
        }
    }
}

/// Why a shard cannot be run.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShardError {
    /// Not of the form `I/N`.
    #[error("{0:?} is not a shard; write it like 2/8, or auto")]
    Syntax(String),
    /// Not from 1 to the number of shards.
    #[error("shard {index} of {of} does not exist; shards are counted from 1 to {of}")]
    OutOfRange {
        /// Which one.
        index: u32,
        /// The number of shards.
        of: u32,
    },
    /// A shard would be empty.
    #[error(
        "the experiment has {blocks} blocks (a block boots every target once), so {of} shards \
         would leave some empty; use at most {blocks} shards, or raise `boots` in the experiment"
    )]
    TooMany {
        /// The number of shards.
        of: u32,
        /// The number of blocks.
        blocks: u32,
    },
    /// The variables of a scheduler are missing.
    #[error(
        "--shard auto needs a scheduler's variables, but none is set: SLURM_ARRAY_TASK_ID \
         (sbatch --array), SLURM_PROCID (srun), JOB_COMPLETION_INDEX (a Kubernetes Indexed Job) \
         or PARALLEL_SEQ (GNU parallel); write --shard I/N instead"
    )]
    NoScheduler,
    /// A variable is not set.
    #[error("--shard auto: {set} is set, but {missing} is not; {remedy}")]
    Missing {
        /// What the scheduler set.
        set: &'static str,
        /// What is missing.
        missing: &'static str,
        /// How to set it.
        remedy: &'static str,
    },
    /// A variable has an invalid value.
    #[error("--shard auto: {name} is {value:?}, {problem}")]
    Variable {
        /// Its name.
        name: &'static str,
        /// Its value.
        value: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The existing run is that of another shard.
    #[error("this run is {then}, not {now}; leave out --shard, or name another folder with --run")]
    Another {
        /// The run's shard.
        then: String,
        /// The requested shard.
        now: Shard,
    },
    /// The experiment names a CPU that this task may not use.
    #[error(
        "the experiment pins target {target:?} to CPU {cpu}, but this task may only run on \
         {allowed:?}; remove `pin` to let tollgate choose one of these"
    )]
    Pinned {
        /// The target.
        target: String,
        /// The CPU.
        cpu: usize,
        /// The CPUs that sched_getaffinity(2) allows.
        allowed: Vec<usize>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_shard_is_two_numbers() {
        assert_eq!("2/8".parse(), Ok(Shard { index: 2, of: 8 }));
        for text in ["", "2", "/", "2/", "/8", "a/8", "-1/8", "2/8/9", "2 / 8"] {
            let error = text.parse::<Shard>().unwrap_err();
            assert_eq!(error, ShardError::Syntax(text.into()));
        }
        for text in ["0/8", "9/8", "0/0", "1/0"] {
            let error = text.parse::<Shard>().unwrap_err();
            assert!(matches!(error, ShardError::OutOfRange { .. }), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_block_is_in_one_shard_and_no_shard_is_empty(of in 1u32..50, more in 0u32..50) {
            let blocks = of + more;
            for block in 0..blocks {
                let with = |index| Shard::new(index, of).unwrap().has(block);
                prop_assert_eq!((1..=of).filter(|index| with(*index)).count(), 1);
            }
            for index in 1..=of {
                let shard = Shard::new(index, of).unwrap();
                prop_assert!(shard.check(blocks).is_ok());
                prop_assert!((0..blocks).any(|block| shard.has(block)));
            }
            let shard = Shard::new(1, of).unwrap();
            prop_assert!(shard.check(of - 1).is_err());
        }
    }
}
