//! `tollgate man`: the manual pages, for `make install` and for packagers.

use std::io;

use anyhow::Result;
use clap::{Command, CommandFactory};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

use crate::cli::{Cli, ManArgs};
use crate::exit::Code;
use crate::version::VERSION;
use host::files;

/// Writes tollgate.1, and a page for each command that `--help` shows.
pub fn run(args: &ManArgs) -> Result<Code> {
    let mut tollgate = Cli::command();
    tollgate.build();
    for command in with_subcommands(&tollgate) {
        let page = Man::new(command.clone()).source(format!("tollgate {VERSION}"));
        let path = args.folder.join(page.get_filename());
        let text = text(command, &page).map_err(files::writing(&path))?;
        files::write(&path, text)?;
    }
    Ok(Code::Done)
}

fn with_subcommands(command: &Command) -> Vec<&Command> {
    let mut all = vec![command];
    all.extend(visible(command).flat_map(with_subcommands));
    all
}

fn visible(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|c| !c.is_hide_set())
}

/// A page. `Man::render` would reflow the lines of examples and exit codes.
fn text(command: &Command, page: &Man) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    page.render_title(&mut text)?;
    page.render_name_section(&mut text)?;
    page.render_synopsis_section(&mut text)?;
    page.render_description_section(&mut text)?;
    page.render_options_section(&mut text)?;
    if visible(command).next().is_some() {
        page.render_subcommands_section(&mut text)?;
    }
    if let Some(notes) = command.get_after_long_help().or(command.get_after_help()) {
        let mut section = Roff::new();
        section.control("SH", ["NOTES"]).control("nf", []);
        for line in notes.to_string().lines() {
            section.text([roman(line)]);
        }
        section.control("fi", []).to_writer(&mut text)?;
    }
    Ok(text)
}
