use core::fmt::{Result, Write};

use itoa::Buffer;

use crate::{
    Batch, CONFIG_PREFIX, Closing, FORMAT_VERSION, HEADER_BEGIN, HEADER_END, Method, Slope,
};

/// Writes a log, line by line, and closes it.
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

    /// The header: warm-up, rounds and, in the paper's method, calls a sample.
    pub fn header(&mut self, warmup: bool, rounds: u64, iterations: Option<u64>) -> Result {
        self.line(&[HEADER_BEGIN])?;
        // The original, too, prints an unset option the way Linux's .config does.
        if warmup {
            self.line(&[CONFIG_PREFIX, "WARMUP=y"])?;
        } else {
            self.line(&["# ", CONFIG_PREFIX, "WARMUP is not set"])?;
        }
        self.line(&[CONFIG_PREFIX, "NB_ROUNDS=", Buffer::new().format(rounds)])?;
        if let Some(iterations) = iterations {
            self.line(&[
                CONFIG_PREFIX,
                "ITER_PER_ROUND=",
                Buffer::new().format(iterations),
            ])?;
        }
        self.line(&[HEADER_END])
    }

    /// The record that says that ours follow, in which version, by which method.
    pub fn format(&mut self, method: Method) -> Result {
        self.fields(&[
            "tollgate",
            Buffer::new().format(FORMAT_VERSION),
            method.name(),
        ])
    }

    /// A fact about this boot that is a word.
    pub fn meta(&mut self, key: &str, value: &str) -> Result {
        self.fields(&["meta", key, value])
    }

    /// A fact about this boot that is a number.
    pub fn meta_number(&mut self, key: &str, value: u64) -> Result {
        self.meta(key, Buffer::new().format(value))
    }

    /// One sample of the paper's method.
    pub fn batch(&mut self, b: &Batch) -> Result {
        self.fields(&[
            "batch",
            b.benchmark.name(),
            Buffer::new().format(b.round),
            Buffer::new().format(b.ops),
            Buffer::new().format(b.ticks),
        ])
    }

    /// One sample of the precise method.
    pub fn slope(&mut self, s: &Slope) -> Result {
        self.fields(&[
            "slope",
            s.benchmark.name(),
            Buffer::new().format(s.round),
            Buffer::new().format(s.ops_n),
            Buffer::new().format(s.ticks_n),
            Buffer::new().format(s.ops_2n),
            Buffer::new().format(s.ticks_2n),
            Buffer::new().format(s.chain_before),
            Buffer::new().format(s.chain_after),
        ])
    }

    /// What went wrong in the guest, in one line. No closing record may follow.
    pub fn error(&mut self, message: &str) -> Result {
        self.fields(&["error", message])
    }

    /// The closing record, and the writer back.
    pub fn end(mut self) -> core::result::Result<W, core::fmt::Error> {
        let (lines, crc) = (self.closing.lines(), self.closing.crc());
        self.fields(&["end", Buffer::new().format(lines), Hex::new(crc).as_str()])?;
        Ok(self.out)
    }

    fn fields(&mut self, fields: &[&str]) -> Result {
        for (i, field) in fields.iter().enumerate() {
            if i > 0 {
                self.part("\t")?;
            }
            self.part(field)?;
        }
        self.end_of_line()
    }

    fn line(&mut self, parts: &[&str]) -> Result {
        for part in parts {
            self.part(part)?;
        }
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
        // Always ASCII; an empty field, which no reader accepts, stands for the impossible.
        core::str::from_utf8(&self.0).unwrap_or("")
    }
}
