//! Rules of the architecture: dependencies between crates, no cycles between modules, and
//! short commands.

#![allow(clippy::unwrap_used, reason = "a test may stop anywhere")]

mod commands;
mod crates;
mod modules;
mod paths;
mod readers;
