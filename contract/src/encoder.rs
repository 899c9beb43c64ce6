use core::fmt::{Result, Write};

use itoa::Buffer;

use crate::{
    Answer, Batch, CallTried, Clock, Closing, Disturbed, FORMAT_VERSION, Fact, HEADER_BEGIN,
    HEADER_END, Method, Quad, RefusedWatch, Slope, SystemCall, Watch, WatchRuns, WatchedSlope,
};

/// Writes a log, line by line, and closes it.
///
/// It writes lines piece by piece: an array of strings would be a table of pointers, each of
/// them a relocation in the guest's image.
#[derive(Debug)]
pub struct Encoder<W> {
    out: W,
    closing: Closing,
}

impl<W: Write> Encoder<W> {
    /// An encoder that writes to `out`.
    pub fn new(out: W) -> Self {
        Self {
            out,
            closing: Closing::default(),
        }
    }

    /// Where the lines go.
    pub fn writer(&mut self) -> &mut W {
        &mut self.out
    }

    /// The header: warm-up, rounds and, in the paper's method, calls per sample.
    pub fn header(&mut self, warmup: bool, rounds: u64, iterations: Option<u64>) -> Result {
        self.line(HEADER_BEGIN)?;
        // The original also prints an unset option the way Linux's .config does.
        self.line(if warmup {
            "CONFIG_WARMUP=y"
        } else {
            "# CONFIG_WARMUP is not set"
        })?;
        self.part("CONFIG_NB_ROUNDS=")?;
        self.line(Buffer::new().format(rounds))?;
        if let Some(iterations) = iterations {
            self.part("CONFIG_ITER_PER_ROUND=")?;
            self.line(Buffer::new().format(iterations))?;
        }
        self.line(HEADER_END)
    }

    /// The record that announces ours, with version and method.
    pub fn format(&mut self, method: Method) -> Result {
        self.part("tollgate")?;
        self.number(FORMAT_VERSION)?;
        self.word(method.name())?;
        self.end_of_line()
    }

    /// A fact about this boot that is a word or a phrase.
    pub fn fact(&mut self, fact: Fact, value: &str) -> Result {
        self.fact_for(fact, "", value)
    }

    /// A fact about this boot that is a number.
    pub fn fact_number(&mut self, fact: Fact, value: u64) -> Result {
        self.fact(fact, Buffer::new().format(value))
    }

    /// A fact that exists once for each of several things: the one for this thing.
    pub fn fact_for(&mut self, fact: Fact, what: &str, value: &str) -> Result {
        self.part("meta")?;
        self.word(fact.name())?;
        self.part(what)?;
        self.word(value)?;
        self.end_of_line()
    }

    /// [`Self::fact_for`], with a number.
    pub fn fact_number_for(&mut self, fact: Fact, what: &str, value: u64) -> Result {
        self.fact_for(fact, what, Buffer::new().format(value))
    }

    /// How the system call under test answered.
    pub fn answer(&mut self, call: SystemCall, answer: Answer) -> Result {
        let mut number = Buffer::new();
        let number = number.format(call.number());
        self.fact_for(Fact::SystemCall, number, call.answered(answer))
    }

    /// One sample of the paper's method.
    pub fn batch(&mut self, b: &Batch) -> Result {
        self.part("batch")?;
        self.word(b.benchmark.name())?;
        self.number(b.round)?;
        self.number(b.ops)?;
        self.number(b.ticks)?;
        self.end_of_line()
    }

    /// One sample of the precise method.
    pub fn slope(&mut self, s: &Slope) -> Result {
        self.part("slope")?;
        self.word(s.benchmark.name())?;
        self.number(s.round)?;
        self.number(s.align)?;
        self.number(s.ops_n)?;
        self.number(s.ticks_n)?;
        self.number(s.ops_2n)?;
        self.number(s.ticks_2n)?;
        self.number(s.chain_before)?;
        self.number(s.chain_after)?;
        self.end_of_line()
    }

