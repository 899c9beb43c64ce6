//! How many of the calls that a program made does the analysis of its files find?

use std::fmt::{self, Display, Formatter};
use std::path::Path;

use serde::Serialize;

use super::{Site, StaticBinary};
use crate::Call;
use crate::result::{CallUse, Usage};

/// What the analysis finds of the calls that discovery saw.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Share {
    /// Calls that discovery saw.
    pub seen: usize,
    /// Those of them that the analysis finds.
    pub found: usize,
    /// The others.
    pub hidden: Vec<Hidden>,
}

/// A call that the analysis does not find.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Hidden {
    /// The call.
    pub call: Call,
    /// What may hide it: functions, and why.
    pub why: Vec<String>,
}

impl Share {
    /// Compares what the program did with what its files hold.
    pub fn new(result: &Usage, found: &StaticBinary) -> Self {
        let holds = |used: &CallUse| found.calls.iter().any(|held| held.call == used.call);
        let hidden = result.calls.iter().filter(|used| !holds(used));
        let hidden: Vec<_> = hidden
            .map(|used| Hidden {
                call: used.call,
                why: why(used, found),
            })
            .collect();
        Self {
            seen: result.calls.len(),
            found: result.calls.len() - hidden.len(),
            hidden,
        }
    }

    /// In percent; `None` if nothing was seen.
    pub fn percent(&self) -> Option<f64> {
        (self.seen > 0).then(|| 100.0 * self.found as f64 / self.seen as f64)
    }
}

/// By the files that made the call while the program ran.
fn why(used: &CallUse, found: &StaticBinary) -> Vec<String> {
    used.origin
        .iter()
        .flat_map(|file| why_in(file, found))
        .collect()
}

fn why_in(file: &str, found: &StaticBinary) -> Vec<String> {
    let name = Path::new(file).file_name().unwrap_or_default();
    let is_read = found
        .files
        .iter()
        .any(|read| read.file_name() == Some(name));
    if !is_read {
        let loads = found.loads.iter().map(|Site { file: by, function }| {
            format!("{file} was loaded while the program ran, perhaps by {by}, {function}")
        });
        return loads.collect();
    }
    let here = found.unknown.iter().filter(|site| *site.site.file == *name);
    let unknown: Vec<_> = here
        .map(|site| {
            let Site { file, function } = &site.site;
            format!("{file}, {function}: {}", site.why.join("; "))
        })
        .collect();
    if unknown.is_empty() {
        vec![format!(
            "{file}: no function that makes it is reached from the program's entry"
        )]
    } else {
        unknown
    }
}

impl Display for Share {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Some(percent) = self.percent() else {
            return writeln!(f, "Discovery saw no call.");
        };
        writeln!(
            f,
            "The files show {} of the {} calls that discovery saw ({percent:.1} %).",
            self.found, self.seen
        )?;
        for Hidden { call, why } in &self.hidden {
            writeln!(f, "Hidden: {call}")?;
            for why in why {
                writeln!(f, "  {why}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Count, FoundCall, UnknownSite};
    use super::*;
    use crate::result::example;

    fn site(file: &str, function: &str) -> Site {
        Site {
            file: file.into(),
            function: function.into(),
        }
    }

    fn found() -> StaticBinary {
        StaticBinary {
            files: vec!["/usr/lib/libc.so.6".into()],
            calls: vec![FoundCall {
                call: Call(0),
                number: 0,
                sites: vec![],
            }],
            unknown: vec![UnknownSite {
                site: site("libc.so.6", "syscall"),
                address: "0x1".into(),
                why: vec!["it is read from memory".into()],
            }],
            missing: vec![],
            loads: vec![site("cat", "plugins")],
            reached: Count::default(),
            all: Count::default(),
        }
    }

    #[test]
    fn what_hides_a_call_is_named() {
        let mut result = example();
        let share = Share::new(&result, &found());
        assert_eq!((share.seen, share.found), (2, 1));
        assert_eq!(
            share.to_string(),
            "The files show 1 of the 2 calls that discovery saw (50.0 %).\n\
             Hidden: openat\n  libc.so.6, syscall: it is read from memory\n"
        );
        result.calls[1].origin = vec!["/usr/lib/plugin.so".into()];
        let text = Share::new(&result, &found()).to_string();
        assert!(
            text.contains(
                "/usr/lib/plugin.so was loaded while the program ran, perhaps by cat, plugins"
            ),
            "{text}"
        );
        let mut nowhere = found();
        nowhere.unknown.clear();
        let text = Share::new(&example(), &nowhere).to_string();
        assert!(
            text.contains("no function that makes it is reached"),
            "{text}"
        );
        result.calls.clear();
        assert_eq!(Share::new(&result, &found()).percent(), None);
    }
}
