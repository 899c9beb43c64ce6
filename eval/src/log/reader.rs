use std::collections::BTreeMap;

use contract::{Closing, HEADER_BEGIN, HEADER_END, Method, Record, RecordError};

use super::config::Settings;
use super::error::excerpt;
use super::facts::BootFacts;
use super::lines::Line;
use super::{Dialect, Log, LogError, original, quads, round, tollgate, watches};

/// Reads a console line by line.
#[derive(Default)]
pub(super) struct Reader {
    header: Header,
    settings: Settings,
    closing: Closing,
    format: Option<(usize, Method)>,
    facts: BootFacts,
    samples: Vec<tollgate::Raw>,
    quads: Vec<quads::Raw>,
    watches: watches::Raw,
    rounds: Vec<round::Raw>,
    values: Vec<original::Value>,
    end: Option<usize>,
    lines: usize,
    last: String,
}

/// The reader's position.
#[derive(Clone, Copy, Default, PartialEq)]
enum Header {
    #[default]
    Before,
    Within {
        begin: usize,
    },
    After {
        begin: usize,
    },
}

impl Reader {
    pub(super) fn line(&mut self, line: &Line<'_>) -> Result<(), LogError> {
        // Bytes that are not valid UTF-8 turn a line into noise, or change it, which the
        // checksum reveals.
        let text = &*String::from_utf8_lossy(&line.bytes);
        self.lines = line.number;
        if !text.trim().is_empty() {
            self.last = excerpt(text);
        }
        match self.header {
            Header::Before => self.before_header(line, text),
            Header::Within { begin } => self.within_header(line, text, begin),
            Header::After { begin } => self.after_header(line, text, begin),
        }
    }

    fn before_header(&mut self, line: &Line<'_>, text: &str) -> Result<(), LogError> {
        if text == HEADER_BEGIN {
            self.header = Header::Within { begin: line.number };
            self.closing.line(&line.bytes);
        } else if let Some(Ok(Record::Error(message))) = Record::parse(text) {
            return Err(guest_error(line, message));
        }
        Ok(())
    }

    fn within_header(&mut self, line: &Line<'_>, text: &str, begin: usize) -> Result<(), LogError> {
        if text == HEADER_BEGIN {
            return Err(rebooted(begin, line));
        } else if text == HEADER_END {
            self.header = Header::After { begin };
            self.closing.line(&line.bytes);
        } else if Settings::is_setting(text) {
            self.closing.line(&line.bytes);
            self.settings.take(line.number, text)?;
        } else if let Some(Ok(Record::Error(message))) = Record::parse(text) {
            return Err(guest_error(line, message));
        } else if Record::parse(text).is_some() || original::Value::read(line, text).is_some() {
            return Err(LogError::HeaderNotClosed {
                line: line.number,
                text: excerpt(text),
            });
        }
        Ok(())
    }

    fn after_header(&mut self, line: &Line<'_>, text: &str, begin: usize) -> Result<(), LogError> {
        if text == HEADER_BEGIN {
            return Err(rebooted(begin, line));
        }
        let Some(record) = Record::parse(text) else {
            if text == HEADER_END {
                self.closing.line(&line.bytes);
            }
            self.values.extend(original::Value::read(line, text));
            return Ok(());
        };
        if let Some(end) = self.end {
            return Err(LogError::AfterEnd {
                line: line.number,
                end,
                text: excerpt(text),
            });
        }
        let record = record.map_err(|error| bad_record(line, text, &error))?;
        self.record(line, text, record)
    }

