//! Finds the file that contains the instruction that makes a call.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;

use crate::Call;
use crate::notify::Question;

/// Reading /proc takes longer than the call, so the number of lookups is limited.
const LOOKS: usize = 2000;

/// What was found so far.
#[derive(Debug, Default)]
pub struct Origins {
    /// By process and instruction.
    known: HashMap<(u32, u64), String>,
    pub of: BTreeMap<Call, BTreeSet<String>>,
}

impl Origins {
    /// Finds out where the call comes from while its process waits.
    pub fn look(&mut self, question: &Question) {
        let key = (question.pid, question.instruction);
        if !self.known.contains_key(&key) && self.known.len() < LOOKS {
            let maps = fs::read_to_string(format!("/proc/{}/maps", question.pid));
            let file = maps
                .ok()
                .and_then(|maps| holder(&maps, question.instruction));
            self.known
                .insert(key, file.unwrap_or_else(|| "unknown".into()));
        }
        if let Some(file) = self.known.get(&key) {
            let files = self.of.entry(Call(question.number)).or_default();
            if !files.contains(file) {
                files.insert(file.clone());
            }
        }
    }
}

/// The file of the mapping that holds an address (proc_pid_maps(5)).
fn holder(maps: &str, address: u64) -> Option<String> {
    maps.lines().find_map(|line| {
        let mut words = line.split_ascii_whitespace();
        let (from, to) = words.next()?.split_once('-')?;
        let from = u64::from_str_radix(from, 16).ok()?;
        let to = u64::from_str_radix(to, 16).ok()?;
        let file = words.nth(4).unwrap_or("memory without a file");
        (from..to).contains(&address).then(|| file.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mapping_that_holds_the_address_is_named() {
        let maps = "\
            55d000-55e000 r-xp 00000000 08:01 42   /usr/bin/true\n\
            7f0000-7f8000 r-xp 00002000 08:01 43   /usr/lib/libc.so.6\n\
            7f9000-7fa000 rwxp 00000000 00:00 0 \n";
        let at = |address| holder(maps, address);
        assert_eq!(at(0x55_d010).as_deref(), Some("/usr/bin/true"));
        assert_eq!(at(0x7f_7fff).as_deref(), Some("/usr/lib/libc.so.6"));
        assert_eq!(at(0x7f_8000), None);
        assert_eq!(at(0x7f_9000).as_deref(), Some("memory without a file"));
    }
}
