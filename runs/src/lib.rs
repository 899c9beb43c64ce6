//! Runs experiments: engines boot the targets, run folders keep the results and the
//! environment, stages turn them into tables and plots, and traces show single crossings.

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
