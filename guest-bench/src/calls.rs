//! Tries every system call, to see which of them the kernel has.
//!
//! Each line is written before the next call, so that a machine's end shows which call ended it.

use core::fmt;

use contract::{CALLS, CallTried, Encoder, Tried};
use guest_bench::CallSet;

use crate::console::{Console, Log};
use crate::machine::Status;
use crate::take_once::TakeOnce;
use crate::trial::{self, Processes, Scratch};

static SCRATCH: TakeOnce<Scratch> = TakeOnce::new([0; 8192]);

/// Tries all calls except these, and prints what became of each.
pub fn try_all(skip: &CallSet, console: &mut Console) -> Status {
    let Some(scratch) = SCRATCH.take() else {
        return Status::Broken;
    };
    match print(skip, scratch, Encoder::new(console)) {
        Ok(()) => Status::Done,
        Err(fmt::Error) => Status::OutputFailed,
    }
}

fn print(skip: &CallSet, scratch: &mut Scratch, mut log: Log<'_>) -> fmt::Result {
    let processes = Processes::find();
    for number in 0..CALLS {
        let tried = if skip.contains(number) {
            CallTried {
                number,
                tried: Tried::Skipped,
                detail: 0,
            }
        } else {
            trial::of(number, processes, scratch)
        };
        log.call(&tried)?;
        log.writer().flush();
    }
    log.end().map(|_| ())
}
