//! /proc/PID/stat, which has one reader here.

/// The line of a process, in fields.
pub struct ProcessStat<'t> {
    /// The program's name, which may contain blanks and brackets.
    pub name: &'t str,
    after_name: Vec<&'t str>,
}

impl<'t> ProcessStat<'t> {
    /// `None` if the text is something else.
    pub fn parse(text: &'t str) -> Option<Self> {
        let (_, rest) = text.split_once('(')?;
        let (name, rest) = rest.rsplit_once(')')?;
        Some(Self {
            name,
            after_name: rest.split_whitespace().collect(),
        })
    }

    /// A field behind the name by its number in proc_pid_stat(5): 3 is the state.
    pub fn field(&self, number: usize) -> Option<&'t str> {
        let index = number.checked_sub(3)?;
        self.after_name.get(index).copied()
    }

    /// The same as a number.
    pub fn number(&self, number: usize) -> Option<u64> {
        self.field(number)?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::ProcessStat;

    #[test]
    fn a_name_may_look_like_the_fields_behind_it() {
        let stat = ProcessStat::parse("12 (a) S (b) T 1 -7").unwrap();
        assert_eq!(stat.name, "a) S (b");
        assert_eq!(stat.field(3), Some("T"));
        assert_eq!(stat.number(4), Some(1));
        assert_eq!(stat.number(5), None);
        assert_eq!(stat.field(6), None);
        assert_eq!(stat.field(2), None);
        assert!(ProcessStat::parse("12 name S").is_none());
        assert!(ProcessStat::parse(")(").is_none());
    }
}
