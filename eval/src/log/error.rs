use contract::{Benchmark, FORMAT_VERSION, HEADER_BEGIN, HEADER_END, Method, SystemCall};
use thiserror::Error;

/// Why a console is not a complete, unchanged log of one boot. Line numbers count
/// the console's lines from 1.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[allow(missing_docs, reason = "each message says what its fields are")]
pub enum LogError {
    #[error(
        "the console is empty: nothing was printed; is the serial console on the kernel's command line?"
    )]
    Silent,
    #[error(
        "the console has {lines} lines, but not the line {HEADER_BEGIN:?}: the benchmark never \
         started, or the start of its log was lost; the last line is {last:?}"
    )]
    NoHeader { lines: usize, last: String },
    #[error(
        "line {line}: {text:?} comes before the header's end, {HEADER_END:?}: the log is damaged; boot again"
    )]
    HeaderNotClosed { line: usize, text: String },
    #[error(
        "line {line}: the setting {text:?} does not have a valid value: the log is damaged; boot again"
    )]
    Setting { line: usize, text: String },
    #[error("the header does not contain CONFIG_NB_ROUNDS: the log is damaged; boot again")]
    NoRounds,
    #[error(
        "line {second}: a second header, after the one in line {first}: the guest rebooted, or two logs were joined"
    )]
    Rebooted { first: usize, second: usize },
    #[error(
        "line {line}: {text:?} is not a valid record: {problem}; the log is damaged; boot again"
    )]
    Record {
        line: usize,
        text: String,
        problem: String,
    },
    #[error(
        "line {line}: the log has format version {found:?}, but this tool reads version {FORMAT_VERSION}: use the tool that came with the guest program"
    )]
    Version { line: usize, found: String },
    #[error(
        "line {line}: {text:?} comes without a `tollgate` record before it: the log is damaged; boot again"
    )]
    NoFormat { line: usize, text: String },
    #[error(
        "line {line}: a second `tollgate` record, after the one in line {first}: two logs are mixed"
    )]
    SecondFormat { first: usize, line: usize },
    #[error("line {line}: {text:?} is not a record of the {} method, which the log names", method.name())]
    WrongMethod {
        line: usize,
        text: String,
        method: Method,
    },
    #[error("line {line}: the guest reports: {message}")]
    Guest { line: usize, message: String },
    #[error(
        "the log ends in line {line} without its closing record: the guest died or was stopped, or the file was cut off; the last line is {last:?}"
    )]
    Cut { line: usize, last: String },
    #[error(
        "line {line}: {text:?} comes after the closing record in line {end}: two logs are mixed"
    )]
    AfterEnd {
        line: usize,
        end: usize,
        text: String,
    },
    #[error(
        "line {line}: the closing record counts {said} lines, but the log has {found}: the console lost or mixed lines; boot again"
    )]
    Count { line: usize, said: u64, found: u64 },
    #[error(
        "line {line}: the closing record's checksum is {said:08x}, but that of the lines is \
         {found:08x}: the log was damaged; boot again"
    )]
    Checksum { line: usize, said: u32, found: u32 },
    #[error("the log does not contain any samples; were all benchmarks turned off?")]
    NoSamples,
    #[error("line {line}: {text:?} does not have a valid value: the log is damaged; boot again")]
    Value { line: usize, text: String },
    #[error("line {line}: the log is cut off within {text:?}: digits may be missing; boot again")]
    UnterminatedValue { line: usize, text: String },
    #[error("the header says {rounds} rounds, but the log has {found} `{}` values: it was cut \
        off, or two logs are mixed; boot again", benchmark.name())]
    ValueCount {
        benchmark: Benchmark,
        rounds: u32,
        found: usize,
    },
    #[error(
        "line {line}: a second `tsc` value in round {round}: lines were lost or two logs are mixed; boot again"
    )]
    SecondTsc { line: usize, round: u32 },
    #[error("line {line}: round {round}, but the header says {rounds} rounds, counted from 0")]
    Round {
        line: usize,
        round: u64,
        rounds: u32,
    },
    #[error(
        "round {round} has {found} `{}` samples, but round {whole} has {expected}: lines were lost, or the log was changed; boot again", benchmark.name()
    )]
    RoundSamples {
        benchmark: Benchmark,
        round: u32,
        found: usize,
        whole: u32,
        expected: usize,
    },
    #[error(
        "line {line}: {key:?} is {value:?}, but was {before:?} in line {first}: two logs are mixed, or the log was changed; boot again"
    )]
    TwoFacts {
        first: usize,
        line: usize,
        key: String,
        before: String,
        value: String,
    },
    #[error("line {line}: {key:?} cannot be {value:?}: {problem}; the log was changed; boot again")]
    Fact {
        line: usize,
        key: String,
        value: String,
        problem: &'static str,
    },
    #[error(
        "line {line}: a loop begins at offset {align}, but the program's loops begin at 0, 16, 32 \
         and 48: the log was changed; boot again"
    )]
    Align { line: usize, align: u64 },
    #[error(
        "line {line}: a clock chain of 0 ticks: the counter did not advance, or the log was changed; boot again"
    )]
    NoChain { line: usize },
    #[error("line {line}: round {round} appears twice: two logs are mixed; boot again")]
    SecondOfRound { line: usize, round: u32 },
    #[error("line {line}: {ops} operations in a `{}` sample: {problem}", benchmark.name())]
    Operations {
        line: usize,
        benchmark: Benchmark,
        ops: u64,
        problem: &'static str,
    },
    #[error(
        "line {line}: round {round} has no `tsc` sample to subtract: the paper's method needs it; let the guest also measure `tsc`"
    )]
    NoTsc { line: usize, round: u32 },
    #[error("line {line}: a `{}` sample, but the guest {}: one of them is \
        wrong", benchmark.name(), answer(*call, said))]
    Answer {
        line: usize,
        benchmark: Benchmark,
        call: SystemCall,
        said: Option<String>,
    },
}

fn answer(call: SystemCall, said: &Option<String>) -> String {
    let number = call.number();
    match said {
        Some(said) => format!("says that system call {number} answered {said:?}"),
        None => format!("does not say what system call {number} answered"),
    }
}

/// A line as an error shows it: long lines are cut off.
pub(super) fn excerpt(line: &str) -> String {
    const SHOWN: usize = 100;
    match line.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{} …", line.get(..end).unwrap_or_default()),
        None => line.into(),
    }
}
