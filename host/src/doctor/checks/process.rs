//! Checks of this process's control groups and speculation controls, which its children
//! inherit.

use eval::verdict::State;

use super::Found;
use crate::doctor::Facts;

/// Whether its control groups take the CPU away.
pub(super) fn control_group(facts: &Facts) -> Found {
    let Some(group) = &facts.host.group else {
        return Found::unknown("this process's control group is not visible");
    };
    let throttled = facts
        .activity
        .as_ref()
        .and_then(|activity| activity.group_throttled);
    let path = &group.path;
    match (group.cpus, throttled) {
        (Some(cpus), Some(count @ 1..)) => Found::unfit(format!(
            "{path} may use {cpus:.2} CPUs, and had to wait {count} times during the noise test"
        )),
        (Some(cpus), _) => Found::warning(format!(
            "{path} may use {cpus:.2} CPUs, and has to wait when it reaches that limit"
        )),
        (None, _) => Found::ok(format!("{path} does not limit CPU time")),
    }
    .fix("run outside that group, or raise `cpu.max` (docker: --cpus; systemd: CPUQuota=)")
}

/// Whether this process pays for mitigations that others do not.
pub(super) fn speculation(facts: &Facts) -> Found {
    let security = &facts.host.security;
    let (Some(bypass), Some(branch)) = (&security.store_bypass, &security.indirect_branch) else {
        return Found::unknown("the kernel does not show this process's speculation controls");
    };
    let what = format!("store bypass: {bypass}; indirect branches: {branch}");
    // Where only threads that ask pay (Linux, fs/proc/array.c; spec_ctrl.rst).
    let pays = bypass.starts_with("thread") && bypass.ends_with("mitigated")
        || branch.starts_with("conditional") && branch.ends_with("disabled");
    let state = if pays { State::Warning } else { State::Ok };
    let whose = if pays {
        "this process pays for mitigations that most do not: "
    } else {
        ""
    };
    Found::new(state, format!("{whose}{what}")).fix(
        "run outside the container or sandbox that asked for them (prctl, seccomp before \
         Linux 5.16)",
    )
}

#[cfg(test)]
mod tests {
    use eval::verdict::State::{Ok, Unfit, Unknown, Warning};

    use super::super::tests::expect;
    use super::*;
    use crate::doctor::host::group::Group;

    #[test]
    fn a_limit_that_was_reached_is_unfit() {
        let limited = |cpus, count| {
            move |facts: &mut Facts| {
                let path = "/docker/x".into();
                facts.host.group = Some(Group { path, cpus });
                facts.activity.as_mut().unwrap().group_throttled = count;
            }
        };
        let words = "/docker/x may use 1.50 CPUs, and had to wait 3 times";
        expect(control_group, limited(Some(1.5), Some(3)), Unfit, words);
        expect(
            control_group,
            limited(Some(1.5), Some(0)),
            Warning,
            "docker: --cpus",
        );
        // Others in a group above had to wait.
        expect(control_group, limited(None, Some(3)), Ok, "does not limit");
        let none = |facts: &mut Facts| facts.host.group = None;
        expect(control_group, none, Unknown, "not visible");
    }

    #[test]
    fn a_process_that_pays_more_than_others_is_named() {
        let security = |bypass: &str, branch: &str| {
            let (bypass, branch) = (bypass.to_owned(), branch.to_owned());
            move |facts: &mut Facts| {
                facts.host.security.store_bypass = Some(bypass);
                facts.host.security.indirect_branch = Some(branch);
            }
        };
        for (bypass, branch, state) in [
            ("thread vulnerable", "conditional enabled", Ok),
            ("not vulnerable", "always enabled", Ok),
            ("globally mitigated", "not affected", Ok),
            ("thread force mitigated", "conditional enabled", Warning),
            ("thread vulnerable", "conditional force disabled", Warning),
            // For all threads.
            ("thread vulnerable", "always disabled", Ok),
        ] {
            expect(speculation, security(bypass, branch), state, bypass);
        }
    }
}
