use core::fmt;

use crate::{
    Benchmark, Disturbance, FORMAT_VERSION, Method, RefusedWatch, TimedOperation, Tried, Watch,
    WatchKind, WatchProgram, WatchRuns, WatchSite, WatchState, WatchedSlope,
};

/// One sample of the paper's method: one timed batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batch {
    /// What was timed.
    pub benchmark: Benchmark,
    /// Round, from 0.
    pub round: u64,
    /// Operations in the batch; 0 for [`Benchmark::Tsc`], an empty measurement.
    pub ops: u64,
    /// TSC ticks for all of them.
    pub ticks: u64,
}

/// One sample of the precise method: a batch of n copies, then one of 2n, with the same number
/// of turns of the loop around them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slope {
    /// What was timed.
    pub benchmark: Benchmark,
    /// Round, from 0.
    pub round: u64,
    /// Offset of the loops' bodies from the start of a cache line, in bytes.
    pub align: u64,
    /// Operations in the first batch; 0 for [`Benchmark::Tsc`].
    pub ops_n: u64,
    /// TSC ticks of the first batch.
    pub ticks_n: u64,
    /// Operations in the second batch; 0 for [`Benchmark::Tsc`].
    pub ops_2n: u64,
    /// TSC ticks of the second batch.
    pub ticks_2n: u64,
    /// TSC ticks of the clock chain before the sample.
    pub chain_before: u64,
    /// TSC ticks of the clock chain after it.
    pub chain_after: u64,
}

/// Four batches: n and 2n copies of an operation in the loop's body, each in t and 2t turns.
/// The costs of the loop, its padding and the measurement itself cancel in T(2n, 2t) − T(2n, t)
/// − T(n, 2t) + T(n, t), which is exactly t · n operations.
///
/// A sample of the exact method; in the precise method, a check of the slope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quad {
    /// What was timed or counted.
    pub benchmark: Benchmark,
    /// Round, from 0.
    pub round: u64,
    /// Offset of the loops' bodies from the start of a cache line, in bytes.
    pub align: u64,
    /// n.
    pub copies: u64,
    /// t.
    pub turns: u64,
    /// T(n, t), in ticks of the counter.
    pub ticks_n_t: u64,
    /// T(n, 2t).
    pub ticks_n_2t: u64,
    /// T(2n, t).
    pub ticks_2n_t: u64,
    /// T(2n, 2t).
    pub ticks_2n_2t: u64,
}

/// Both clock chains, once per round: they take the same number of core cycles, so that their
/// ticks differ only on a core that does not take 3 cycles for a multiplication and 1 for an
/// addition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    /// Round, from 0.
    pub round: u64,
    /// TSC ticks of `chain_ops` dependent multiplications.
    pub imul_ticks: u64,
    /// TSC ticks of three times as many dependent additions.
    pub add_ticks: u64,
}

/// How often the program lost the processor in a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disturbed {
    /// Round, from 0.
    pub round: u64,
    /// What.
    pub by: Disturbance,
    /// How often, or for how long, in the disturbance's unit.
    pub amount: u64,
}

/// What became of a system call that was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallTried {
    /// Its number.
    pub number: u64,
    /// What became of it.
    pub tried: Tried,
    /// The error's or the signal's number; otherwise 0.
    pub detail: u64,
}

/// One of our lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Record<'a> {
    /// The first record, with the method.
    Format(Method),
    /// A fact about this boot.
    Meta {
        /// Its name.
        key: &'a str,
        /// Its value.
        value: &'a str,
    },
    /// A sample of the paper's method.
    Batch(Batch),
    /// A sample of the precise method.
    Slope(Slope),
    /// A sample of the exact method, or a check of the precise method's slope.
    Quad(Quad),
    /// Both clock chains of a round.
    Clock(Clock),
    /// A disturbance in a round.
    Disturbed(Disturbed),
    /// A system call that was tried, in a boot that does nothing else.
    Call(CallTried),
    /// A watch, with its number in the boot.
    Watch(u64, Watch),
    /// One slope of a watch.
    Watched(WatchedSlope),
    /// How often a watch's program ran.
    Runs(WatchRuns),
    /// A watch that the kernel refused.
    Refused(RefusedWatch<'a>),
    /// What went wrong in the guest.
    Error(&'a str),
    /// The last record: the number of lines before it, and their checksum.
    End {
        /// Lines before this one.
        lines: u64,
        /// Their CRC-32.
        crc: u32,
    },
}

/// Why a line that begins like a record is not one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordError<'a> {
    /// It has too few or too many fields.
    FieldCount {
        /// How many it has.
        found: usize,
    },
    /// A field has a wrong value.
    Field {
        /// The field's name.
        name: &'static str,
        /// Its value.
        value: &'a str,
    },
    /// Written by another version of the program.
    Version(&'a str),
}

impl fmt::Display for RecordError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FieldCount { found } => {
                write!(f, "a record of this kind cannot have {found} fields")
            }
            Self::Field { name, value } => write!(f, "the field `{name}` cannot be {value:?}"),
            Self::Version(v) => write!(
                f,
                "it has format version {v:?}, but this tool reads version {FORMAT_VERSION}"
            ),
        }
    }
}

