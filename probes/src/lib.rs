//! What does watching a crossing cost? Attaches programs, times operations with and without
//! them, and detaches.
//!
//! ```text
//! Order (words) ─ Matrix of watches ─▶ measure::all ─▶ records of `contract`
//!   programs (assembled here) ─ attach::Loaded ─ Attached, until dropped
//! ```
//!
//! Everything is done by bpf(2) and perf_event_open(2): vendored libbpf does not build for
//! musl, and aya loads ELF objects and attaches neither kprobe.multi nor uprobe.multi (0.14).

mod assembler;
pub mod attach;
mod btf;
pub mod check;
pub mod measure;
pub mod order;
mod programs;
pub mod refusal;
mod ring;
pub mod sites;
mod sys;
mod timed;

pub use programs::assembled;
pub use sys::mount;
