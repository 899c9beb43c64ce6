//! The exit codes of every command, in one table.

use std::process::ExitCode;

use vmm::End;

use host::cpus::CpuListError;
use host::files::{Damaged, FileError};
use host::program::NotAProgram;
use host::tune::TuneError;
use runs::calls::CallsError;
use runs::engine::EngineError;
use runs::experiment::ExperimentError;
use runs::merge::MergeError;
use runs::run::RunError;
use runs::trace::{TraceError, Verdict};
use usage::database::{DatabaseError, NameError};
use usage::explore::ExploreError;
use usage::generate::GenerateError;
use usage::package::PackageError;
use usage::plan::SupportedError;
use usage::recipe::RecipeError;
use usage::root::RootError;
use usage::sqlite::SqliteError;
use usage::static_binary::StaticError;
use usage::static_source::SourceError;

/// Printed below `--help`. Codes from 64 on follow sysexits.h if it has a matching one.
pub const TABLE: &str = "\
Exit codes:
  0        done; `boot`: the guest exited with 0, powered off, or its init exited with 0;
           `doctor`: the machine is fit for measuring; `diff-env`: the runs are the same
  1..63    `boot`: the guest's own exit status (63 for all larger ones;
           QEMU only reports the lowest seven bits of a status)
  1        `doctor`: the check itself failed; `diff-env`: the runs differ;
           `usage explore`: the program or its test fails even with all calls;
           `usage diff`: the results differ
  2        `doctor`: the machine is unfit for measuring;
           `probes check`: the kernel refuses some kinds
  64       the command line is wrong
  65       a file's content is wrong: experiment, image, log, run
  66       a file is missing or cannot be read
  69       a required program is not installed, or KVM is not usable
  70       tollgate failed
  73       the run's folder already exists, or another tollgate is writing to it or tuning
  74       writing failed: disk full, no permission
  80       `boot`: the guest's kernel panicked
  81       `boot`: the guest's CPU stopped on a triple fault
  82       `boot`: the guest rebooted
  83       the engine could not start the guest, or could not continue
  84       `boot`: the guest halted permanently, with interrupts off
  85       `run`, `parse`, `report`: some boots failed; all others were kept;
           `merge`: shards or boots are missing; all others were merged
  86       `tune`: some settings could not be made or restored; the output names each
  87       `compare`, `merge`: the runs differ in a way that makes a comparison meaningless
  88       `compare --fail-on`: a row became slower by more than the limit;
           `trace --check`: the path has changed
  89       `compare --fail-on`: no row is known to exceed the limit, but some cannot be judged;
           `trace --check`: the file has no path to compare with
  124      `boot`: the guest was killed at its timeout
  130      interrupted";

/// One exit code each; [`TABLE`] describes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    Done,
    Guest(u8),
    NoVerdict,
    Differ,
    Unfit,
    Usage,
    BadData,
    Missing,
    Unavailable,
    Failed,
    RunExists,
    Io,
    Panicked,
    TripleFault,
    Rebooted,
    Engine,
    Halted,
    BootsFailed,
    NotAllSet,
    NotComparable,
    Regression,
    CannotTell,
    TimedOut,
    Interrupted,
}

impl Code {
    /// `tune`'s code: whether all settings could be made, or restored.
    pub fn all_set(complete: bool) -> Self {
        if complete {
            Self::Done
        } else {
            Self::NotAllSet
        }
    }
}

/// `trace --check`'s code.
impl From<&Verdict> for Code {
    fn from(verdict: &Verdict) -> Self {
        match verdict {
            Verdict::Same => Self::Done,
            Verdict::Changed { .. } => Self::Regression,
            Verdict::NoEntry => Self::CannotTell,
        }
    }
}