impl core::error::Error for RecordError<'_> {}

impl<'a> Record<'a> {
    /// Reads a line, given without its line ending. `None`: the line is not ours.
    pub fn parse(line: &'a str) -> Option<Result<Self, RecordError<'a>>> {
        let (tag, rest) = line.split_once('\t')?;
        let read = match tag {
            "tollgate" => format,
            "meta" => meta,
            "batch" => batch,
            "slope" => slope,
            "quad" => quad,
            "clock" => clock,
            "disturbed" => disturbed,
            "call" => call,
            "watch" => watch,
            "watched" => watched,
            "runs" => runs,
            "refused" => refused,
            "error" => error,
            "end" => end,
            _ => return None,
        };
        Some(read(rest))
    }
}

type Parsed<'a> = Result<Record<'a>, RecordError<'a>>;

fn format(rest: &str) -> Parsed<'_> {
    // The version comes first, because another version may have other fields.
    let (version, method) = rest.split_once('\t').unwrap_or((rest, ""));
    if number("version", version) != Ok(FORMAT_VERSION) {
        return Err(RecordError::Version(version));
    }
    Method::from_name(method)
        .map(Record::Format)
        .ok_or(RecordError::Field {
            name: "method",
            value: method,
        })
}

fn meta(rest: &str) -> Parsed<'_> {
    let [key, value] = fields(rest)?;
    Ok(Record::Meta { key, value })
}

fn batch(rest: &str) -> Parsed<'_> {
    let [name, round, ops, ticks] = fields(rest)?;
    Ok(Record::Batch(Batch {
        benchmark: benchmark(name)?,
        round: number("round", round)?,
        ops: number("ops", ops)?,
        ticks: number("ticks", ticks)?,
    }))
}

fn slope(rest: &str) -> Parsed<'_> {
    let [
        name,
        round,
        align,
        ops_n,
        ticks_n,
        ops_2n,
        ticks_2n,
        before,
        after,
    ] = fields(rest)?;
    Ok(Record::Slope(Slope {
        benchmark: benchmark(name)?,
        round: number("round", round)?,
        align: number("align", align)?,
        ops_n: number("ops_n", ops_n)?,
        ticks_n: number("ticks_n", ticks_n)?,
        ops_2n: number("ops_2n", ops_2n)?,
        ticks_2n: number("ticks_2n", ticks_2n)?,
        chain_before: number("chain_before", before)?,
        chain_after: number("chain_after", after)?,
    }))
}

fn quad(rest: &str) -> Parsed<'_> {
    let [
        name,
        round,
        align,
        copies,
        turns,
        n_t,
        n_2t,
        twice_t,
        twice_2t,
    ] = fields(rest)?;
    Ok(Record::Quad(Quad {
        benchmark: benchmark(name)?,
        round: number("round", round)?,
        align: number("align", align)?,
        copies: number("copies", copies)?,
        turns: number("turns", turns)?,
        ticks_n_t: number("ticks_n_t", n_t)?,
        ticks_n_2t: number("ticks_n_2t", n_2t)?,
        ticks_2n_t: number("ticks_2n_t", twice_t)?,
        ticks_2n_2t: number("ticks_2n_2t", twice_2t)?,
    }))
}

