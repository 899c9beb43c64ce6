//! This machine: its files, CPUs and counter, what Linux shows in /proc and /sys, whether it is
//! fit for measuring, and how to tune it.

pub mod bpf;
pub mod core_clock;
pub mod core_files;
mod cpu_time;
pub mod cpus;
pub mod doctor;
#[cfg(any(test, feature = "fake"))]
pub mod fake;
pub mod files;
pub mod holders;
pub mod interrupt;
pub mod kvm;
pub mod machine;
pub mod measuring_cpus;
pub mod perf_events;
pub mod process;
mod process_stat;
pub mod program;
pub mod tool;
pub mod tree;
mod trust;
pub mod tsc;
pub mod tune;
