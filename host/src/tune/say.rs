//! What became of a plan, in words.

use std::fmt::Write as _;

use super::Preview;
use super::apply::Applied;
use super::plan::{Plan, Remark, Write};
use super::restore::{Restored, State};

/// Every write of a plan in its order, as `--dry-run` shows it.
pub fn plan(plan: &Plan) -> String {
    let mut text = String::new();
    let mut n = 0;
    for Write { path, old, new } in &plan.writes {
        let Some(new) = new else {
            continue;
        };
        n += 1;
        let same = if old == new { "  (is so already)" } else { "" };
        let _ = writeln!(text, "{n:3}  {path}: {old} -> {new}{same}");
    }
    for Write { path, old, .. } in plan.writes.iter().filter(|write| write.new.is_none()) {
        let _ = writeln!(text, "     {path}: {old}  (remembered: turbo changes it)");
    }
    for Remark { text: remark, .. } in &plan.remarks {
        let _ = writeln!(text, "note: {remark}");
    }
    text
}

/// What was made, and a line for each setting that was not.
pub fn applied(settings: &[Applied]) -> Vec<String> {
    let made = settings.iter().filter(|setting| setting.is_made()).count();
    let mut lines = vec![format!(
        "{made} of {} settings are as wanted",
        settings.len()
    )];
    let kept: Vec<_> = settings
        .iter()
        .filter(|setting| !setting.is_made() && setting.is_kept_interrupt())
        .filter_map(|setting| setting.path.split('/').nth(3))
        .collect();
    if !kept.is_empty() {
        lines.push(format!(
            "interrupts that the kernel keeps where they are: {} (timers and device queues; \
             isolcpus=managed_irq,LIST on the kernel's command line keeps queues away)",
            kept.join(", ")
        ));
    }
    let failed = settings.iter().filter(|setting| is_failed(setting));
    lines.extend(failed.map(failure));
    lines
}

/// Whether the setting is not what it should be, and could have been.
pub fn is_failed(setting: &Applied) -> bool {
    !setting.is_made() && !setting.is_kept_interrupt()
}

fn failure(setting: &Applied) -> String {
    let now = setting.now.as_deref().unwrap_or("nothing that can be read");
    let Applied { path, wanted, .. } = setting;
    match &setting.error {
        Some(error) => format!("{path}: wanted {wanted}, it shows {now}: {error}"),
        None => format!(
            "{path}: wanted {wanted}, it shows {now}: the kernel or the firmware limits or rounds it, \
             or another program has changed it"
        ),
    }
}

/// What would be put back, in this order, as `restore --dry-run` shows it.
pub fn preview(preview: &Preview) -> String {
    let settings = match preview {
        Preview::Nothing => return "nothing is tuned, so that nothing would be put back\n".into(),
        Preview::OtherBoot => {
            return "the journal was written before the last reboot, which undid all of it; it \
                    would be put aside\n"
                .into();
        }
        Preview::Settings(settings) => settings,
    };
    let mut text = String::new();
    for setting in settings {
        let Write { path, old, .. } = &setting.write;
        let now = setting.now.as_deref().unwrap_or("(gone)");
        let _ = match (now == old, setting.is_ours) {
            (true, _) => writeln!(text, "{path}: {old}  (is so already)"),
            (false, true) => writeln!(text, "{path}: {now} -> {old}"),
            (false, false) => writeln!(
                text,
                "{path}: {now}  (somebody else has changed it; left alone, was {old})"
            ),
        };
    }
    text
}

/// What was put back, and a line for each setting that was not.
pub fn restored(settings: &[Restored]) -> Vec<String> {
    let back = settings
        .iter()
        .filter(|setting| setting.state == State::Back);
    let mut lines = vec![format!(
        "{} of {} settings are as they were before tuning",
        back.count(),
        settings.len()
    )];
    lines.extend(settings.iter().filter_map(
        |Restored {
             path,
             before,
             state,
         }| {
            Some(match state {
                State::Back => return None,
                State::Foreign { now } => format!(
                    "{path}: left alone: somebody else has changed it to {now} since; \
                 it was {before} before tuning"
                ),
                State::Gone => format!("{path}: it has gone; it was {before} before tuning"),
                State::Failed { now, error } => {
                    let error = error
                        .as_deref()
                        .unwrap_or("the kernel does not take it now");
                    format!("{path}: wanted {before} back, it shows {now}: {error}")
                }
            })
        },
    ));
    lines
}
