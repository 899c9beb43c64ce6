//! The part of the benchmark that does not need a machine of its own, so that it can be tested
//! like any other library.
#![no_std]

mod answers;
mod benchmarks;
mod call_set;
pub mod options;

pub use answers::Answers;
pub use benchmarks::Benchmarks;
pub use call_set::CallSet;
pub use options::{BadOption, Options};