    fn record(&mut self, line: &Line<'_>, text: &str, record: Record<'_>) -> Result<(), LogError> {
        let number = line.number;
        match (record, self.format) {
            (Record::Error(message), _) => return Err(guest_error(line, message)),
            (Record::Format(_), Some((first, _))) => {
                return Err(LogError::SecondFormat {
                    first,
                    line: number,
                });
            }
            (Record::Format(method), None) => self.format = Some((number, method)),
            (_, None) => {
                return Err(LogError::NoFormat {
                    line: number,
                    text: excerpt(text),
                });
            }
            (Record::Meta { key, value }, _) => self.facts.take(number, key, value)?,
            (Record::Batch(b), Some((_, Method::Paper))) => {
                self.samples.push(tollgate::Raw::batch(number, &b));
            }
            (Record::Slope(s), Some((_, Method::Precise))) => {
                self.samples.push(tollgate::Raw::slope(number, &s));
            }
            (Record::Quad(quad), Some((_, Method::Precise | Method::Exact))) => {
                self.quads.push(quads::Raw { line: number, quad });
            }
            (
                Record::Watch(..) | Record::Watched(_) | Record::Runs(_) | Record::Refused(_),
                Some((_, Method::Precise | Method::Exact)),
            ) => self.watches.take(number, text, record)?,
            (Record::Disturbed(d), _) => self.rounds.push(round::Raw::Disturbed(number, d)),
            (Record::Clock(c), Some((_, Method::Precise))) => {
                self.rounds.push(round::Raw::Clock(number, c));
            }
            (
                Record::Batch(_)
                | Record::Slope(_)
                | Record::Quad(_)
                | Record::Clock(_)
                | Record::Call(_)
                | Record::Watch(..)
                | Record::Watched(_)
                | Record::Runs(_)
                | Record::Refused(_),
                Some((_, method)),
            ) => {
                return Err(LogError::WrongMethod {
                    line: number,
                    text: excerpt(text),
                    method,
                });
            }
            (Record::End { lines, crc }, _) => {
                self.end = Some(number);
                return self.compare(number, lines, crc);
            }
        }
        self.closing.line(&line.bytes);
        Ok(())
    }

    fn compare(&self, line: usize, lines: u64, crc: u32) -> Result<(), LogError> {
        if lines != self.closing.lines() {
            return Err(LogError::Count {
                line,
                said: lines,
                found: self.closing.lines(),
            });
        }
        if crc != self.closing.crc() {
            return Err(LogError::Checksum {
                line,
                said: crc,
                found: self.closing.crc(),
            });
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Result<Log, LogError> {
        match self.header {
            Header::Before if self.last.is_empty() => Err(LogError::Silent),
            Header::Before => Err(LogError::NoHeader {
                lines: self.lines,
                last: self.last,
            }),
            Header::Within { .. } => Err(self.cut()),
            Header::After { .. } => match (self.format, self.end) {
                (Some(_), None) => Err(self.cut()),
                (Some((_, method)), Some(_)) => self.tollgate(method),
                (None, _) => self.original(),
            },
        }
    }

    fn tollgate(self, method: Method) -> Result<Log, LogError> {
        let config = self.settings.finish()?;
        let meta = self.facts.finish();
        let watches = self.watches.finish()?;
        let samples = match method {
            _ if !watches.is_empty() => watches.len(),
            Method::Exact => self.quads.len(),
            Method::Paper | Method::Precise => self.samples.len(),
        };
        if samples == 0 {
            return Err(LogError::NoSamples);
        }
        Ok(Log {
            dialect: Dialect::Tollgate,
            method: Some(method),
            samples: tollgate::samples(&self.samples, &meta, config.rounds)?,
            quads: quads::quads(self.quads, &meta, config.rounds)?,
            watches,
            rounds: round::rounds(&self.rounds, config.rounds)?,
            config,
            meta,
        })
    }

    fn original(self) -> Result<Log, LogError> {
        if self.values.is_empty() {
            // Our values and the original's begin alike, so the intended format is unknown.
            return Err(self.cut());
        }
        let config = self.settings.finish()?;
        Ok(Log {
            dialect: Dialect::Original,
            method: None,
            samples: original::samples(&self.values, &config)?,
            quads: Vec::new(),
            watches: Vec::new(),
            rounds: BTreeMap::new(),
            config,
            meta: Vec::new(),
        })
    }

    fn cut(self) -> LogError {
        LogError::Cut {
            line: self.lines,
            last: self.last,
        }
    }
}

fn guest_error(line: &Line<'_>, message: &str) -> LogError {
    LogError::Guest {
        line: line.number,
        message: excerpt(message),
    }
}

fn rebooted(first: usize, line: &Line<'_>) -> LogError {
    LogError::Rebooted {
        first,
        second: line.number,
    }
}

fn bad_record(line: &Line<'_>, text: &str, error: &RecordError<'_>) -> LogError {
    if !line.terminated {
        return LogError::Cut {
            line: line.number,
            last: excerpt(text),
        };
    }
    match error {
        RecordError::Version(found) => LogError::Version {
            line: line.number,
            found: excerpt(found),
        },
        error => LogError::Record {
            line: line.number,
            text: excerpt(text),
            problem: error.to_string(),
        },
    }
}
