//! `tollgate tune` and `run --tune`, on machines that are folders.
#![allow(clippy::unwrap_used, reason = "a test may stop anywhere")]

#[path = "../common/mod.rs"]
mod common;

mod apply;
mod disk;
mod journal;
mod machine;
mod run;
mod shown;
mod signals;
mod users;
