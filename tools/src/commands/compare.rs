//! `tollgate compare`: did it become faster or slower, or take more instructions?

use anyhow::Result;
use runs::stages::compare::{Pair, What};

use crate::cli::CompareArgs;
use crate::exit::Code;
use crate::print::compare::Judged;
use crate::{output, print};

/// Compares two runs.
pub fn run(args: &CompareArgs) -> Result<Code> {
    let limit = args.fail_on;
    if let Some(wrong) = limit.and_then(|limit| limit.wrong_unit(args.exact)) {
        tell!("tollgate: {wrong}");
        return Ok(Code::Usage);
    }
    let what = if args.exact {
        What::Instructions
    } else {
        What::Times
    };
    let despite: Vec<_> = args.despite.iter().map(|what| (*what).into()).collect();
    let pair = Pair::read(&args.before, &args.after, what, &despite)?;
    for warning in &pair.warnings {
        tell!("warning: {warning}");
    }
    let judged = if args.exact {
        print::compare::instructions(&pair, limit, args.json)?
    } else {
        print::compare::times(&pair, limit, args.json)?
    };
    output::print(&judged.text)?;
    Ok(judge(&judged))
}

/// The exit code of `--fail-on`. If a row became slower, the other reasons are not
/// printed.
fn judge(judged: &Judged) -> Code {
    let (what, rows, code) = match (&*judged.regressions, &*judged.undecided) {
        ([], []) => return Code::Done,
        ([], rows) => ("cannot tell", rows, Code::CannotTell),
        (rows, _) => ("regression", rows, Code::Regression),
    };
    for row in rows {
        tell!("{what}: {row}");
    }
    code
}
