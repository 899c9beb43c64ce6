//! The kernel's command line: its only parameter, and the program's arguments.

use core::fmt;

/// The program's name if the loader does not pass one.
pub const DEFAULT_NAME: &[u8] = b"guest-bench";

/// How system calls are handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Handler {
    /// `handler=bare`: with the fewest instructions; saves nothing that the call does not
    /// change.
    #[default]
    Bare,
    /// `handler=full`: on a kernel stack, with all general registers saved.
    Full,
}

/// The value of a word `handler=` that is not the name of a [`Handler`].
#[derive(Debug, Clone, Copy)]
pub struct UnknownHandler<'l>(Word<'l>);

impl fmt::Display for UnknownHandler<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("there is no ")?;
        for byte in self.0.bytes() {
            write!(f, "{}", byte.escape_ascii())?;
        }
        f.write_str(": write handler=bare or handler=full")
    }
}

/// The handler that the kernel's own words request: those before the first `--`, of which the
/// last one counts. All others are ignored, because a Multiboot loader puts the image's name
/// there.
pub fn handler(command_line: &[u8]) -> Result<Handler, UnknownHandler<'_>> {
    let mut handler = Handler::default();
    let words = Words { rest: command_line };
    for word in words.take_while(|word| word.raw != b"--") {
        match word.raw {
            b"handler=bare" => handler = Handler::Bare,
            b"handler=full" => handler = Handler::Full,
            raw if raw.starts_with(b"handler=") => return Err(UnknownHandler(word)),
            _ => {}
        }
    }
    Ok(handler)
}

/// The program's arguments: the words after the first word `--`, as Linux passes them to init.
pub fn program_arguments(command_line: &[u8]) -> Words<'_> {
    let mut words = Words { rest: command_line };
    for word in words.by_ref() {
        if word.raw == b"--" {
            break;
        }
    }
    words
}

/// Every word except the first, the image's name: what Unikraft 0.5 passes to the program,
/// including `--` and the words before it.
pub fn all_but_the_first(command_line: &[u8]) -> Words<'_> {
    let mut words = Words { rest: command_line };
    words.next();
    words
}

/// `argv[0]`: the first word of the module's own string, or [`DEFAULT_NAME`].
pub fn program_name(module_name: &[u8]) -> Word<'_> {
    let mut words = Words { rest: module_name };
    words.next().unwrap_or(Word { raw: DEFAULT_NAME })
}

/// A line's words: separated by white space that is not between double quotes.
#[derive(Debug, Clone)]
pub struct Words<'l> {
    rest: &'l [u8],
}

impl<'l> Iterator for Words<'l> {
    type Item = Word<'l>;

    fn next(&mut self) -> Option<Word<'l>> {
        self.rest = self.rest.trim_ascii_start();
        let mut quoted = false;
        let is_end = |byte: &u8| {
            quoted ^= *byte == b'"';
            !quoted && byte.is_ascii_whitespace()
        };
        let length = self.rest.iter().position(is_end);
        let (raw, rest) = self
            .rest
            .split_at_checked(length.unwrap_or(self.rest.len()))?;
        self.rest = rest;
        (!raw.is_empty()).then_some(Word { raw })
    }
}

/// One word of a line.
#[derive(Debug, Clone, Copy)]
pub struct Word<'l> {
    raw: &'l [u8],
}

impl<'l> Word<'l> {
    /// Its bytes, without the double quotes.
    pub fn bytes(&self) -> impl Iterator<Item = u8> + 'l {
        self.raw.iter().copied().filter(|byte| *byte != b'"')
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::format;
    use std::string::{String, ToString};
    use std::vec::Vec;

    fn arguments(line: &str) -> Vec<String> {
        program_arguments(line.as_bytes())
            .map(|word| String::from_utf8(word.bytes().collect()).unwrap())
            .collect()
    }

    #[test]
    fn arguments_follow_the_first_double_dash() {
        assert_eq!(arguments("ring0 -- a  b\t-- c "), ["a", "b", "--", "c"]);
        assert_eq!(arguments("-- a"), ["a"]);
        assert!(arguments("ring0 a b --x").is_empty());
        assert!(arguments("ring0 --").is_empty());
        assert!(arguments("").is_empty());
    }

    #[test]
    fn unikraft_passes_on_every_word_but_the_first() {
        let all = |line: &str| {
            let words = all_but_the_first(line.as_bytes());
            words
                .map(|word| String::from_utf8(word.bytes().collect()).unwrap())
                .collect::<Vec<_>>()
        };
        assert_eq!(all("image unikraft -- a"), ["unikraft", "--", "a"]);
        assert!(all("image").is_empty());
        assert!(all("").is_empty());
    }

    #[test]
    fn the_handler_is_chosen_by_the_kernels_own_words() {
        let of = |line: &'static str| handler(line.as_bytes()).map_err(|bad| bad.to_string());
        for line in [
            "",
            "ring0",
            "-- handler=full",
            "ring0 quiet handler=bare",
            "handle=full",
        ] {
            assert_eq!(of(line), Ok(Handler::Bare), "{line}");
        }
        for line in [
            "handler=full",
            "ring0 handler=bare handler=full -- handler=x",
        ] {
            assert_eq!(of(line), Ok(Handler::Full), "{line}");
        }
        for bad in ["handler=", "handler=ful", "handler=full2"] {
            let expected = format!("there is no {bad}: write handler=bare or handler=full");
            assert_eq!(of(bad), Err(expected));
        }
    }

    #[test]
    fn quotes_keep_words_together() {
        assert_eq!(arguments(r#"-- "a b" c="d e" """#), ["a b", "c=d e", ""]);
        assert_eq!(arguments(r#"-- "a b"#), ["a b"]);
        assert!(arguments(r#"" -- a""#).is_empty());
    }

    #[test]
    fn the_name_is_the_modules_or_the_default() {
        let name = |string: &[u8]| program_name(string).bytes().collect::<Vec<_>>();
        assert_eq!(name(b"build/prog x y"), b"build/prog");
        assert_eq!(name(b""), b"guest-bench");
        assert_eq!(name(b"  "), b"guest-bench");
    }

    proptest! {
        #[test]
        fn plain_words_survive(words in prop::collection::vec("[!#-~]{1,8}", 0..10)) {
            prop_assert_eq!(arguments(&std::format!("-- {}", words.join(" "))), words);
        }

        #[test]
        fn hostile_lines_do_not_panic(line in prop::collection::vec(any::<u8>(), 0..200)) {
            for word in program_arguments(&line) {
                prop_assert!(word.bytes().count() <= line.len());
            }
        }
    }
}
