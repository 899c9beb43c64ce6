//! The program's arguments: words of the form `name=value`.

use contract::{Benchmark, Method, SystemCall};

use crate::{Benchmarks, CallSet};

const USAGE: &str = "\
guest-bench: what does it cost to cross into this kernel?

Words, in any order:
  method=precise|exact|paper
                        how samples are taken                     (precise)
  rounds=N              passes over all benchmarks                (20)
  benchmarks=LIST       of those below                            (those with a *)
  warmup=y|n            a first pass that is not counted          (y)
  samples=N             precise, exact: samples per round and benchmark (100)
  batch_ticks=N         precise: TSC ticks that a batch should take (60000)
  turns=N               exact: turns of the shorter loops         (1)
  marks=N               exact: operations between marks, at the end (0)
  iterations=N          paper: calls per sample                  (1000000)
  calls=y|n             measure nothing, but try every system call (n)
  skip=LIST             calls=y: numbers of calls not to try      (none)
Words up to the last -- belong to the kernel and are ignored, and so are words without =.
Exit status: 0 done, 2 bad word, 3 unexpected answer, 4 output failed.

Benchmarks, and the methods that measure them:
";

/// Prints the help.
pub fn usage(mut print: impl FnMut(&str)) {
    print(USAGE);
    for benchmark in Benchmark::ALL.into_iter().filter(|b| b.is_choice()) {
        print(if benchmark.is_default() { "* " } else { "  " });
        print(benchmark.name());
        print(":");
        for method in Method::ALL.into_iter().filter(|m| benchmark.is_by(*m)) {
            print(" ");
            print(method.name());
        }
        print("\n");
    }
}

/// What to measure, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// How samples are taken.
    pub method: Method,
    /// Passes over all benchmarks.
    pub rounds: u64,
    /// Which benchmarks, by the names used to choose them: a system call by the name that it
    /// has where it works.
    pub benchmarks: Benchmarks,
    /// Whether a first pass runs that is not counted.
    pub warmup: bool,
    /// Precise and exact method: samples per round and benchmark.
    pub samples: u64,
    /// Precise method: TSC ticks that the smaller batch should take.
    pub batch_ticks: u64,
    /// Exact method: turns of the shorter loops.
    pub turns: u64,
    /// Exact method: operations of each benchmark to run between marks, at the end.
    pub marks: u64,
    /// Paper's method: calls per sample.
    pub iterations: u64,
    /// Whether every system call is tried, and nothing measured.
    pub calls: bool,
    /// The calls that are not tried.
    pub skip: CallSet,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            method: Method::Precise,
            rounds: 20,
            benchmarks: Benchmarks::that(Benchmark::is_default),
            warmup: true,
            samples: 100,
            batch_ticks: 60_000,
            // A short batch rarely contains a timer interrupt: all four batches of a system
            // call on Linux take 0.9 % of the time between two at 250 Hz.
            turns: 1,
            marks: 0,
            iterations: 1_000_000,
            calls: false,
            skip: CallSet::default(),
        }
    }
}

/// A word that is not a valid option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadOption<'a> {
    /// The word.
    pub word: &'a str,
    /// What is wrong with it.
    pub why: &'static str,
}

impl Options {
    /// Reads the program's arguments, without its own name.
    ///
    /// Everything before the last `--` belongs to the kernel. Linux and ring0 do not pass it
    /// on; Unikraft 0.5 passes all of it, including `--`.
    pub fn parse<'a>(words: impl Iterator<Item = &'a str>) -> Result<Self, BadOption<'a>> {
        let mut parsed = Ok(Self::default());
        for word in words {
            if word == "--" {
                parsed = Ok(Self::default());
            } else if let Ok(options) = &mut parsed
                && let Err(why) = options.set(word)
            {
                parsed = Err(BadOption { word, why });
            }
        }
        parsed
    }

    /// How many samples a boot will contain.
    pub fn total_samples(&self) -> u64 {
        let measured =
            Benchmarks::that(|b| self.benchmarks.contains(b) && b.is_by(self.method)).len();
        let a_round = match self.method {
            Method::Paper => measured,
            Method::Precise | Method::Exact => measured.saturating_mul(self.samples),
        };
        a_round.saturating_mul(self.rounds)
    }

    /// Whether a chosen benchmark makes that system call.
    pub fn makes(&self, call: SystemCall) -> bool {
        let makes = |b: Benchmark| self.benchmarks.contains(b) && b.system_call() == Some(call);
        Benchmark::ALL.into_iter().any(makes)
    }

    fn set(&mut self, word: &str) -> Result<(), &'static str> {
        // A set of one character: searching for the character itself would call `memcmp`.
        let (name, value) = match word.split_once(['=']) {
            Some((name, value)) => (name, Ok(value)),
            None => (word, Err("it has no value: write name=value")),
        };
        match name {
            "method" => {
                self.method =
                    Method::from_name(value?).ok_or("method is precise, exact or paper")?;
            }
            "rounds" => self.rounds = count(value?)?,
            "benchmarks" => self.benchmarks = choice(value?)?,
            "warmup" => self.warmup = yes(value?).ok_or("warmup is y or n")?,
            "calls" => self.calls = yes(value?).ok_or("calls is y or n")?,
            "skip" => self.skip = calls(value?)?,
            "samples" => self.samples = count(value?)?,
            "batch_ticks" => self.batch_ticks = count(value?)?,
            "turns" => self.turns = count(value?)?,
            "marks" => self.marks = count(value?)?,
            "iterations" => self.iterations = count(value?)?,
            _ if value.is_ok() => return Err("there is no such option"),
            _ if word.starts_with(['-']) => return Err("it is not of the form name=value"),
            // Linux passes words that it does not use itself to its init (`nokaslr`, which the
            // decompressor uses), and without the `--` after them.
            _ => {}
        }
        Ok(())
    }
}

