//! `report.html`: complete and harmless as text, and as a real browser shows it.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../common/mod.rs"]
mod common;

mod browser;
mod fabricated;
mod page;
mod rendered;
