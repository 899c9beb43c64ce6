//! The part of the benchmark that needs no machine of its own, so that it can be
//! tested like any other library.
#![no_std]

pub mod options;

pub use options::{BadOption, Options};
