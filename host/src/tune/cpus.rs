//! Lists and masks of CPUs, in the kernel's formats.

use crate::cpus;
pub use crate::cpus::list;

/// Reads `0-3,7`, or `0 1 2` as cpufreq prints it.
pub fn parse(list: &str) -> Option<Vec<usize>> {
    cpus::parse_list(&list.trim().replace(char::is_whitespace, ",")).ok()
}

/// A mask of CPUs such as `00ff,ffffffff` without some of them, with as many digits.
pub fn mask_without(mask: &str, cpus: &[usize]) -> Option<String> {
    let digits = mask.chars().filter(|&c| c != ',').count();
    let mut left = digits;
    let mut fewer = String::new();
    for c in mask.chars() {
        if c == ',' {
            fewer.push(c);
            continue;
        }
        left -= 1;
        let taken = cpus.iter().filter(|&&cpu| cpu / 4 == left);
        let taken = taken.fold(0, |bits, cpu| bits | 1 << (cpu % 4));
        fewer.push(char::from_digit(c.to_digit(16)? & !taken, 16)?);
    }
    Some(fewer)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn cpufreqs_lists_are_read_too() {
        assert_eq!(parse("0 1 2\n"), Some(vec![0, 1, 2]));
        assert_eq!(parse("0-2,7"), Some(vec![0, 1, 2, 7]));
        assert_eq!(parse("none"), None);
    }

    #[test]
    fn masks_keep_their_digits() {
        let without = |mask, cpus: &[usize]| mask_without(mask, cpus).unwrap();
        assert_eq!(without("3", &[1]), "1");
        assert_eq!(without("ff", &[0, 7]), "7e");
        assert_eq!(without("00ff,ffffffff", &[31, 32]), "00fe,7fffffff");
        assert_eq!(without("f", &[400]), "f");
        assert_eq!(mask_without("x", &[0]), None);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(cpus in proptest::collection::btree_set(0..300usize, 1..40)) {
            let cpus: Vec<_> = cpus.into_iter().collect();
            prop_assert_eq!(parse(&list(&cpus)), Some(cpus));
        }
    }
}
