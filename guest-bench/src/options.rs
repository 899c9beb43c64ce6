//! The program's arguments: words of the form `name=value`.

use contract::{Benchmark, Method};

/// Printed for `--help`, and pointed at by every complaint.
pub const USAGE: &str = "\
guest-bench: what does it cost to cross into this kernel?

Words, in any order:
  method=precise|exact|paper
                        how samples are taken                     (precise)
  rounds=N              passes over all benchmarks                (20)
  benchmarks=LIST       of tsc,scall,fcall,fcall_chain            (all)
                        tsc: not by exact, fcall_chain: not by paper
  warmup=y|n            one pass first that is not counted        (y)
  samples=N             precise, exact: samples a round and benchmark (100)
  batch_ticks=N         precise: TSC ticks that a batch should take (60000)
  turns=N               exact: turns of the shorter loops         (1)
  marks=N               exact: operations between marks, at the end (0)
  iterations=N          paper: calls a sample                     (1000000)
Words up to the last -- are the kernel's, and ignored; so are words without =.
Exit status: 0 done, 2 bad word, 3 unexpected answer, 4 output failed.
";

/// What to measure, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// How samples are taken.
    pub method: Method,
    /// Passes over all benchmarks.
    pub rounds: u64,
    /// Measure an empty measurement.
    pub tsc: bool,
    /// Measure system call 500.
    pub scall: bool,
    /// Measure a function call.
    pub fcall: bool,
    /// Precise and exact method: measure a chain of function calls.
    pub fcall_chain: bool,
    /// One pass first that is not counted.
    pub warmup: bool,
    /// Precise and exact method: samples a round and benchmark.
    pub samples: u64,
    /// Precise method: TSC ticks that the smaller batch should take.
    pub batch_ticks: u64,
    /// Exact method: turns of the shorter loops.
    pub turns: u64,
    /// Exact method: operations of each benchmark to run between marks, at the end.
    pub marks: u64,
    /// Paper's method: calls a sample.
    pub iterations: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            method: Method::Precise,
            rounds: 20,
            tsc: true,
            scall: true,
            fcall: true,
            fcall_chain: true,
            warmup: true,
            samples: 100,
            batch_ticks: 60_000,
            // A short batch seldom holds a timer interrupt: all four batches of a system
            // call on Linux take 0.9 % of the time between two at 250 Hz.
            turns: 1,
            marks: 0,
            iterations: 1_000_000,
        }
    }
}

/// A word that cannot be understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadOption<'a> {
    /// The word.
    pub word: &'a str,
    /// What is wrong with it.
    pub why: &'static str,
}

impl Options {
    /// Reads the program's arguments, its own name left out.
    ///
    /// Whatever stands before the last `--` is the kernel's. Linux and ring0 keep those
    /// words to themselves; Unikraft 0.5 passes all of them on, `--` too.
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

    /// How many samples a boot will hold.
    pub fn total_samples(&self) -> u64 {
        let [tsc, scall, fcall, chain] =
            [self.tsc, self.scall, self.fcall, self.fcall_chain].map(u64::from);
        let a_round = match self.method {
            Method::Paper => tsc + scall + fcall,
            Method::Precise => (tsc + scall + fcall + chain).saturating_mul(self.samples),
            Method::Exact => (scall + fcall + chain).saturating_mul(self.samples),
        };
        a_round.saturating_mul(self.rounds)
    }

