//! What is measured, and how: engines boot the targets of experiments, run folders keep what
//! came of it, with the environment in which it came, stages turn it into tables and plots, and
//! traces show single crossings.

pub mod calls;
pub mod companions;
pub mod engine;
pub mod environment;
pub mod experiment;
pub mod merge;
pub mod run;
pub mod schedule;
pub mod shard;
pub mod stages;
pub mod trace;
