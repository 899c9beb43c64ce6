//! The results of a plan, as text.

use std::fmt::Write as _;

use std::path::Path;

use jiff::Timestamp;

use super::apply::Applied;
use super::held::Held;
use super::khz::Khz;
use super::plan::{Clock, Plan, Remark, Write};
use super::restore::{Restoration, Restored, SettingState};
use super::sys::UNREADABLE;
use super::{Preview, cpus};

/// Every write of a plan in its order, as `--dry-run` shows it.
pub fn plan(plan: &Plan) -> String {
    let mut text = String::new();
    let mut n = 0;
    for process in &plan.stops {
        n += 1;
        let how = match &process.service {
            Some(service) => format!("systemctl stop {service}"),
            None => "SIGSTOP".into(),
        };
        let _ = writeln!(text, "{n:3}  {process}: stopped ({how}) until restore");
    }
    for Write { path, old, new } in &plan.writes {
        let Some(new) = new else {
            continue;
        };
        n += 1;
        let same = if old == new { "  (unchanged)" } else { "" };
        let _ = writeln!(text, "{n:3}  {path}: {old} -> {new}{same}");
    }
    for Write { path, old, .. } in plan.writes.iter().filter(|write| write.new.is_none()) {
        let _ = writeln!(
            text,
            "     {path}: {old}  (recorded: other writes change it)"
        );
    }
    for (khz, cpus) in by_clock(&plan.clocks) {
        let clock = match khz {
            Some(khz) => format!("{khz} kHz"),
            None => "the value that scaling_max_freq then shows".into(),
        };
        let cpus = cpus::list(&cpus);
        let _ = writeln!(text, "then the clock is measured, CPU {cpus}: {clock}");
    }
    for Remark { text: remark, .. } in &plan.remarks {
        let _ = writeln!(text, "note: {remark}");
    }
    text
}

/// CPUs with the same clock stand together, in the order of the first.
fn by_clock(clocks: &[Clock]) -> Vec<(Option<Khz>, Vec<usize>)> {
    let mut groups: Vec<(Option<Khz>, Vec<usize>)> = Vec::new();
    for clock in clocks {
        match groups.iter_mut().find(|(khz, _)| *khz == clock.khz) {
            Some((_, cpus)) => cpus.push(clock.cpu),
            None => groups.push((clock.khz, vec![clock.cpu])),
        }
    }
    groups
}

/// The measured clocks: those that are right in one line, and a line for each other one.
pub fn clocks(held: &[Held]) -> Vec<String> {
    let mut lines = Vec::new();
    let right: Vec<_> = held.iter().filter(|held| held.is_right()).collect();
    let measured = || right.iter().filter_map(|held| held.measured_khz);
    if let (Some(least), Some(most)) = (measured().min(), measured().max()) {
        lines.push(format!(
            "{} of {} CPUs run at the requested clock: measured {} to {} MHz",
            right.len(),
            held.len(),
            least.0 / 1000,
            most.0 / 1000
        ));
    }
    let others = held.iter().filter(|held| !held.is_right());
    let why = |held: &Held| held.why.clone().unwrap_or_default();
    let unmeasured: Vec<_> = others.clone().filter(|held| !held.is_wrong()).collect();
    let mut reasons: Vec<_> = unmeasured.iter().map(|held| why(held)).collect();
    reasons.dedup();
    for reason in reasons {
        let cpus = unmeasured.iter().filter(|held| why(held) == reason);
        let cpus: Vec<_> = cpus.map(|held| held.cpu).collect();
        lines.push(format!(
            "CPU {}: the clock was not measured: {reason}",
            cpus::list(&cpus)
        ));
    }
    lines.extend(others.filter_map(|held| {
        let measured = held.measured_khz?;
        Some(format!(
            "CPU {}: {} MHz requested, {} MHz measured: {}",
            held.cpu,
            held.wanted_khz.0 / 1000,
            measured.0 / 1000,
            why(held)
        ))
    }));
    lines
}

/// Reports the remains of an earlier `apply`.
pub fn tuned_since(started: Timestamp, journal: &Path) -> String {
    format!(
        "the machine has been tuned since {started:.0}; to restore it, run tollgate tune restore (journal: {})",
        journal.display()
    )
}

