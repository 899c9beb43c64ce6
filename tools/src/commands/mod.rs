//! One file a command.

pub mod boot;
pub mod doctor;
pub mod initramfs;
pub mod parse;
pub mod process;
pub mod report;
pub mod run;
pub mod stats;
