//! The progress of a run, on standard error: lines, and a bar on a terminal.

use std::cell::OnceCell;
use std::io::{IsTerminal, stderr};

use indicatif::{ProgressBar, ProgressStyle};
use runs::schedule::PlannedBoot;
use runs::stages::run::Event;

use crate::print;

/// Shows what happens in a run.
#[derive(Default)]
pub struct Progress(OnceCell<ProgressBar>);

impl Progress {
    /// Shows one thing that happened.
    pub fn show(&self, event: Event<'_>) {
        match event {
            Event::Note(line) => tell!("{line}"),
            Event::Begins(run, manifest) => {
                for line in print::run::announcement(run, manifest) {
                    tell!("{line}");
                }
                self.0.get_or_init(|| bar(manifest.plan.len(), "boots"));
            }
            Event::Kept => self.bar().inc(1),
            Event::Boots(planned) => self.bar().set_message(planned.target.clone()),
            Event::Ended(PlannedBoot { target, boot }, end) => {
                if end.is_fault() {
                    self.bar().suspend(|| tell!("{target}, boot {boot}: {end}"));
                }
                self.bar().inc(1);
            }
            Event::Over => self.bar().finish_and_clear(),
        }
    }

    fn bar(&self) -> &ProgressBar {
        self.0.get_or_init(ProgressBar::hidden)
    }
}

/// A bar for this number of steps, which are `boots` or `runs`; none without a terminal.
pub fn bar(steps: usize, what: &str) -> ProgressBar {
    if !stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template(&format!(
        "{{wide_bar}} {{pos}}/{{len}} {what}, {{elapsed}} elapsed, {{eta}} left  {{msg}}"
    ));
    let bar = ProgressBar::new(steps as u64);
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
