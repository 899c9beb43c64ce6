//! What `guest-bench` prints and the host reads back: one record a line, fields
//! separated by tabs, so that it survives a serial console and a human eye.
//!
//! ```text
//! --- 8< ---
//! CONFIG_WARMUP=y
//! CONFIG_NB_ROUNDS=20
//! --- >8 ---
//! tollgate  2  precise
//! meta      syscall_500  noop
//! slope     scall  0  16  64  8450  128  16770  1521  1520
//! end       5  3f1b02aa
//! ```
//!
//! The header is the original EuroSys'21 program's. Every record is an integer
//! measurement; no division happens before the host's `eval`. The closing record
//! counts the lines before it, header included, and carries their CRC-32, so that
//! a log that lost or changed anything is noticed. `docs/FORMATS.md` describes
//! each field.
//!
//! The crate is `no_std`, allocates nothing and avoids `core::fmt`'s machinery:
//! the guest's image must hold no relocation that a loader would have to apply.
#![no_std]

mod benchmark;
mod closing;
mod encoder;
mod mark;
mod record;

pub use benchmark::{Benchmark, Disturbance, Method, NOOP_ANSWER, NOOP_SYSCALL};
pub use closing::Closing;
pub use encoder::Encoder;
pub use mark::{MARK_OPCODE, mark_begin, mark_end};
pub use record::{Batch, Clock, Disturbed, Quad, Record, RecordError, Slope};

/// First line of the header, as the original program prints it.
pub const HEADER_BEGIN: &str = "--- 8< ---";
/// Last line of the header.
pub const HEADER_END: &str = "--- >8 ---";
/// Prefix of the header's `NAME=value` lines.
pub const CONFIG_PREFIX: &str = "CONFIG_";
/// Version of the records after the header; it changes whenever their meaning does.
pub const FORMAT_VERSION: u64 = 2;

/// As many samples as a boot can hold: the guest keeps them in memory.
pub const MAX_SAMPLES: u64 = 65_536;
/// As many rounds as a boot can hold, for the same reason.
pub const MAX_ROUNDS: u64 = 4096;
