//! The program's words: what to watch, and how to measure.

use contract::{Method, TimedOperation, WatchKind, WatchProgram, WatchSite};

/// How a user asks for it.
pub const USAGE: &str = "\
probe-bench: what does watching a crossing cost?

Words, in any order:
  watch=KINDS:SITES:PROGRAMS:STATS[:OPERATION]
                        what to watch; lists with commas make a matrix; may be repeated
  method=exact|precise  instructions, under an emulator that counts them, or time (exact)
  samples=N             slopes of each state of a watch                           (11)
  batch_ticks=N         precise: ticks that the smaller batch should take         (60000)
Words up to the last -- belong to the kernel and are ignored, and so are words without =.
Exit status: 0 done, 2 bad word, 3 unexpected answer, 4 output failed.

STATS is off, on or both; OPERATION is noop or getpgid, and by default what reaches the site.
";

/// One watch to carry out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// How.
    pub kind: WatchKind,
    /// What.
    pub site: WatchSite,
    /// What runs there.
    pub program: WatchProgram,
    /// Whether it is measured with and without statistics.
    pub statistics: Statistics,
    /// What is timed; `Noop` becomes `Enosys` on a kernel without call 500.
    pub operation: TimedOperation,
}

/// In which states of the kernel's statistics a watch is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statistics {
    /// Without.
    Off,
    /// With.
    On,
    /// With and without.
    Both,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// How.
    pub method: Method,
    /// Slopes of each state.
    pub samples: u64,
    /// Precise method: ticks of the smaller batch.
    pub batch_ticks: u64,
    /// What.
    pub watches: Vec<Wanted>,
}

/// A word that is not valid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{word}: {why}")]
pub struct BadWord {
    /// The word.
    pub word: String,
    /// What is wrong with it.
    pub why: String,
}

impl Order {
    /// Reads the program's arguments, without its own name.
    ///
    /// # Errors
    ///
    /// The first wrong word; or no watch is requested.
    pub fn parse<'a>(words: impl Iterator<Item = &'a str>) -> Result<Self, BadWord> {
        let words: Vec<_> = words.collect();
        let own = words.iter().rposition(|word| *word == "--");
        let own = own.map_or(&words[..], |last| words.get(last + 1..).unwrap_or_default());
        let mut order = Self {
            method: Method::Exact,
            samples: 11,
            batch_ticks: 60_000,
            watches: Vec::new(),
        };
        for word in own {
            order.take(word).map_err(|why| BadWord {
                word: (*word).to_owned(),
                why,
            })?;
        }
        if order.watches.is_empty() {
            return Err(BadWord {
                word: "watch".into(),
                why: "nothing to watch; fix: give the target `watch = { … }`".into(),
            });
        }
        Ok(order)
    }

    fn take(&mut self, word: &str) -> Result<(), String> {
        let Some((name, value)) = word.split_once('=') else {
            return match word.starts_with('-') {
                true => Err("it is not of the form name=value".into()),
                // Linux passes words that it does not use itself to its init.
                false => Ok(()),
            };
        };
        match name {
            "watch" => self.watches.extend(matrix(value)?),
            "method" => {
                let method = Method::from_name(value).filter(|method| *method != Method::Paper);
                self.method = method.ok_or("method is exact or precise")?;
            }
            "samples" => self.samples = count(value)?,
            "batch_ticks" => self.batch_ticks = count(value)?,
            // The benchmark's settings that do not concern watches.
            "rounds" | "benchmarks" | "warmup" => {}
            _ => return Err("this option does not exist".into()),
        }
        Ok(())
    }
}

fn count(value: &str) -> Result<u64, String> {
    match value.parse() {
        Ok(n @ 1..=1_000_000_000) => Ok(n),
        _ => Err("it must be a whole number from 1 to 1000000000".into()),
    }
}

