//! The stages of a run: boots, parse, process, report; and compare, which looks at two runs.
//! Each can be done again alone from the files of the one before.

pub mod compare;
pub mod parse;
pub mod process;
pub mod report;
pub mod run;
