//! Which functions lie at addresses of the kernel.

use crate::tree::Tree;

/// Compilers put functions at multiples of this. A probe's address may lie a little behind the
/// function's own, after its landing pad (ENDBR64).
const ALIGNMENT: u64 = 16;

/// Those of the names whose function has one of the addresses, in their order. Who may not see
/// addresses gets zeros from the kernel, which fit nothing.
pub(super) fn at<'n>(tree: &Tree, addresses: &[u64], names: &[&'n str]) -> Vec<&'n str> {
    let symbols = tree.text("/proc/kallsyms").unwrap_or_default();
    let functions = symbols.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        let start = u64::from_str_radix(words.next()?, 16).ok()?;
        Some((start, words.nth(1)?))
    });
    let functions: Vec<_> = functions
        .filter(|(start, name)| *start > 0 && names.contains(name))
        .collect();
    let is_hit = |name: &&&str| {
        let starts = functions.iter().filter(|(_, symbol)| *symbol == **name);
        let mut starts = starts.map(|(start, _)| *start);
        starts.any(|start| {
            let within =
                |address: &u64| address.checked_sub(start).is_some_and(|at| at < ALIGNMENT);
            addresses.iter().any(within)
        })
    };
    names.iter().filter(is_hit).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::laid_out;

    #[test]
    fn addresses_are_named_by_the_kernels_symbols() {
        let (_folder, tree) = laid_out(&[(
            "proc/kallsyms",
            "ffffffff81000000 T _stext\nffffffff82000010 T do_syscall_64\n\
             ffffffff82000120 t x64_sys_call\nffffffffc0000000 t vfs_read\t[module]\n",
        )]);
        let names = ["do_syscall_64", "x64_sys_call"];
        let at = |addresses: &[u64]| at(&tree, addresses, &names);
        assert_eq!(at(&[0xffff_ffff_8200_0120]), ["x64_sys_call"]);
        // Behind ENDBR64.
        assert_eq!(at(&[1, 0xffff_ffff_8200_0014]), ["do_syscall_64"]);
        assert!(at(&[0xffff_ffff_8200_0020, 0xffff_ffff_c000_0000]).is_empty());
    }

    #[test]
    fn hidden_addresses_name_nothing() {
        let (_folder, tree) = laid_out(&[("proc/kallsyms", "0000000000000000 T do_syscall_64\n")]);
        assert!(at(&tree, &[0, 0], &["do_syscall_64"]).is_empty());
    }
}
