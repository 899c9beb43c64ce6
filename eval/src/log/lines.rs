use std::borrow::Cow;

const ESC: u8 = 0x1b;
const BEL: u8 = 0x07;

/// One line of a console, cleaned.
#[derive(Debug, PartialEq)]
pub(crate) struct Line<'a> {
    /// Its number, from 1.
    pub(crate) number: usize,
    /// Its bytes without the line ending, escape sequences and control characters.
    pub(crate) bytes: Cow<'a, [u8]>,
    /// False if the console ends before the line does.
    pub(crate) terminated: bool,
}

/// The lines of a console.
pub(crate) struct Lines<'a> {
    rest: &'a [u8],
    number: usize,
}

impl<'a> Lines<'a> {
    pub(crate) fn new(console: &'a [u8]) -> Self {
        Self {
            rest: console,
            number: 0,
        }
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    fn next(&mut self) -> Option<Line<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        self.number += 1;
        let end = self.rest.iter().position(|&b| b == b'\n');
        let (line, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest.get(1..).unwrap_or_default();
        Some(Line {
            number: self.number,
            bytes: clean(line),
            terminated: end.is_some(),
        })
    }
}

/// Removes what a terminal would interpret instead of showing.
fn clean(line: &[u8]) -> Cow<'_, [u8]> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if !line.iter().copied().any(is_control) {
        return Cow::Borrowed(line);
    }
    let mut kept = Vec::with_capacity(line.len());
    let mut rest = line;
    while let Some((&byte, after)) = rest.split_first() {
        rest = if byte == ESC {
            after_escape(after)
        } else {
            if !is_control(byte) {
                kept.push(byte);
            }
            after
        };
    }
    Cow::Owned(kept)
}

fn is_control(byte: u8) -> bool {
    byte.is_ascii_control() && byte != b'\t'
}

/// The rest of an escape sequence (ECMA-48), from after its ESC. If it does not end on this
/// line, only the ESC is removed.
fn after_escape(text: &[u8]) -> &[u8] {
    match text {
        [b'[', rest @ ..] => {
            let parameters = rest.iter().take_while(|b| (0x20..0x40).contains(*b));
            match rest.get(parameters.count()..) {
                Some([0x40..=0x7e, rest @ ..]) => rest,
                _ => text,
            }
        }
        // Operating system command: up to BEL or ESC \.
        [b']', rest @ ..] => match rest.iter().position(|b| matches!(*b, BEL | ESC)) {
            Some(end) => {
                let tail = rest.get(end..).unwrap_or_default();
                tail.strip_prefix(b"\x1b\\")
                    .or(tail.strip_prefix(&[BEL]))
                    .unwrap_or(tail)
            }
            None => text,
        },
        // Character set and the like: intermediate bytes, then a final one.
        [0x20..=0x2f, ..] => {
            let intermediate = text.iter().take_while(|b| (0x20..0x30).contains(*b));
            match text.get(intermediate.count()..) {
                Some([0x30..=0x7e, rest @ ..]) => rest,
                _ => text,
            }
        }
        [0x30..=0x7e, rest @ ..] => rest,
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cleaned(line: &str) -> String {
        String::from_utf8(clean(line.as_bytes()).into_owned()).unwrap()
    }

    #[test]
    fn terminal_control_bytes_are_removed() {
        for (line, expected) in [
            ("end\t1", "end\t1"),
            ("end\t1\r", "end\t1"),
            ("\r\r\0end\x08", "end"),
            ("\x1bc\x1b[?7l\x1b[2J\x1b[01;31mend\x1b[0m", "end"),
            ("\x1b]0;title\x07end", "end"),
            ("\x1b]0;title\x1b\\end", "end"),
            ("\x1b(Bend", "end"),
            ("end\x1b", "end"),
            ("end\x1b[12", "end[12"),
            ("end\x1b]0;x", "end]0;x"),
        ] {
            assert_eq!(cleaned(line), expected, "{line:?}");
        }
    }

    #[test]
    fn lines_have_their_number_and_whether_they_are_terminated() {
        let lines: Vec<_> = Lines::new(b"a\r\n\nb").collect();
        let seen: Vec<_> = lines
            .iter()
            .map(|l| (l.number, &*l.bytes, l.terminated))
            .collect();
        assert_eq!(
            seen,
            [
                (1, &b"a"[..], true),
                (2, &b""[..], true),
                (3, &b"b"[..], false)
            ]
        );
    }
}
