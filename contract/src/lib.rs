//! What guest and host agree on, defined once for both ends: the benchmarks, the facts of a
//! boot, the methods, the disturbances, the system calls under test, the ports, and the
//! console's format.
//!
//! Each table is a macro. The guest gets functions without a table of pointers; the host gets
//! the same functions and lists of all rows.
//!
//! The console's format has one record per line, with fields separated by tabs, so that it
//! survives a serial console and people can read it:
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
//! The header is the original EuroSys'21 program's. Every record is an integer measurement; the
//! first division happens in the host's `eval`. The closing record counts the lines before it,
//! including the header, and has their CRC-32, which reveals a log that lost or changed
//! anything. `docs/FORMATS.md` describes each field.
//!
//! The crate is `no_std`, does not allocate, and avoids `core::fmt`'s machinery: the guest's
//! image must not contain relocations, which a loader would have to apply.
#![no_std]

mod benchmark;
mod closing;
mod disturbance;
mod encoder;
mod fact;
mod mark;
mod method;
mod names;
pub mod ports;
mod record;
mod system_call;
mod tried;
mod tsc;
mod watch;

pub use benchmark::{Benchmark, Operation, SystemCall};
pub use closing::Closing;
pub use disturbance::Disturbance;
pub use encoder::Encoder;
pub use fact::Fact;
pub use mark::{MARK_OPCODE, mark_begin, mark_end};
pub use method::Method;
pub use record::{Batch, CallTried, Clock, Disturbed, Quad, Record, RecordError, Slope};
pub use system_call::{Answer, ENOSYS, NOOP_ANSWER, is_error};
pub use tried::{CALLS, EXIT_STATUS, Tried};
pub use tsc::{Leaf, in_virtual_machine, tsc_hz, tsc_step};
pub use watch::{
    RefusedWatch, TimedOperation, WATCHES_MARK, Watch, WatchKind, WatchProgram, WatchRuns,
    WatchSite, WatchState, WatchedSlope,
};

/// First line of the header, as the original program prints it.
pub const HEADER_BEGIN: &str = "--- 8< ---";
/// Last line of the header.
pub const HEADER_END: &str = "--- >8 ---";
/// Prefix of the header's `NAME=value` lines.
pub const CONFIG_PREFIX: &str = "CONFIG_";
/// Version of the records after the header; it changes whenever their meaning does.
pub const FORMAT_VERSION: u64 = 2;

/// The most samples per boot: the guest keeps them in memory.
pub const MAX_SAMPLES: u64 = 65_536;
/// The most rounds per boot, for the same reason.
pub const MAX_ROUNDS: u64 = 4096;
