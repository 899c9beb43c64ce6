//! Which system calls a kernel has: the console of a boot that tried all of them.

use contract::{CALLS, CallTried, Closing, Record, Tried};

use crate::log::lines;

/// Whether a kernel has a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Has {
    /// It answered, and not with ENOSYS.
    Works,
    /// It answered with ENOSYS.
    Fails,
    /// It was not tried, or ended the program before it answered.
    Untried,
}

impl Has {
    /// Its word in a list of calls.
    pub fn word(self) -> &'static str {
        match self {
            Self::Works => "works",
            Self::Fails => "fails",
            Self::Untried => "untried",
        }
    }
}

/// What a console shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Console {
    /// Every call, by its number: the log is complete and unchanged.
    Complete(Vec<Has>),
    /// The machine ended in this call.
    EndedIn(u32),
    /// The program did not try calls, or said why not.
    Nothing(String),
    /// Lines were lost or changed.
    Damaged,
}

const ENOSYS: u64 = contract::ENOSYS.wrapping_neg();

/// Reads the console of a boot that tried all calls.
pub fn parse(console: &[u8]) -> Console {
    let mut closing = Closing::default();
    let mut calls = Vec::new();
    let mut said = String::new();
    for line in lines::Lines::new(console) {
        let text = String::from_utf8_lossy(&line.bytes);
        match Record::parse(&text) {
            Some(Ok(Record::Call(call))) => {
                if call.number != calls.len() as u64 {
                    return Console::Damaged;
                }
                calls.push(has(&call));
                closing.line(&line.bytes);
            }
            Some(Ok(Record::End { lines, crc })) => {
                let whole = lines == CALLS && calls.len() as u64 == CALLS;
                let same = lines == closing.lines() && crc == closing.crc();
                return match (whole, same) {
                    (true, true) => Console::Complete(calls),
                    _ => Console::Damaged,
                };
            }
            Some(Ok(Record::Error(error))) => return Console::Nothing(error.to_owned()),
            _ if !text.trim().is_empty() => said = text.into_owned(),
            _ => {}
        }
    }
    match u32::try_from(calls.len()) {
        Ok(number @ 1..) => Console::EndedIn(number),
        _ => Console::Nothing(said),
    }
}

/// What a call that was misused shows of itself. Three of Linux's calls cannot answer: they end
/// the process with a signal, which a kernel without them does not send.
fn has(call: &CallTried) -> Has {
    const RT_SIGRETURN: u64 = 15;
    const PAUSE: u64 = 34;
    const URETPROBE: u64 = 335;
    const SIGILL: u64 = 4;
    const SIGSEGV: u64 = 11;
    const SIGALRM: u64 = 14;
    match (call.tried, call.number, call.detail) {
        (Tried::Error, _, ENOSYS) => Has::Fails,
        (Tried::Value | Tried::Error | Tried::Ended, ..)
        | (Tried::Signal, RT_SIGRETURN, SIGSEGV)
        | (Tried::Signal, PAUSE, SIGALRM)
        | (Tried::Signal, URETPROBE, SIGILL) => Has::Works,
        (Tried::Signal | Tried::Skipped, ..) => Has::Untried,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use contract::Encoder;

    fn tried(number: u64) -> CallTried {
        let (tried, detail) = match number {
            0 => (Tried::Error, 9),
            15 => (Tried::Signal, 11),
            16 => (Tried::Signal, 11),
            39 => (Tried::Value, 0),
            60 => (Tried::Ended, 0),
            231 => (Tried::Skipped, 0),
            _ => (Tried::Error, ENOSYS),
        };
        CallTried {
            number,
            tried,
            detail,
        }
    }

    fn console(numbers: std::ops::Range<u64>) -> String {
        let mut log = Encoder::new(String::from("booting\r\n"));
        for number in numbers {
            log.call(&tried(number)).unwrap();
        }
        log.end().unwrap()
    }

    #[test]
    fn a_call_works_unless_it_answers_enosys() {
        let Console::Complete(calls) = parse(console(0..CALLS).as_bytes()) else {
            panic!("it is complete");
        };
        let of = |number: usize| calls[number];
        assert_eq!([0, 15, 39, 60].map(of), [Has::Works; 4]);
        assert_eq!([16, 231].map(of), [Has::Untried; 2]);
        assert_eq!([1, 511].map(of), [Has::Fails; 2]);
    }

    #[test]
    fn a_console_that_is_cut_names_the_call_that_ended_the_machine() {
        let whole = console(0..CALLS);
        let cut = whole.split_inclusive('\n').take(61).collect::<String>();
        assert_eq!(parse(cut.as_bytes()), Console::EndedIn(60));
        assert_eq!(
            parse(b"Kernel panic\n"),
            Console::Nothing("Kernel panic".into())
        );
        let error = parse(b"error\tcalls=y: there is no such option\n");
        assert_eq!(
            error,
            Console::Nothing("calls=y: there is no such option".into())
        );
    }

    #[test]
    fn a_changed_or_lost_line_is_damage() {
        let whole = console(0..CALLS);
        let changed = whole.replacen("call\t39\tvalue", "call\t39\terror", 1);
        assert_eq!(parse(changed.as_bytes()), Console::Damaged);
        let lost = whole.replacen("call\t39\tvalue\t0\n", "", 1);
        assert_eq!(parse(lost.as_bytes()), Console::Damaged);
        assert_eq!(parse(console(0..9).as_bytes()), Console::Damaged);
    }
}
