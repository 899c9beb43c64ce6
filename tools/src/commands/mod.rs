//! One file a command.

pub mod boot;
pub mod compare;
pub mod completions;
pub mod diff_env;
pub mod doctor;
pub mod initramfs;
pub mod man;
pub mod parse;
pub mod process;
pub mod report;
pub mod run;
pub mod stats;
pub mod trace;
pub mod tune;
pub mod usage;
