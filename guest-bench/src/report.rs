//! Prints the log: header, facts, samples, closing record.

use core::fmt;

use contract::{Benchmark, Encoder, Fact, HEADER_BEGIN, HEADER_END, Method};
use guest_bench::{Answers, Options};

use crate::bodies;
use crate::console::{Console, Log};
use crate::counter::Counter;
use crate::facts;
use crate::machine::Status;
use crate::store::{Entry, Store};

/// Turns of each benchmark's loop, as calibrated. (The paper's and the exact method do not
/// calibrate.)
#[derive(Default)]
pub struct Turns([Option<u64>; Benchmark::ALL.len()]);

impl Turns {
    pub fn set(&mut self, benchmark: Benchmark, turns: u64) {
        if let Some(slot) = self.0.get_mut(benchmark as usize) {
            *slot = Some(turns);
        }
    }

    pub fn of(&self, benchmark: Benchmark) -> Option<u64> {
        *self.0.get(benchmark as usize)?
    }
}

/// The results of a boot.
pub struct Found {
    /// The answers of the system calls under test.
    pub answers: Answers,
    /// `None` if the counter counts instructions: then it has no step and waits for nothing.
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

fn head(log: &mut Log<'_>, options: &Options, found: &Found) -> fmt::Result {
    let iterations = (options.method == Method::Paper).then_some(options.iterations);
    log.header(options.warmup, options.rounds, iterations)?;
    log.format(options.method)?;
    log.fact(Fact::GuestBench, env!("CARGO_PKG_VERSION"))?;
    for (call, answer) in found.answers.iter() {
        log.answer(call, answer)?;
    }
    if options.method == Method::Precise {
        log.fact_number(Fact::SamplesPerRound, options.samples)?;
        log.fact_number(Fact::BatchTicks, options.batch_ticks)?;
        log.fact_number(Fact::Copies, bodies::COPIES)?;
        log.fact_number(Fact::ChainOps, bodies::CHAIN_OPS)?;
    }
    if let Some(counter) = &found.counter {
        counter.write(log)?;
    }
    for benchmark in Benchmark::ALL {
        if let Some(turns) = found.turns.of(benchmark) {
            log.fact_number_for(Fact::Turns, benchmark.name(), turns)?;
        }
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