    fn set(&mut self, word: &str) -> Result<(), &'static str> {
        // A set of one character: a search for the character itself calls `memcmp`.
        let Some((name, value)) = word.split_once(['=']) else {
            return check_bare(word);
        };
        match name {
            "method" => {
                self.method =
                    Method::from_name(value).ok_or("method is precise, exact or paper")?;
            }
            "rounds" => self.rounds = count(value)?,
            "benchmarks" => self.choose(value)?,
            "warmup" => {
                self.warmup = match value {
                    "y" => true,
                    "n" => false,
                    _ => return Err("warmup is y or n"),
                }
            }
            "samples" => self.samples = count(value)?,
            "batch_ticks" => self.batch_ticks = count(value)?,
            "turns" => self.turns = count(value)?,
            "marks" => self.marks = count(value)?,
            "iterations" => self.iterations = count(value)?,
            _ => return Err("there is no such option"),
        }
        Ok(())
    }

    fn choose(&mut self, list: &str) -> Result<(), &'static str> {
        (self.tsc, self.scall, self.fcall, self.fcall_chain) = (false, false, false, false);
        for name in list.split([',']) {
            match Benchmark::from_name(name) {
                Some(Benchmark::Tsc) => self.tsc = true,
                Some(Benchmark::Scall) => self.scall = true,
                Some(Benchmark::Fcall) => self.fcall = true,
                Some(Benchmark::FcallChain) => self.fcall_chain = true,
                // Which of scall and enosys is measured is the kernel's answer, no choice.
                Some(Benchmark::Enosys) | None => {
                    return Err("benchmarks is a list of tsc, scall, fcall and fcall_chain");
                }
            }
        }
        Ok(())
    }
}

/// Whether a word without `=` can be ignored. Linux hands such words to its init where it
/// does not take them itself (`nokaslr`, the decompressor's), and without the `--` that
/// stood behind them. Those that look like options of ours are mistakes.
fn check_bare(word: &str) -> Result<(), &'static str> {
    match word {
        "method" | "rounds" | "benchmarks" | "warmup" | "samples" | "batch_ticks"
        | "iterations" | "turns" | "marks" => Err("it has no value: write name=value"),
        _ if word.starts_with(['-']) => Err("it is not of the form name=value"),
        _ => Ok(()),
    }
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
    fn no_words_give_the_defaults() {
        assert_eq!(parse(""), Ok(Options::default()));
        assert_eq!(Options::default().total_samples(), 4 * 20 * 100);
    }

    #[test]
    fn every_word_is_heard() {
        let line = "method=paper rounds=3 benchmarks=fcall warmup=n samples=7 \
                    batch_ticks=9 turns=2 marks=5 iterations=1000";
        let expected = Options {
            method: Method::Paper,
            rounds: 3,
            tsc: false,
            scall: false,
            fcall: true,
            fcall_chain: false,
            warmup: false,
            samples: 7,
            batch_ticks: 9,
            turns: 2,
            marks: 5,
            iterations: 1000,
        };
        assert_eq!(parse(line), Ok(expected));
        assert_eq!(expected.total_samples(), 3);
        let chain = parse("rounds=3 samples=7 benchmarks=fcall,fcall_chain");
        assert_eq!(chain.map(|options| options.total_samples()), Ok(2 * 3 * 7));
        let exact = parse("method=exact rounds=3 samples=7");
        assert_eq!(exact.map(|options| options.total_samples()), Ok(3 * 3 * 7));
    }

    #[test]
    fn bad_words_are_named() {
        for word in [
            "rounds",
            "rounds=",
            "rounds=0",
            "rounds=-1",
            "rounds=1.5",
            "rounds=1000000000001",
            "method=exakt",
            "benchmarks=",
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
    fn the_first_bad_word_is_named() {
        let bad = parse("round=3 rounds=0 samples=7").map_err(|bad| bad.word);
        assert_eq!(bad, Err("round=3"));
    }

    /// One line, as it reaches the program through each kind of kernel.
    #[test]
    fn the_kernels_words_do_no_harm() {
        for line in [
            // ring0 and the host: what stands behind `--`.
            "rounds=3",
            // Unikraft 0.5: every word.
            "-- rounds=3",
            "rounds=7 round=7 -v -- rounds=3",
            "netdev.ipv4_addr=172.44.0.2 vfs.rootfs=ramfs -- rounds=3",
            // `--` in an experiment's cmdline, and tollgate's own.
            "-- -- rounds=3",
            // Linux: what it does not take itself, without `--`.
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