/// Reports the settings that were made, and one line for each that was not.
pub fn applied(settings: &[Applied]) -> Vec<String> {
    let made = settings.iter().filter(|setting| setting.made).count();
    let mut lines = vec![format!(
        "{made} of {} settings are as wanted",
        settings.len()
    )];
    let kept: Vec<_> = settings
        .iter()
        .filter(|setting| !setting.made && setting.is_kept_interrupt())
        .filter_map(|setting| setting.path.split('/').nth(3))
        .collect();
    if !kept.is_empty() {
        lines.push(format!(
            "interrupts that the kernel does not move: {} (timers and device queues; \
             isolcpus=managed_irq,LIST on the kernel's command line keeps queues away)",
            kept.join(", ")
        ));
    }
    let failed = settings.iter().filter(|setting| is_failed(setting));
    lines.extend(failed.map(failure));
    lines
}

/// Whether the setting is not as wanted, and could have been.
pub fn is_failed(setting: &Applied) -> bool {
    !setting.made && !setting.is_kept_interrupt()
}

fn failure(setting: &Applied) -> String {
    let now = setting.now.as_deref().unwrap_or("nothing readable");
    let Applied { path, wanted, .. } = setting;
    match &setting.error {
        Some(error) => format!("{path}: wanted {wanted}, but it shows {now}: {error}"),
        None => format!(
            "{path}: wanted {wanted}, but it shows {now}: the kernel or the firmware limits or rounds it, or another program has changed it"
        ),
    }
}

/// Lists what would be restored, in order, for `restore --dry-run`.
pub fn preview(preview: &Preview) -> String {
    let settings = match preview {
        Preview::Nothing => {
            return "the machine is not tuned, so there is nothing to restore\n".into();
        }
        Preview::OtherBoot => {
            return "the journal was written before the last reboot, which undid all its settings; it would be renamed\n"
                .into();
        }
        Preview::Settings(settings) => settings,
    };
    let mut text = String::new();
    for setting in settings {
        let Write { path, old, .. } = &setting.write;
        let now = match setting.now.as_deref() {
            None => "(gone)",
            Some(now) if now.starts_with(UNREADABLE) => "(cannot be read)",
            Some(now) => now,
        };
        let is_back = setting
            .now
            .as_ref()
            .is_some_and(|now| setting.write.is_there(now));
        let _ = match (is_back, setting.is_ours) {
            (true, _) => writeln!(text, "{path}: {old}  (already restored)"),
            (false, true) => writeln!(text, "{path}: {now} -> {old}"),
            (false, false) => writeln!(
                text,
                "{path}: {now}  (changed by somebody else; left alone; was {old})"
            ),
        };
    }
    text
}

/// Reports the restored settings, and one line for each that was not.
pub fn restored(done: &Restoration) -> Vec<String> {
    let settings = &done.settings;
    let back = settings.iter().filter(|setting| {
        matches!(
            setting.state,
            SettingState::Back | SettingState::Limited { .. }
        )
    });
    let mut lines = vec![format!(
        "{} of {} settings are as they were before tuning",
        back.count(),
        settings.len()
    )];
    lines.extend(settings.iter().flat_map(|setting| {
        let below = setting
            .below
            .as_ref()
            .map(|below| overruled(setting, below));
        below.into_iter().chain(unrestored(setting))
    }));
    lines.extend(done.processes.iter().map(|resumed| match &resumed.error {
        None => match &resumed.process.service {
            Some(service) => format!("{service} has been started again"),
            None => format!("{} resumed", resumed.process),
        },
        Some(error) => format!("{} is still stopped: {error}", resumed.process),
    }));
    if let Some(error) = &done.journal {
        lines.push(format!(
            "{error}; everything was restored nevertheless, but without a record of the progress"
        ));
    }
    lines
}

fn overruled(Restored { path, before, .. }: &Restored, below: &str) -> String {
    format!(
        "{path}: it showed {below}, less than the value that was written, because of heat, the firmware or somebody else's limit; {before} was restored"
    )
}

fn unrestored(
    Restored {
        path,
        before,
        state,
        ..
    }: &Restored,
) -> Option<String> {
    Some(match state {
        SettingState::Back => return None,
        SettingState::Limited { now } => format!(
            "{path}: {before} was restored; it shows {now}, the current limit of heat or the firmware"
        ),
        SettingState::Foreign { now } => format!(
            "{path}: left alone, because somebody else has changed it to {now}; it was {before} before tuning"
        ),
        SettingState::Gone => format!("{path}: it no longer exists; it was {before} before tuning"),
        SettingState::Failed { now, error } => {
            let now = now.as_deref().unwrap_or("nothing readable");
            let error = error
                .as_deref()
                .unwrap_or("the kernel does not accept it now");
            format!("{path}: wanted {before}, but it shows {now}: {error}")
        }
    })
}