fn clock(rest: &str) -> Parsed<'_> {
    let [round, imul_ticks, add_ticks] = fields(rest)?;
    Ok(Record::Clock(Clock {
        round: number("round", round)?,
        imul_ticks: number("imul_ticks", imul_ticks)?,
        add_ticks: number("add_ticks", add_ticks)?,
    }))
}

fn disturbed(rest: &str) -> Parsed<'_> {
    let [round, by, amount] = fields(rest)?;
    Ok(Record::Disturbed(Disturbed {
        round: number("round", round)?,
        by: Disturbance::from_name(by).ok_or(RecordError::Field {
            name: "disturbance",
            value: by,
        })?,
        amount: number("amount", amount)?,
    }))
}

fn call(rest: &str) -> Parsed<'_> {
    let [of, tried, detail] = fields(rest)?;
    Ok(Record::Call(CallTried {
        number: number("number", of)?,
        tried: Tried::from_name(tried).ok_or(RecordError::Field {
            name: "tried",
            value: tried,
        })?,
        detail: number("detail", detail)?,
    }))
}

fn watch(rest: &str) -> Parsed<'_> {
    let [id, kind, site, program, operation] = fields(rest)?;
    let watch = Watch {
        kind: named("kind", kind, WatchKind::from_name)?,
        site: named("site", site, WatchSite::from_name)?,
        program: named("program", program, WatchProgram::from_name)?,
        operation: named("operation", operation, TimedOperation::from_name)?,
    };
    Ok(Record::Watch(number("watch", id)?, watch))
}

fn watched(rest: &str) -> Parsed<'_> {
    let [watch, state, ops, ticks_n, ticks_2n] = fields(rest)?;
    Ok(Record::Watched(WatchedSlope {
        watch: number("watch", watch)?,
        state: named("state", state, WatchState::from_name)?,
        ops: number("ops", ops)?,
        ticks_n: number("ticks_n", ticks_n)?,
        ticks_2n: number("ticks_2n", ticks_2n)?,
    }))
}

fn runs(rest: &str) -> Parsed<'_> {
    let [watch, expected, runs, missed, lost] = fields(rest)?;
    Ok(Record::Runs(WatchRuns {
        watch: number("watch", watch)?,
        expected: number("expected", expected)?,
        runs: number("runs", runs)?,
        missed: number("missed", missed)?,
        lost: number("lost", lost)?,
    }))
}

fn refused(rest: &str) -> Parsed<'_> {
    let [watch, reason] = fields(rest)?;
    Ok(Record::Refused(RefusedWatch {
        watch: number("watch", watch)?,
        reason,
    }))
}

fn error(rest: &str) -> Parsed<'_> {
    Ok(Record::Error(rest))
}

fn end(rest: &str) -> Parsed<'_> {
    let [lines, crc] = fields(rest)?;
    let bad_crc = RecordError::Field {
        name: "crc",
        value: crc,
    };
    if crc.len() != 8 {
        return Err(bad_crc);
    }
    Ok(Record::End {
        lines: number("lines", lines)?,
        crc: u32::from_str_radix(crc, 16).map_err(|_| bad_crc)?,
    })
}

fn fields<const N: usize>(rest: &str) -> Result<[&str; N], RecordError<'_>> {
    let mut out = [""; N];
    let mut found = 0;
    for field in rest.split('\t') {
        if let Some(slot) = out.get_mut(found) {
            *slot = field;
        }
        found += 1;
    }
    if found == N {
        Ok(out)
    } else {
        Err(RecordError::FieldCount { found: found + 1 })
    }
}

fn benchmark(name: &str) -> Result<Benchmark, RecordError<'_>> {
    Benchmark::from_name(name).ok_or(RecordError::Field {
        name: "benchmark",
        value: name,
    })
}

fn named<'a, T>(
    name: &'static str,
    value: &'a str,
    from_name: impl Fn(&str) -> Option<T>,
) -> Result<T, RecordError<'a>> {
    from_name(value).ok_or(RecordError::Field { name, value })
}

fn number<'a>(name: &'static str, value: &'a str) -> Result<u64, RecordError<'a>> {
    // `u64::from_str` would also accept a leading `+`, which no guest writes.
    if value.starts_with('+') {
        return Err(RecordError::Field { name, value });
    }
    value
        .parse()
        .map_err(|_| RecordError::Field { name, value })
}
