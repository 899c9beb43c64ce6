//! Paths in source text, as far as `crate::`, `super::`, `self::` and `use` name modules.

/// A path, `use crate::a::{b, c as d}` taken apart: each with the name that it gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// `crate`, `a`, `b`.
    pub path: Vec<String>,
    /// By what name it goes here.
    pub name: String,
    /// Whether a `use` says so.
    pub is_use: bool,
}

/// All paths of a file that begin with `crate`, `super` or `self`, and all of its `use`s.
pub fn find(source: &str) -> Vec<Named> {
    let text = without_comments(source);
    let mut found = Vec::new();
    let mut rest = text.as_str();
    let mut before = ' ';
    while let Some(first) = rest.chars().next() {
        let word = word(rest);
        let starts = !is_word(before) && before != ':';
        let after = rest.get(word.len()..).unwrap_or_default();
        let tree = match word {
            "use" if starts => Some((after.trim_start(), true)),
            "crate" | "super" | "self" if starts && after.starts_with("::") => Some((rest, false)),
            _ => None,
        };
        if let Some((tree, is_use)) = tree {
            let mut parser = Parser { rest: tree, is_use };
            parser.tree(&[], &mut found);
            before = ' ';
            rest = parser.rest;
            continue;
        }
        let step = word.len().max(first.len_utf8());
        before = rest
            .get(..step)
            .unwrap_or_default()
            .chars()
            .last()
            .unwrap_or(' ');
        rest = rest.get(step..).unwrap_or_default();
    }
    found
}

/// Whole lines and ends of lines. A `//` in a string cuts that line, which hides no path.
fn without_comments(source: &str) -> String {
    let lines = source
        .lines()
        .map(|line| line.split("//").next().unwrap_or_default());
    lines.collect::<Vec<_>>().join("\n")
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn word(text: &str) -> &str {
    let end = text.find(|c| !is_word(c)).unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

struct Parser<'t> {
    rest: &'t str,
    is_use: bool,
}

impl Parser<'_> {
    fn take(&mut self, text: &str) -> bool {
        let trimmed = self.rest.trim_start();
        let taken = trimmed.strip_prefix(text);
        self.rest = taken.unwrap_or(self.rest);
        taken.is_some()
    }

    fn word(&mut self) -> String {
        let trimmed = self.rest.trim_start();
        let word = word(trimmed);
        self.rest = trimmed.get(word.len()..).unwrap_or_default();
        word.to_owned()
    }

    /// A path, or several in braces, behind what stands before the braces.
    fn tree(&mut self, before: &[String], found: &mut Vec<Named>) {
        let mut path = before.to_vec();
        // A path from the crates' roots: `::host::files`.
        if before.is_empty() && self.take("::") {
            path.push(String::new());
        }
        loop {
            if self.take("{") {
                while !self.take("}") && !self.rest.trim_start().is_empty() {
                    let left = self.rest.len();
                    self.tree(&path, found);
                    self.take(",");
                    if self.rest.len() == left {
                        return;
                    }
                }
                return;
            }
            if self.take("*") {
                break;
            }
            let word = self.word();
            if word.is_empty() {
                break;
            }
            path.push(word);
            if !self.take("::") {
                break;
            }
        }
        let last = path.last().cloned().unwrap_or_default();
        let renamed = self.is_use && self.rest.trim_start().starts_with("as ");
        let name = if renamed {
            self.word();
            self.word()
        } else if last == "self" && path.len() > 1 {
            path.pop();
            path.last().cloned().unwrap_or_default()
        } else {
            last
        };
        found.push(Named {
            path,
            name,
            is_use: self.is_use,
        });
    }
}

#[test]
fn trees_are_taken_apart() {
    let source = "
        //! use crate::comment;
        pub use self::a::{self, B, c::{D as E, F}};
        use std::fmt;
        fn f(x: &super::g::H) -> crate::i { crate_level::no(); x.super_no }
    ";
    let found: Vec<_> = find(source)
        .into_iter()
        .map(|named| format!("{} = {}", named.name, named.path.join("::")))
        .collect();
    assert_eq!(
        found,
        [
            "a = self::a",
            "B = self::a::B",
            "E = self::a::c::D",
            "F = self::a::c::F",
            "fmt = std::fmt",
            "H = super::g::H",
            "i = crate::i",
        ]
    );
}