    /// One sample of the exact method, or one check of the precise method's slope.
    pub fn quad(&mut self, q: &Quad) -> Result {
        self.part("quad")?;
        self.word(q.benchmark.name())?;
        self.number(q.round)?;
        self.number(q.align)?;
        self.number(q.copies)?;
        self.number(q.turns)?;
        self.number(q.ticks_n_t)?;
        self.number(q.ticks_n_2t)?;
        self.number(q.ticks_2n_t)?;
        self.number(q.ticks_2n_2t)?;
        self.end_of_line()
    }

    /// Both clock chains of a round.
    pub fn clock(&mut self, c: &Clock) -> Result {
        self.part("clock")?;
        self.number(c.round)?;
        self.number(c.imul_ticks)?;
        self.number(c.add_ticks)?;
        self.end_of_line()
    }

    /// How often one disturbance happened in a round.
    pub fn disturbed(&mut self, d: &Disturbed) -> Result {
        self.part("disturbed")?;
        self.number(d.round)?;
        self.word(d.by.name())?;
        self.number(d.amount)?;
        self.end_of_line()
    }

    /// A system call that was tried.
    pub fn call(&mut self, c: &CallTried) -> Result {
        self.part("call")?;
        self.number(c.number)?;
        self.word(c.tried.name())?;
        self.number(c.detail)?;
        self.end_of_line()
    }

    /// A watch, with the number by which the other records name it.
    pub fn watch(&mut self, number: u64, watch: &Watch) -> Result {
        self.part("watch")?;
        self.number(number)?;
        self.word(watch.kind.name())?;
        self.word(watch.site.name())?;
        self.word(watch.program.name())?;
        self.word(watch.operation.name())?;
        self.end_of_line()
    }

    /// One slope of a watch.
    pub fn watched(&mut self, s: &WatchedSlope) -> Result {
        self.part("watched")?;
        self.number(s.watch)?;
        self.word(s.state.name())?;
        self.number(s.ops)?;
        self.number(s.ticks_n)?;
        self.number(s.ticks_2n)?;
        self.end_of_line()
    }

    /// How often the program of a watch ran.
    pub fn runs(&mut self, r: &WatchRuns) -> Result {
        self.part("runs")?;
        for number in [r.watch, r.expected, r.runs, r.missed, r.lost] {
            self.number(number)?;
        }
        self.end_of_line()
    }

    /// A watch that the kernel refused.
    pub fn refused(&mut self, r: &RefusedWatch<'_>) -> Result {
        self.part("refused")?;
        self.number(r.watch)?;
        self.word(r.reason)?;
        self.end_of_line()
    }

    /// The closing record; returns the writer.
    pub fn end(mut self) -> core::result::Result<W, core::fmt::Error> {
        let (lines, crc) = (self.closing.lines(), self.closing.crc());
        self.part("end")?;
        self.number(lines)?;
        self.word(Hex::new(crc).as_str())?;
        self.end_of_line()?;
        Ok(self.out)
    }

    fn word(&mut self, text: &str) -> Result {
        self.part("\t")?;
        self.part(text)
    }

    fn number(&mut self, value: u64) -> Result {
        self.word(Buffer::new().format(value))
    }

    fn line(&mut self, text: &str) -> Result {
        self.part(text)?;
        self.end_of_line()
    }

    fn part(&mut self, text: &str) -> Result {
        self.closing.part(text.as_bytes());
        self.out.write_str(text)
    }

    fn end_of_line(&mut self) -> Result {
        self.closing.end_of_line();
        self.out.write_str("\n")
    }
}

/// Eight lower-case hexadecimal digits, without `core::fmt`.
struct Hex([u8; 8]);

impl Hex {
    fn new(value: u32) -> Self {
        let mut digits = [0; 8];
        for (byte, pair) in value.to_be_bytes().iter().zip(digits.chunks_exact_mut(2)) {
            for (nibble, digit) in [byte >> 4, byte & 0xf].into_iter().zip(pair) {
                *digit = nibble + if nibble < 10 { b'0' } else { b'a' - 10 };
            }
        }
        Self(digits)
    }

    fn as_str(&self) -> &str {
        // Always ASCII. Should it not be, the field is empty, which no reader accepts.
        core::str::from_utf8(&self.0).unwrap_or("")
    }
}
