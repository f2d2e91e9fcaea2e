//! How the program ends: documented exit codes, and the last word on standard error.

use std::fmt;
use std::io;
use std::process::ExitCode;

use audited_cli::StartError;

/// Why a command did not succeed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The server could not be started.
    Start(StartError),
    /// The options contradict each other, beyond what the parser sees.
    Usage(String),
    /// A signal handler, a terminal or a file failed.
    Io(&'static str, io::Error),
}

impl Failure {
    /// The exit code. `audited help` lists them; each is a promise.
    fn code(&self) -> u8 {
        match self {
            Self::Io(..) => 1,
            Self::Usage(_) => 2,
            Self::Start(_) => 3,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start(error) => error.fmt(f),
            Self::Usage(problem) => f.write_str(problem),
            Self::Io(what, error) => write!(f, "{what}: {error}"),
        }
    }
}

/// The exit codes, as `--help` shows them.
pub(crate) const HELP: &str = "\
Exit codes:
  0  done, or stopped by Ctrl-C
  1  a terminal, a file or a signal handler failed
  2  the command line is wrong
  3  the server could not be started: the address is taken, or not of this machine";

/// Ends the program with the outcome's code, after saying what was wrong.
#[allow(clippy::print_stderr, reason = "the program's last word")]
pub(crate) fn report(outcome: Result<(), Failure>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("audited: {failure}");
            ExitCode::from(failure.code())
        }
    }
}
