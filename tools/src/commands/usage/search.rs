//! `tollgate usage search`: what a database says.

use anyhow::Result;
use usage::database::DatabaseError;
use usage::search::{restrict, show};
use usage::sqlite;

use super::plots;
use crate::cli::{SearchArgs, SelectionArgs};
use crate::exit::Code;
use crate::output;

/// Prints, plots and exports the selection.
pub fn run(args: &SearchArgs) -> Result<Code> {
    let (mut database, selection) = args.selection.open()?;
    if selection.applications.is_empty() {
        return Err(DatabaseError::Empty {
            path: database.path,
        }
        .into());
    }
    if args.show {
        let shown = show(&selection);
        output::print(&if args.json {
            output::json(&shown)?
        } else {
            shown.to_string()
        })?;
    }
    if let Some(file) = &args.sqlite {
        let SelectionArgs {
            applications,
            workloads,
            ..
        } = &args.selection;
        restrict(&mut database, applications, *workloads);
        sqlite::export(&database, file)?;
        tell!("usage: {}", file.display());
    }
    plots::write(args, &selection)?;
    Ok(Code::Done)
}
