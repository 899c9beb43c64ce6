//! What the kernel asks, and what it gets for an answer.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::fd::BorrowedFd;

use super::memory::Memory;
use super::origin::Origins;
use super::{Spec, paths};
use crate::feature::{self, Feature, Part};
use crate::notify::{Answer, Listener, Question};
use crate::plausible::{Length, Recipe};
use crate::seen::Seen;
use crate::{Call, Mode, Phase};

/// `AUDIT_ARCH_X86_64` of linux/audit.h.
const X86_64: u32 = 0xc000_003e;
const X32_BIT: u32 = 0x4000_0000;
/// Values of one argument that are remembered: each one takes the filter some instructions.
const MOST_VALUES: usize = 48;
/// The most that one call writes: `MAX_RW_COUNT` of linux/fs.h.
const MOST_WRITTEN: u64 = 0x7fff_f000;

/// Answers, and the record of what was asked.
pub struct Answers<'a> {
    spec: &'a Spec,
    /// /dev/null, for reading and writing.
    nothing: BorrowedFd<'a>,
    pub fired: BTreeMap<Feature, u64>,
    pub seen: Seen,
    pub foreign: BTreeMap<&'static str, u64>,
    pub origins: Origins,
}

impl<'a> Answers<'a> {
    pub fn new(spec: &'a Spec, nothing: BorrowedFd<'a>) -> Self {
        let counted = spec
            .rules
            .keys()
            .filter(|feature| !spec.uncounted.contains(feature));
        Self {
            spec,
            nothing,
            fired: counted.map(|feature| (feature.clone(), 0)).collect(),
            seen: Seen::default(),
            foreign: BTreeMap::new(),
            origins: Origins::default(),
        }
    }

    /// Answers the next question.
    pub fn next(&mut self, listener: &Listener, ready: bool) -> io::Result<()> {
        let Some(question) = listener.receive()? else {
            return Ok(());
        };
        if let Some(abi) = foreign(&question) {
            *self.foreign.entry(abi).or_default() += 1;
            return listener.answer(&question, Answer::Continue);
        }
        let only = self.spec.only.as_deref();
        let ours = only.is_none_or(|only| executable(&question).as_deref() == Some(only));
        let features = self.features(&question);
        let looked = only.is_some() || self.spec.parts.paths;
        if looked && !listener.is_waiting(&question) {
            return Ok(());
        }
        if !ours {
            return listener.answer(&question, Answer::Continue);
        }
        if self.spec.origins {
            self.origins.look(&question);
        }
        self.record(&question, &features, ready);
        let answer = match self.rule(&features, ready) {
            None => Answer::Continue,
            Some(Mode::Stub) => Answer::Error(libc::ENOSYS),
            Some(Mode::Fake) => Answer::Value(0),
            Some(Mode::Plausible) => self.make_up(listener, &question),
        };
        listener.answer(&question, answer)
    }

    /// The call, and its parts that anybody asked for.
    fn features(&self, question: &Question) -> Vec<Feature> {
        let call = Call(question.number);
        let mut features = vec![Feature::from(call)];
        let mut add = |part| features.push(Feature { call, part });
        if let Some(value) = self.argument(question) {
            feature::parts(call, value).into_iter().for_each(&mut add);
        }
        if self.spec.parts.paths {
            paths::path(question).map(Part::Path).map(&mut add);
        }
        features
    }

    /// The argument that divides the call.
    fn argument(&self, question: &Question) -> Option<u32> {
        let index = feature::index(Call(question.number)).filter(|_| self.spec.parts.arguments)?;
        let value = question.arguments.get(usize::from(index))?;
        Some(*value as u32)
    }

    fn record(&mut self, question: &Question, features: &[Feature], ready: bool) {
        for feature in features {
            self.seen.record(feature.clone(), ready);
        }
        if let Some(value) = self.argument(question) {
            let values = self.seen.values.entry(Call(question.number)).or_default();
            if values.len() < MOST_VALUES {
                values.insert(value);
            }
        }
    }

    /// The answer of the rules. Each rule that covers the call has fired.
    fn rule(&mut self, features: &[Feature], ready: bool) -> Option<Mode> {
        let holds = match self.spec.phase {
            Phase::All => true,
            Phase::Init => !ready,
            Phase::Serving => ready,
        };
        let mut first = None;
        for feature in features.iter().filter(|_| holds) {
            if let Some(mode) = self.spec.rules.get(feature) {
                *self.fired.entry(feature.clone()).or_default() += 1;
                first = first.or(Some(*mode));
            }
        }
        first
    }

    fn make_up(&self, listener: &Listener, question: &Question) -> Answer {
        let argument = |index: usize| question.arguments.get(index).copied().unwrap_or_default();
        let memory = || Memory::of(question.pid);
        let length = match Recipe::of(Call(question.number)) {
            Some(Recipe::Count(Length::Argument(index))) => Some(argument(index)),
            Some(Recipe::Count(Length::Vectors(place, number))) => {
                memory().and_then(|memory| memory.vectors(argument(place), argument(number)))
            }
            Some(Recipe::Count(Length::Message(place))) => {
                memory().and_then(|memory| memory.message(argument(place)))
            }
            Some(Recipe::NullFd(flags)) => {
                let close =
                    flags.is_some_and(|flags| argument(flags.index) & flags.close_on_exec != 0);
                return match listener.add(question, self.nothing, close) {
                    Ok(fd) => Answer::Value(fd.into()),
                    // As if the buffer were too small.
                    Err(error) => Answer::Error(error.raw_os_error().unwrap_or(libc::EMFILE)),
                };
            }
            Some(Recipe::Id) => return Answer::Value(1),
            None => return Answer::Value(0),
        };
        match length {
            Some(length) => Answer::Value(length.min(MOST_WRITTEN) as i64),
            None => Answer::Error(libc::EFAULT),
        }
    }
}

/// What the process executes.
fn executable(question: &Question) -> Option<std::path::PathBuf> {
    fs::read_link(format!("/proc/{}/exe", question.pid)).ok()
}

fn foreign(question: &Question) -> Option<&'static str> {
    match question.arch {
        X86_64 if question.number >= X32_BIT => Some("x32"),
        X86_64 => None,
        _ => Some("i386"),
    }
}
