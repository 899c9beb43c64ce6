//! Which command runs a package's own tests?

use std::path::Path;
use std::process::{Command, Stdio};

use host::files;

use super::{PackageError, Tool};

/// A shell command for the source tree: what `dh` would run as its tests, or a target of
/// `debian/rules` with a usual name.
pub fn command(tree: &Path, source: &str, tool: &Tool<'_>) -> Result<String, PackageError> {
    let steps = said(tree, "make -n -f debian/rules build")?;
    let mut tests = Vec::new();
    for step in steps.lines().filter(|line| line.starts_with("dh ")) {
        let plan = said(tree, &format!("{step} --no-act"))?;
        tests.extend(plan.lines().filter_map(test).map(str::to_owned));
    }
    if tests.is_empty() {
        let rules = files::read_text(&tree.join("debian/rules"))?;
        tests.extend(by_target(&rules));
    }
    if tests.is_empty() {
        return Err(PackageError::NoTest(source.to_owned()));
    }
    tests.dedup();
    let command = tests.join(" && ");
    (tool.note)(&format!("its tests are: {command}"));
    Ok(command)
}

/// A step of dh, if it belongs to the tests.
fn test(step: &str) -> Option<&str> {
    let step = step.trim();
    let name = step.strip_prefix("debian/rules ").unwrap_or(step);
    let name = name.split_whitespace().next()?;
    let name = ["override_", "execute_before_", "execute_after_"]
        .iter()
        .find_map(|prefix| name.strip_prefix(prefix))
        .unwrap_or(name);
    let tests = ["dh_auto_test", "dh_auto_test-arch", "dh_auto_test-indep"];
    tests.contains(&name).then_some(step)
}

fn by_target(rules: &str) -> Option<String> {
    let has = |target: &str| {
        let mut lines = rules.lines();
        lines.any(|line| {
            line.strip_prefix(target)
                .is_some_and(|rest| rest.starts_with(':'))
        })
    };
    let target = ["check", "test", "tests"]
        .into_iter()
        .find(|name| has(name));
    let target = target.map(|name| format!("debian/rules {name}"));
    let by_helper = || {
        let mut lines = rules.lines();
        lines
            .any(|line| line.starts_with('\t') && line.trim().starts_with("dh_auto_test"))
            .then(|| "dh_auto_test".into())
    };
    target.or_else(by_helper)
}

/// What a shell command prints. If it fails, the build will say why.
fn said(tree: &Path, command: &str) -> Result<String, PackageError> {
    let output = Command::new("/bin/sh")
        .args(["-c", command])
        .current_dir(tree)
        .env_remove("DEB_BUILD_OPTIONS")
        .stdin(Stdio::null())
        .output()
        .map_err(PackageError::io(tree))?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tests_are_found_among_the_steps() {
        let plan = "   dh_auto_build -O--buildsystem=cmake\n   debian/rules execute_before_dh_auto_test\n\
                    \x20  dh_auto_test -O--buildsystem=cmake\n   debian/rules override_dh_auto_install\n";
        let found: Vec<_> = plan.lines().filter_map(test).collect();
        let expected = [
            "debian/rules execute_before_dh_auto_test",
            "dh_auto_test -O--buildsystem=cmake",
        ];
        assert_eq!(found, expected);
        assert_eq!(
            test("   debian/rules override_dh_auto_test-arch"),
            Some("debian/rules override_dh_auto_test-arch")
        );
    }

    #[test]
    fn without_dh_a_target_is_found_by_its_name() {
        let of = |rules| by_target(rules);
        assert_eq!(
            of("build:\n\tmake\ncheck: build\n\tmake check\n").unwrap(),
            "debian/rules check"
        );
        assert_eq!(of("build:\n\tdh_auto_test\n").unwrap(), "dh_auto_test");
        assert_eq!(of("checkout:\n\ttrue\n"), None);
    }
}