impl From<Code> for u8 {
    fn from(code: Code) -> Self {
        match code {
            Code::Done => 0,
            Code::Guest(status) => status,
            Code::NoVerdict | Code::Differ => 1,
            Code::Unfit => 2,
            Code::Usage => 64,
            Code::BadData => 65,
            Code::Missing => 66,
            Code::Unavailable => 69,
            Code::Failed => 70,
            Code::RunExists => 73,
            Code::Io => 74,
            Code::Panicked => 80,
            Code::TripleFault => 81,
            Code::Rebooted => 82,
            Code::Engine => 83,
            Code::Halted => 84,
            Code::BootsFailed => 85,
            Code::NotAllSet => 86,
            Code::NotComparable => 87,
            Code::Regression => 88,
            Code::CannotTell => 89,
            Code::TimedOut => 124,
            Code::Interrupted => 130,
        }
    }
}

impl From<Code> for ExitCode {
    fn from(code: Code) -> Self {
        Self::from(u8::from(code))
    }
}

/// The largest guest status that is passed on.
const MAX_GUEST_STATUS: u32 = 63;

/// The exit code of `tollgate boot` for this end of the guest.
pub fn of_end(end: &End) -> Code {
    match *end {
        End::Exited { status: 0 } | End::PoweredOff => Code::Done,
        End::Exited { status } => Code::Guest(status.min(MAX_GUEST_STATUS) as u8),
        End::Panicked {
            exitcode: Some(0), ..
        } => Code::Done,
        End::Panicked { .. } => Code::Panicked,
        End::Rebooted => Code::Rebooted,
        End::TripleFault => Code::TripleFault,
        End::Halted => Code::Halted,
        End::TimedOut => Code::TimedOut,
        End::Interrupted => Code::Interrupted,
        End::EngineFailed { .. } => Code::Engine,
    }
}

/// The code of an error, by its type.
pub fn of_error(error: &anyhow::Error) -> Code {
    error.chain().find_map(of_cause).unwrap_or(Code::Failed)
}

