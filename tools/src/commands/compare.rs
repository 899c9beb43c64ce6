//! `tollgate compare`: did it become faster or slower, or take more instructions?

use anyhow::Result;
use eval::compare;
use runs::stages::compare::{Pair, What};

use crate::cli::{CompareArgs, Limit};
use crate::exit::Code;
use crate::{output, print};

/// Compares two runs.
pub fn run(args: &CompareArgs) -> Result<Code> {
    let what = if args.exact {
        What::Instructions
    } else {
        What::Times
    };
    let despite: Vec<_> = args.despite.iter().map(|what| (*what).into()).collect();
    let pair = Pair::read(&args.before, &args.after, what, &despite)?;
    match what {
        What::Times => times(args, &pair),
        What::Instructions => instructions(args, &pair),
    }
}

fn times(args: &CompareArgs, pair: &Pair) -> Result<Code> {
    let comparison = pair.times();
    warn(pair);
    output::print(&if args.json {
        print::compare::json(&comparison, pair)?
    } else {
        print::compare::with_doctor(compare::table(&comparison, output::style()), pair)
    })?;
    let Some(limit) = args.fail_on.map(Limit::share) else {
        return Ok(Code::Done);
    };
    let longer = print::compare::regressions(&comparison, limit);
    Ok(judge(&longer, &comparison.undecided(limit)))
}

fn instructions(args: &CompareArgs, pair: &Pair) -> Result<Code> {
    let least = args.fail_on.map(Limit::instructions);
    if least == Some(None) {
        tell!("tollgate: instructions are whole numbers; write --exact --fail-on 1");
        return Ok(Code::Usage);
    }
    let comparison = pair.instructions()?;
    warn(pair);
    output::print(&if args.json {
        print::compare::json(&comparison, pair)?
    } else {
        compare::exact_table(&comparison, output::style())
    })?;
    let Some(least) = least.flatten() else {
        return Ok(Code::Done);
    };
    let longer: Vec<_> = comparison
        .regressions(least)
        .map(|row| row.in_words())
        .collect();
    Ok(judge(&longer, &comparison.undecided()))
}

fn warn(pair: &Pair) {
    for warning in &pair.warnings {
        tell!("warning: {warning}");
    }
}

/// What `--fail-on` ends with. Of a row that became slower nothing else is said.
fn judge(regressions: &[String], undecided: &[String]) -> Code {
    let (what, rows, code) = match (regressions, undecided) {
        ([], []) => return Code::Done,
        ([], rows) => ("cannot tell", rows, Code::CannotTell),
        (rows, _) => ("regression", rows, Code::Regression),
    };
    for row in rows {
        tell!("{what}: {row}");
    }
    code
}
