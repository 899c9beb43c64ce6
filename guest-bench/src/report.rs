//! Prints the log: header, facts, samples, closing record.

use core::fmt;

use contract::{Benchmark, Encoder, HEADER_BEGIN, HEADER_END, Method};
use guest_bench::Options;

use crate::bodies;
use crate::console::Console;
use crate::counter::Counter;
use crate::facts;
use crate::machine::Status;
use crate::store::{Entry, Store};

/// Turns of each benchmark's loop, as the calibration found them.
pub struct Turns {
    pub scall: Option<u64>,
    pub fcall: Option<u64>,
    pub fcall_chain: Option<u64>,
}

impl Turns {
    /// The methods of the paper and of whole instructions do not calibrate.
    pub fn none() -> Self {
        Self {
            scall: None,
            fcall: None,
            fcall_chain: None,
        }
    }
}

/// What a boot has found out.
pub struct Found {
    /// What system call 500 answers.
    pub answer: Benchmark,
    /// None where the counter counts instructions: it has no step and waits for nothing.
    pub counter: Option<Counter>,
    pub turns: Turns,
    pub store: Store,
}

/// Prints everything; the closing record comes last.
pub fn write(console: &mut Console, options: &Options, found: &Found, is_init: bool) -> Status {
    let mut log = Encoder::new(console);
    let done = head(&mut log, options, found)
        .and_then(|()| {
            if is_init {
                facts::write(&mut log)
            } else {
                Ok(())
            }
        })
        .and_then(|()| entries(&mut log, &found.store))
        .and_then(|()| log.end().map(|_| ()));
    match done {
        Ok(()) => Status::Done,
        Err(fmt::Error) => Status::OutputFailed,
    }
}

/// Prints an empty header and an error record instead of results.
pub fn complain(console: &mut Console, status: Status, words: &[&str]) -> Status {
    for line in [HEADER_BEGIN, HEADER_END] {
        console.text(line);
        console.text("\n");
    }
    console.text("error\t");
    for (i, word) in words.iter().enumerate() {
        if i > 0 {
            console.text(": ");
        }
        console.text(word);
    }
    console.text("\n");
    status
}

type Log<'c> = Encoder<&'c mut Console>;

fn head(log: &mut Log<'_>, options: &Options, found: &Found) -> fmt::Result {
    let iterations = (options.method == Method::Paper).then_some(options.iterations);
    log.header(options.warmup, options.rounds, iterations)?;
    log.format(options.method)?;
    log.meta("guest_bench", env!("CARGO_PKG_VERSION"))?;
    log.meta(
        "syscall_500",
        match found.answer {
            Benchmark::Enosys => "enosys",
            _ => "noop",
        },
    )?;
    if options.method == Method::Precise {
        log.meta_number("samples_per_round", options.samples)?;
        log.meta_number("batch_ticks", options.batch_ticks)?;
        log.meta_number("copies", bodies::COPIES)?;
        log.meta_number("chain_ops", bodies::CHAIN_OPS)?;
    }
    if let Some(counter) = &found.counter {
        self::counter(log, counter)?;
    }
    turns(log, &found.turns)
}

fn counter(log: &mut Log<'_>, counter: &Counter) -> fmt::Result {
    log.meta_number("tsc_step", counter.step)?;
    log.meta_number("fence_ops", bodies::FENCE_OPS)?;
    log.meta_number("fenced_ticks", counter.fenced)?;
    log.meta_number("unfenced_ticks", counter.unfenced)?;
    if counter.khz > 0 {
        log.meta_number("tsc_khz", counter.khz)?;
    }
    Ok(())
}

fn turns(log: &mut Log<'_>, turns: &Turns) -> fmt::Result {
    if let Some(turns) = turns.scall {
        log.meta_number("turns_scall", turns)?;
    }
    if let Some(turns) = turns.fcall {
        log.meta_number("turns_fcall", turns)?;
    }
    if let Some(turns) = turns.fcall_chain {
        log.meta_number("turns_fcall_chain", turns)?;
    }
    Ok(())
}

fn entries(log: &mut Log<'_>, store: &Store) -> fmt::Result {
    for entry in store.iter() {
        match entry {
            Entry::Batch(batch) => log.batch(batch)?,
            Entry::Slope(slope) => log.slope(slope)?,
            Entry::Quad(quad) => log.quad(quad)?,
            Entry::Clock(clock) => log.clock(clock)?,
            Entry::Disturbed(disturbed) => log.disturbed(disturbed)?,
        }
    }
    Ok(())
}