fn of_cause(cause: &(dyn std::error::Error + 'static)) -> Option<Code> {
    None.or_else(|| cause.downcast_ref().map(of_file_error))
        .or_else(|| cause.downcast_ref().map(of_run_error))
        .or_else(|| cause.downcast_ref().map(of_merge_error))
        .or_else(|| cause.downcast_ref().map(of_tune_error))
        .or_else(|| cause.downcast_ref().map(of_engine_error))
        .or_else(|| cause.downcast_ref().map(of_experiment_error))
        .or_else(|| cause.downcast_ref().map(of_trace_error))
        .or_else(|| cause.downcast_ref().map(of_calls_error))
        .or_else(|| cause.downcast_ref().map(of_explore_error))
        .or_else(|| cause.downcast_ref().map(of_database_error))
        .or_else(|| of_generate_error(cause))
        .or_else(|| cause.downcast_ref().map(of_package_error))
        .or_else(|| of_static_error(cause))
        .or_else(|| cause.is::<Damaged>().then_some(Code::BadData))
        .or_else(|| cause.is::<NotAProgram>().then_some(Code::BadData))
        .or_else(|| cause.is::<CpuListError>().then_some(Code::Usage))
}

fn of_file_error(error: &FileError) -> Code {
    match error {
        FileError::Read { .. } => Code::Missing,
        FileError::NotText { .. } | FileError::Damaged(_) => Code::BadData,
        FileError::Write { .. } => Code::Io,
    }
}

fn of_run_error(error: &RunError) -> Code {
    match error {
        RunError::Exists { .. } | RunError::Busy { .. } => Code::RunExists,
        RunError::NotARun { .. } | RunError::NoImage(_) => Code::Missing,
        RunError::Changed { .. }
        | RunError::Merged { .. }
        | RunError::Tuning(..)
        | RunError::Program(_) => Code::BadData,
        RunError::NotComparable { .. } => Code::NotComparable,
        RunError::Summary(_) | RunError::Plot { .. } | RunError::Initramfs(_) => Code::Failed,
        RunError::File(error) => of_file_error(error),
        RunError::Experiment(error) => of_experiment_error(error),
        RunError::Engine(error) => of_engine_error(error),
        RunError::Tune(error) => of_tune_error(error),
        RunError::Shard(_) => Code::Usage,
    }
}

fn of_merge_error(error: &MergeError) -> Code {
    match error {
        MergeError::Differs { .. } | MergeError::Divided { .. } | MergeError::Overlap { .. } => {
            Code::NotComparable
        }
        MergeError::Conflict { .. } | MergeError::NoMachine { .. } | MergeError::Damaged { .. } => {
            Code::BadData
        }
        MergeError::Nothing => Code::Usage,
        MergeError::Run(error) => of_run_error(error),
        MergeError::File(error) => of_file_error(error),
    }
}

fn of_tune_error(error: &TuneError) -> Code {
    match error {
        TuneError::NoSuchCpu { .. } | TuneError::OutOfRange { .. } | TuneError::NoRoot { .. } => {
            Code::Usage
        }
        TuneError::State { .. } => Code::Io,
        TuneError::JournalLost { .. } => Code::Missing,
        TuneError::Busy { .. } => Code::RunExists,
        TuneError::Leftover { .. } => Code::NotAllSet,
        TuneError::Untrusted(_) => Code::BadData,
        TuneError::File(error) => of_file_error(error),
    }
}

fn of_engine_error(error: &EngineError) -> Code {
    match error {
        EngineError::NotInstalled { .. }
        | EngineError::NoKvm { .. }
        | EngineError::NotByAuto { .. } => Code::Unavailable,
        EngineError::Kvm(_) => Code::Engine,
        EngineError::Image { .. } | EngineError::CpuModel { .. } => Code::BadData,
        EngineError::Pin(_) | EngineError::OnlyKvm { .. } | EngineError::Cmdline(_) => Code::Usage,
    }
}

fn of_calls_error(error: &CallsError) -> Code {
    match error {
        CallsError::NoTarget { .. } => Code::Usage,
        CallsError::NoImage(_) => Code::Missing,
        CallsError::Nothing { .. } | CallsError::Damaged(_) | CallsError::Endless { .. } => {
            Code::BootsFailed
        }
        CallsError::Interrupted => Code::Interrupted,
        CallsError::Run(error) => of_run_error(error),
        CallsError::File(error) => of_file_error(error),
        CallsError::Experiment(error) => of_experiment_error(error),
        CallsError::Engine(error) => of_engine_error(error),
    }
}

fn of_explore_error(error: &ExploreError) -> Code {
    match error {
        ExploreError::NoProgram(_) => Code::Missing,
        ExploreError::Request(_) => Code::Usage,
        ExploreError::TestNotExecutable(_)
        | ExploreError::Another { .. }
        | ExploreError::Static(_)
        | ExploreError::NeverExecuted(_) => Code::BadData,
        ExploreError::Baseline { .. }
        | ExploreError::ProvesNothing(_)
        | ExploreError::Harness(_) => Code::NoVerdict,
        ExploreError::Interrupted => Code::Interrupted,
        ExploreError::Sandbox(_) => Code::Unavailable,
        ExploreError::File(error) => of_file_error(error),
    }
}

fn of_database_error(error: &DatabaseError) -> Code {
    match error {
        DatabaseError::Read { .. } => Code::Missing,
        DatabaseError::Write { .. } => Code::Io,
        DatabaseError::NoSuchChoice { .. } | DatabaseError::Name(_) => Code::Usage,
        DatabaseError::Exists { .. } => Code::RunExists,
        _ => Code::BadData,
    }
}

/// Of what makes a measurement for a database.
fn of_generate_error(cause: &(dyn std::error::Error + 'static)) -> Option<Code> {
    let recipe = |error: &RecipeError| match error {
        RecipeError::Io { .. } => Code::Missing,
        _ => Code::BadData,
    };
    let generate = cause
        .downcast_ref()
        .map(|error: &GenerateError| match error {
            GenerateError::Recipe(error) => recipe(error),
            GenerateError::Explore(error) => of_explore_error(error),
            GenerateError::Interrupted => Code::Interrupted,
            GenerateError::Database(error) => of_database_error(error),
            GenerateError::File(error) => of_file_error(error),
            GenerateError::Temporary(_) => Code::Io,
            _ => Code::BadData,
        });
    let root = cause.downcast_ref().map(|error: &RootError| match error {
        RootError::NotPrivileged | RootError::NotInstalled { .. } => Code::Unavailable,
        RootError::Io { .. } => Code::Io,
        _ => Code::Failed,
    });
    let name = cause.is::<NameError>().then_some(Code::Usage);
    generate
        .or(root)
        .or(name)
        .or_else(|| cause.downcast_ref().map(recipe))
}

fn of_package_error(error: &PackageError) -> Code {
    match error {
        PackageError::Name(_) => Code::Usage,
        PackageError::NotInstalled { .. } | PackageError::Dependencies { .. } => Code::Unavailable,
        PackageError::NoSources | PackageError::Fetch { .. } | PackageError::Gone { .. } => {
            Code::Missing
        }
        PackageError::Occupied { .. } => Code::RunExists,
        PackageError::NoTest(_)
        | PackageError::NoProgram(_)
        | PackageError::NotAProgram { .. }
        | PackageError::Which { .. }
        | PackageError::NoSource { .. }
        | PackageError::NoData { .. }
        | PackageError::Gcov { .. } => Code::BadData,
        PackageError::Tests { .. } => Code::NoVerdict,
        PackageError::Interrupted => Code::Interrupted,
        PackageError::Explore(error) => of_explore_error(error),
        PackageError::File(error) => of_file_error(error),
        PackageError::Io { .. } => Code::Io,
        _ => Code::Failed,
    }
}

/// Of what reads lists of calls, programs and sources, and writes SQLite files.
fn of_static_error(cause: &(dyn std::error::Error + 'static)) -> Option<Code> {
    let supported = cause
        .downcast_ref()
        .map(|error: &SupportedError| match error {
            SupportedError::Io { .. } | SupportedError::NoList { .. } => Code::Missing,
            _ => Code::BadData,
        });
    let sqlite = cause.downcast_ref().map(|error: &SqliteError| match error {
        SqliteError::Database(error) => of_database_error(error),
        SqliteError::Exists { .. } => Code::RunExists,
        _ => Code::Io,
    });
    let binary = cause.downcast_ref().map(|error: &StaticError| match error {
        StaticError::Io { .. } => Code::Missing,
        _ => Code::BadData,
    });
    let source = cause.downcast_ref().map(|error: &SourceError| match error {
        SourceError::Io { .. } => Code::Missing,
        _ => Code::BadData,
    });
    supported.or(sqlite).or(binary).or(source)
}

fn of_experiment_error(error: &ExperimentError) -> Code {
    match error {
        ExperimentError::File(error) => of_file_error(error),
        ExperimentError::Wrong { .. } => Code::BadData,
    }
}

fn of_trace_error(error: &TraceError) -> Code {
    match error {
        TraceError::NoPlugin { .. } => Code::Unavailable,
        TraceError::Ended(end) => of_end(end),
        TraceError::Boot { end, .. } => match of_end(end) {
            Code::Done | Code::Guest(_) => Code::BadData,
            code => code,
        },
        TraceError::Disagree { .. }
        | TraceError::NoAnswer(_)
        | TraceError::Record(_)
        | TraceError::NoPath(_)
        | TraceError::Foreign(_) => Code::BadData,
        TraceError::Folder(_) | TraceError::Pack { .. } => Code::Failed,
        TraceError::Experiment(error) => of_experiment_error(error),
        TraceError::Engine(error) => of_engine_error(error),
        TraceError::File(error) => of_file_error(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_that_dies_is_never_reported_as_success() {
        let message = String::new();
        let ends = [
            End::Exited { status: 1 },
            End::Exited { status: 256 },
            End::Exited { status: u32::MAX },
            End::Rebooted,
            End::Panicked {
                exitcode: None,
                message: message.clone(),
            },
            End::Panicked {
                exitcode: Some(0x100),
                message,
            },
            End::TripleFault,
            End::Halted,
            End::TimedOut,
            End::Interrupted,
            End::EngineFailed {
                reason: String::new(),
            },
        ];
        for end in ends {
            assert_ne!(u8::from(of_end(&end)), 0, "{end:?}");
        }
    }
}
