//! Finds out which system calls a program needs, and which ones an operating system can leave
//! out.
//!
//! The program's own test runs again and again, each time without one call: refused
//! ([`Mode::Stub`]), or answered with 0 ([`Mode::Fake`]) or with something likelier
//! ([`Mode::Plausible`]) and not done. Where the test still passes, the program works without
//! that call.

mod accounting;
pub mod budget;
mod call;
pub mod coverage;
pub mod database;
pub mod diff;
pub mod emit;
pub mod explore;
mod feature;
mod filter;
pub mod generate;
mod lines;
mod need;
mod notify;
pub mod package;
pub mod packages;
pub mod plan;
mod plausible;
pub mod plots;
mod ready;
pub mod recipe;
pub mod result;
pub mod root;
mod run;
mod sandbox;
pub mod search;
mod seen;
pub mod sqlite;
pub mod static_binary;
pub mod static_source;
mod text;
mod verdict;

pub use call::{Arch, Call, UnknownCall};
pub use feature::{Feature, Part, UnknownFeature};
pub use need::Need;
pub use plausible::Plausible;
pub use ready::{NotReady, Ready};
pub use sandbox::SandboxError;
pub use text::text;
pub use verdict::{Mode, Outcome, Phase, Verdict};
