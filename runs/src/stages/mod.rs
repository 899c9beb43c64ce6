//! The stages of a run: boots, parse, process, report; and compare, which reads two runs. Each
//! can be run again on its own from the files of the previous one.

pub mod compare;
pub mod export;
pub mod parse;
pub mod process;
pub mod report;
pub mod run;
