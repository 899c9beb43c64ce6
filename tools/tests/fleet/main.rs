//! Many machines, one table: shards, and their union.
#![allow(clippy::unwrap_used, reason = "a test may stop anywhere")]

#[path = "../common/mod.rs"]
mod common;

mod export;
mod made_up;
mod merge;
mod shards;
mod slurm;