/// Every combination in which the kind can watch the site.
fn matrix(value: &str) -> Result<Vec<Wanted>, String> {
    let fields: Vec<_> = value.split(':').collect();
    let (kinds, sites, programs, statistics, operation) = match fields[..] {
        [kinds, sites, programs, statistics] => (kinds, sites, programs, statistics, None),
        [kinds, sites, programs, statistics, operation] => {
            (kinds, sites, programs, statistics, Some(operation))
        }
        _ => return Err("it has the form KINDS:SITES:PROGRAMS:STATS[:OPERATION]".into()),
    };
    let kinds = list(kinds, "kind", WatchKind::from_name)?;
    let sites = list(sites, "site", WatchSite::from_name)?;
    let programs = list(programs, "program", WatchProgram::from_name)?;
    let statistics = match statistics {
        "off" => Statistics::Off,
        "on" => Statistics::On,
        "both" => Statistics::Both,
        _ => return Err("statistics are off, on or both".into()),
    };
    let operation = match operation {
        None => None,
        Some("noop") => Some(TimedOperation::Noop),
        Some("getpgid") => Some(TimedOperation::Getpgid),
        Some(other) => return Err(format!("{other:?} is not an operation: noop or getpgid")),
    };
    let mut wanted = Vec::new();
    for &site in &sites {
        let mut fitting = kinds.iter().filter(|kind| kind.fits(site)).peekable();
        if fitting.peek().is_none() {
            return Err(format!("no kind of the list can watch {}", site.name()));
        }
        for &kind in fitting {
            wanted.extend(programs.iter().map(|&program| Wanted {
                kind,
                site,
                program,
                statistics,
                operation: operation.unwrap_or(usual(site)),
            }));
        }
    }
    let unused = kinds
        .iter()
        .find(|kind| !sites.iter().any(|site| kind.fits(*site)));
    match unused {
        Some(kind) => Err(format!("{} cannot watch any site of the list", kind.name())),
        None => Ok(wanted),
    }
}

/// The operation that reaches a site.
fn usual(site: WatchSite) -> TimedOperation {
    match site {
        WatchSite::SysEnter | WatchSite::Chdir => TimedOperation::Noop,
        WatchSite::Getpgid => TimedOperation::Getpgid,
        WatchSite::Nop | WatchSite::Push | WatchSite::Branch | WatchSite::SingleStep => {
            TimedOperation::Call
        }
    }
}

fn list<T>(
    names: &str,
    what: &str,
    from_name: impl Fn(&str) -> Option<T>,
) -> Result<Vec<T>, String> {
    names
        .split(',')
        .map(|name| from_name(name).ok_or_else(|| format!("{name:?} is not a {what}")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watches(word: &str) -> Result<Vec<Wanted>, BadWord> {
        Order::parse([word].into_iter()).map(|order| order.watches)
    }

    #[test]
    fn lists_are_a_matrix_of_what_fits() {
        let all = watches("watch=raw_tp,fentry,kprobe:sys_enter,getpgid:null,percpu:both").unwrap();
        let named: Vec<_> = all
            .iter()
            .map(|w| (w.kind.name(), w.site.name(), w.operation.name()))
            .collect();
        let expected = [
            ("raw_tp", "sys_enter", "noop"),
            ("raw_tp", "sys_enter", "noop"),
            ("fentry", "getpgid", "getpgid"),
            ("fentry", "getpgid", "getpgid"),
            ("kprobe", "getpgid", "getpgid"),
            ("kprobe", "getpgid", "getpgid"),
        ];
        assert_eq!(named, expected);
    }

    #[test]
    fn wrong_watches_are_named() {
        for (word, why) in [
            ("watch=", "form"),
            ("watch=raw_tp:sys_enter:null", "form"),
            ("watch=rawtp:sys_enter:null:off", "\"rawtp\" is not a kind"),
            ("watch=raw_tp:sysenter:null:off", "not a site"),
            ("watch=raw_tp:sys_enter:nil:off", "not a program"),
            ("watch=raw_tp:sys_enter:null:yes", "off, on or both"),
            ("watch=raw_tp:getpgid:null:off", "can watch getpgid"),
            (
                "watch=raw_tp,uprobe:sys_enter:null:off",
                "uprobe cannot watch",
            ),
            ("watch=raw_tp:sys_enter:null:off:read", "not an operation"),
            ("samples=0", "whole number"),
            ("wach=1", "does not exist"),
        ] {
            let said = watches(word).unwrap_err().to_string();
            assert!(said.contains(why), "{said}");
        }
        assert!(Order::parse(["nokaslr", "samples=3"].into_iter()).is_err());
    }

    #[test]
    fn words_of_the_kernel_are_ignored() {
        let words = [
            "quiet=1",
            "--",
            "watch=raw_tp:sys_enter:null:off",
            "samples=3",
        ];
        assert_eq!(Order::parse(words.into_iter()).unwrap().samples, 3);
    }
}
