//! What may depend on what: crates as DESIGN has them, and no modules in a circle.

#![allow(clippy::unwrap_used, reason = "a test may stop anywhere")]

mod crates;
mod modules;
mod paths;