fn choice(list: &str) -> Result<Benchmarks, &'static str> {
    let mut chosen = Benchmarks::default();
    for name in list.split([',']) {
        let benchmark = Benchmark::from_name(name).filter(|b| b.is_choice());
        chosen.insert(benchmark.ok_or("benchmarks is a list of those that --help names")?);
    }
    Ok(chosen)
}

fn yes(value: &str) -> Option<bool> {
    match value {
        "y" => Some(true),
        "n" => Some(false),
        _ => None,
    }
}

fn calls(list: &str) -> Result<CallSet, &'static str> {
    let mut calls = CallSet::default();
    for number in list.split([',']) {
        let inserted = number.parse().ok().and_then(|number| calls.insert(number));
        inserted.ok_or("skip is a list of numbers below 512")?;
    }
    Ok(calls)
}

/// Far beyond every sensible setting, and small enough that no product overflows.
const LIMIT: u64 = 1_000_000_000_000;

fn count(value: &str) -> Result<u64, &'static str> {
    match value.parse() {
        Ok(0) => Err("it must be at least 1"),
        Ok(n) if n <= LIMIT => Ok(n),
        _ => Err("it must be a whole number up to 1000000000000"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, BadOption<'_>> {
        Options::parse(line.split_whitespace())
    }

    #[test]
    fn no_options_give_the_defaults() {
        assert_eq!(parse(""), Ok(Options::default()));
        assert_eq!(Options::default().total_samples(), 4 * 20 * 100);
    }

    #[test]
    fn every_option_is_read() {
        let line = "method=paper rounds=3 benchmarks=fcall warmup=n samples=7 \
                    batch_ticks=9 turns=2 marks=5 iterations=1000 calls=y skip=60,231";
        let mut skip = CallSet::default();
        assert_eq!(skip.insert(60).and(skip.insert(231)), Some(()));
        let expected = Options {
            method: Method::Paper,
            rounds: 3,
            benchmarks: Benchmarks::that(|b| b == Benchmark::Fcall),
            warmup: false,
            samples: 7,
            batch_ticks: 9,
            turns: 2,
            marks: 5,
            iterations: 1000,
            calls: true,
            skip,
        };
        assert_eq!(parse(line), Ok(expected));
        assert_eq!(expected.total_samples(), 3);
        let chain = parse("rounds=3 samples=7 benchmarks=fcall,fcall_chain");
        assert_eq!(chain.map(|options| options.total_samples()), Ok(2 * 3 * 7));
        let exact = parse("method=exact rounds=3 samples=7");
        assert_eq!(exact.map(|options| options.total_samples()), Ok(3 * 3 * 7));
    }

    #[test]
    fn wrong_options_are_named() {
        for word in [
            "rounds",
            "rounds=",
            "rounds=0",
            "rounds=-1",
            "rounds=1.5",
            "rounds=1000000000001",
            "method=exakt",
            "benchmarks=",
            "benchmarks=fcall,",
            "benchmarks=noop",
            "benchmarks=enosys",
            "warmup=1",
            "Rounds=1",
            "=",
            "round=3",
            "method=exakt",
            "method",
            "benchmarks",
            "warmup",
            "samples",
            "batch_ticks",
            "iterations",
            "turns",
            "marks",
            "calls=1",
            "skip",
            "skip=",
            "skip=write",
            "skip=1,512",
            "--rounds",
            "--rounds=1",
            "-",
        ] {
            assert_eq!(parse(word).map_err(|bad| bad.word), Err(word));
            let behind = ["--", "rounds=1", word, "nokaslr"].into_iter();
            assert_eq!(Options::parse(behind).map_err(|bad| bad.word), Err(word));
        }
    }

    #[test]
    fn the_first_wrong_option_is_named() {
        let bad = parse("round=3 rounds=0 samples=7").map_err(|bad| bad.word);
        assert_eq!(bad, Err("round=3"));
    }

    /// One line, as it reaches the program through each kind of kernel.
    #[test]
    fn options_of_the_kernel_are_ignored() {
        for line in [
            // ring0 and the host: everything after `--`.
            "rounds=3",
            // Unikraft 0.5: every word.
            "-- rounds=3",
            "rounds=7 round=7 -v -- rounds=3",
            "netdev.ipv4_addr=172.44.0.2 vfs.rootfs=ramfs -- rounds=3",
            // `--` in an experiment's cmdline, and tollgate's own.
            "-- -- rounds=3",
            // Linux: what it does not use itself, without `--`.
            "nokaslr rounds=3",
            "nokaslr single rounds=3",
        ] {
            let expected = Options {
                rounds: 3,
                ..Options::default()
            };
            assert_eq!(parse(line), Ok(expected), "{line}");
        }
        assert_eq!(parse("rounds=3 --"), Ok(Options::default()));
        let empty = ["", "rounds=20", ""].into_iter();
        assert_eq!(Options::parse(empty), Ok(Options::default()));
    }
}
