//! From console logs to numbers that a reader can use.
//!
//! ```text
//! bytes of a console ─ log::parse ─▶ Log
//!   Log ─ samples::of_log ─▶ Sample … ─ Writer / Reader ─▶ samples.csv
//!   Log ─ quads::of_log ─▶ RunQuad … ─ write_csv / read_csv ─▶ counts.csv, quads.csv
//!   Log ─ watches::of_log ─▶ RunWatch … ─ write_csv / read_csv ─▶ watches.csv
//!   Sample … ─ Levels ─▶ target × benchmark × boot, and so RunQuad … ─▶ Counts
//!   Levels, Counts ─ summary::summarize ─▶ Summary ─▶ summary.csv, summary.json
//!   Summary ─ table::{text, markdown, latex, terminal}, plot::{comparison, ratio}
//!   Summary, Levels, boots ─ plot::{distribution, boots}, report::html
//! ```
//!
//! Everything is a function of bytes and structs; only the edges take an [`std::io::Read`] or
//! [`std::io::Write`]. Nothing here depends on how a target is booted, and nothing is rounded
//! before it is printed.

pub mod bare;
pub mod boot;
pub mod calls;
pub mod compare;
pub mod counts;
pub mod crossing;
mod digits;
pub mod export;
pub mod facts;
pub mod levels;
pub mod log;
pub mod method_checks;
mod names;
mod parallel;
pub mod plot;
pub mod quads;
pub mod reference;
pub mod report;
pub mod rounds;
pub mod samples;
pub mod stats;
pub mod summary;
pub mod table;
pub mod units;
pub mod verdict;
pub mod watches;

pub use contract::{Benchmark, Method};
