//! Boots one kernel image and says how it ended.
//!
//! Every engine takes a [`BootSpec`] and gives back a [`BootOutcome`], so that a
//! target can be moved from one engine to another without touching anything else.

mod boot;
pub mod panic;

pub use boot::{BootOutcome, BootSpec, End, Timings};
