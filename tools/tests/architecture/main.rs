//! What may depend on what: crates as DESIGN has them, no modules in a circle, and short
//! commands.

#![allow(clippy::unwrap_used, reason = "a test may stop anywhere")]

mod commands;
mod crates;
mod modules;
mod paths;
mod readers;
