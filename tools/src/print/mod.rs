//! What commands print, as text: pure functions.

pub mod boot;
pub mod compare;
pub mod doctor;
pub mod environment;
pub mod probes;
pub mod run;
pub mod trace;
