//! The project's prose: its documents, its help, and the texts in its sources.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A text, and where it is.
pub struct Text {
    pub place: String,
    pub text: String,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The files of a folder and of those in it, in alphabetical order.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    entries.sort();
    let mut files = Vec::new();
    for entry in entries {
        if entry.is_dir() {
            files.extend(self::files(&entry));
        } else {
            files.push(entry);
        }
    }
    files
}

/// The Markdown files, as they are.
pub fn documents() -> Vec<Text> {
    let mut paths: Vec<_> = ["README.md", "ARTIFACT.md", "CHANGELOG.md"]
        .map(|name| root().join(name))
        .into();
    for folder in ["docs", "kernels"] {
        let files = files(&root().join(folder));
        paths.extend(
            files
                .into_iter()
                .filter(|f| f.extension().is_some_and(|e| e == "md")),
        );
    }
    let text = |path: &PathBuf| Text {
        place: path.display().to_string(),
        text: fs::read_to_string(path).unwrap(),
    };
    paths.iter().map(text).collect()
}

/// The paragraphs of a document, without code: indented blocks, and words between backticks.
pub fn prose(document: &str) -> String {
    let lines = document.lines().filter(|line| !line.starts_with("    "));
    let lines: Vec<_> = lines
        .map(|line| if line.is_empty() { "." } else { line })
        .collect();
    let mut text = String::new();
    for (i, part) in lines.join(" ").split('`').enumerate() {
        text += if i % 2 == 0 { part } else { "CODE" };
    }
    text
}

/// The first lines after code blocks that continue a sentence from before the block.
pub fn run_through_code(document: &str) -> Vec<String> {
    let lines: Vec<_> = document.lines().filter(|line| !line.is_empty()).collect();
    let pairs = lines.windows(2).filter(|pair| {
        let continues = pair[1].starts_with(|c: char| c.is_lowercase());
        pair[0].starts_with("    ") && continues
    });
    pairs
        .map(|pair| format!("{:?} continues a sentence", pair[1]))
        .collect()
}

/// The help of every command, short and long.
pub fn help() -> Vec<Text> {
    let mut texts = Vec::new();
    let mut open = vec![Vec::<String>::new()];
    while let Some(command) = open.pop() {
        for flag in ["-h", "--help"] {
            let output = Command::new(env!("CARGO_BIN_EXE_tollgate"))
                .args(&command)
                .arg(flag)
                .output()
                .unwrap();
            let text = String::from_utf8(output.stdout).unwrap();
            if flag == "-h" {
                open.extend(commands(&text).map(|name| [&command[..], &[name]].concat()));
            }
            let place = format!("tollgate {} {flag}", command.join(" "));
            texts.push(Text { place, text });
        }
    }
    texts
}

/// The names in the list of commands of a help text.
fn commands(help: &str) -> impl Iterator<Item = String> + '_ {
    let list = help.split("Commands:\n").nth(1).unwrap_or("");
    let list = list.split("\n\n").next().unwrap_or("").lines();
    let names = list.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    names.filter_map(|line| line.split_whitespace().next().map(str::to_owned))
}

/// The texts in the sources of all crates that a program can print: string literals of several
/// words, outside of tests.
pub fn literals() -> Vec<Text> {
    let mut texts = Vec::new();
    let crates = fs::read_dir(root())
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let crates = crates.chain([root().join("kernels/ring0")]);
    for file in crates
        .map(|path| path.join("src"))
        .filter(|src| src.is_dir())
        .flat_map(|src| files(&src))
    {
        let name = file.display().to_string();
        if !name.ends_with(".rs") || name.contains("/tests") || name.ends_with("/fake.rs") {
            continue;
        }
        let source = fs::read_to_string(&file).unwrap();
        let source = source.split("#[cfg(test)]\nmod tests {").next().unwrap();
        texts.extend(strings(source).into_iter().map(|text| Text {
            place: name.clone(),
            text,
        }));
    }
    texts
}

/// The string literals of a source that hold several words, as a program would print them.
pub fn strings(source: &str) -> Vec<String> {
    let code: Vec<_> = source
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect();
    let code = code
        .join("\n")
        .replace("'\"'", "' '")
        .replace("b'\\\"'", "' '");
    let mut strings = Vec::new();
    let mut rest = &code[..];
    while let Some(start) = rest.find('"') {
        let (text, end) = literal(&rest[start + 1..]);
        rest = &rest[start + 1 + end..];
        if text.split_whitespace().nth(1).is_some() {
            strings.push(text);
        }
    }
    strings
}

/// A literal's text, and where the code after its closing quote begins.
fn literal(code: &str) -> (String, usize) {
    let mut text = String::new();
    let mut chars = code.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (text, at + 1),
            // A placeholder's name is not prose.
            '{' => while chars.next_if(|&(_, c)| c != '}' && c != '"').is_some() {},
            '\\' => match chars.next() {
                // The line goes on behind the indentation of the next one.
                Some((_, '\n')) => while chars.next_if(|(_, c)| c.is_whitespace()).is_some() {},
                Some((_, 'n')) => text.push('\n'),
                Some((_, c)) => text.push(c),
                None => {}
            },
            c => text.push(c),
        }
    }
    (text, code.len())
}

/// The comments in the sources of all crates and in all scripts, a paragraph each.
pub fn comments() -> Vec<Text> {
    let output = Command::new("git")
        .args(["ls-files", "*.rs", "*.sh", "Makefile"])
        .current_dir(root())
        .output()
        .unwrap();
    let names = String::from_utf8(output.stdout).unwrap();
    // The rules quote what they forbid.
    let names = names
        .lines()
        .filter(|name| !name.starts_with("tools/tests/english"));
    let mut texts = Vec::new();
    for name in names {
        let source = fs::read_to_string(root().join(name)).unwrap_or_default();
        texts.extend(comments_of(&source).into_iter().map(|text| Text {
            place: name.to_owned(),
            text,
        }));
    }
    texts
}

/// The comments of a source or a script: paragraphs without their marks and without code.
pub fn comments_of(source: &str) -> Vec<String> {
    let mut paragraphs = vec![String::new()];
    for line in source.lines() {
        let text = comment(line).unwrap_or("");
        // A comment behind code is a paragraph of its own.
        if text.is_empty() || !is_comment(line) {
            paragraphs.push(String::new());
        }
        let last = paragraphs.last_mut().unwrap();
        if !last.is_empty() && !text.is_empty() {
            last.push(' ');
        }
        last.push_str(text);
        if !is_comment(line) {
            paragraphs.push(String::new());
        }
    }
    paragraphs.retain(|paragraph| !paragraph.is_empty());
    paragraphs
        .iter()
        .map(|paragraph| prose(paragraph))
        .collect()
}

/// Whether a line holds nothing but a comment.
fn is_comment(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("//") || line == "#" || line.starts_with("# ")
}

/// The text of a line's comment.
fn comment(line: &str) -> Option<&str> {
    if is_comment(line) {
        let marks = ['/', '!', '#'];
        return Some(line.trim_start().trim_start_matches(marks).trim());
    }
    let (_, text) = line
        .split_once("; // ")
        .or_else(|| line.split_once("} // "))?;
    Some(text.trim())
}
