//! How the program ends: documented exit codes, and the last word on standard error.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;

use audited_cli::StartError;

/// Why a command did not succeed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A signal handler, a terminal or a file failed.
    Io(&'static str, io::Error),
    /// The server could not be started.
    Start(StartError),
    /// No server answered, or it went away.
    Unreachable(SocketAddr, String),
}

impl Failure {
    /// The exit code; each is a promise.
    fn code(&self) -> u8 {
        match self {
            Self::Io(..) => 1,
            Self::Start(_) => 3,
            Self::Unreachable(..) => 4,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(what, error) => write!(f, "{what}: {error}"),
            Self::Start(error) => error.fmt(f),
            Self::Unreachable(address, problem) => write!(
                f,
                "{address}: {problem}; start the server with `audited dev`, or name another \
                 address with `--address`"
            ),
        }
    }
}

/// The exit codes, as `--help` shows them.
pub(crate) const HELP: &str = "\
Exit codes:
  0  done, or stopped by Ctrl-C
  1  a terminal, a file or a signal handler failed
  2  the command line is wrong
  3  the server could not be started: its address, data directory or a schema file
  4  no server answered, or it went away";

/// Ends the program with the outcome's code, after saying what was wrong.
#[allow(clippy::print_stderr, reason = "the program's last word")]
pub(crate) fn report(outcome: Result<(), Failure>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        // The reader has seen enough, as `head` has: that is an end, not a failure.
        Err(Failure::Io(_, error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("audited: {failure}");
            ExitCode::from(failure.code())
        }
    }
}
