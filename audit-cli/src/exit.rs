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
    /// A journal is not there, or cannot be read or written.
    #[cfg(feature = "outbox")]
    Journal(String),
    /// So many places of a journal are not as they were written.
    #[cfg(feature = "outbox")]
    Damaged(usize),
    /// Records are not there, or belong to a process that runs.
    #[cfg(feature = "outbox")]
    Record(String),
}

impl Failure {
    /// The exit code; each is a promise.
    fn code(&self) -> u8 {
        match self {
            Self::Io(..) => 1,
            Self::Start(_) => 3,
            Self::Unreachable(..) => 4,
            #[cfg(feature = "outbox")]
            Self::Journal(_) => 5,
            #[cfg(feature = "outbox")]
            Self::Damaged(_) => 6,
            #[cfg(feature = "outbox")]
            Self::Record(_) => 7,
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
            #[cfg(feature = "outbox")]
            Self::Journal(problem) | Self::Record(problem) => f.write_str(problem),
            #[cfg(feature = "outbox")]
            Self::Damaged(places) => write!(
                f,
                "the journal is damaged in {places} place{}; keep a copy of the directory, and see docs/operations.md for \
                 what is lost",
                if *places == 1 { "" } else { "s" }
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
  4  no server answered, or it went away
  5  the journal is not there, or cannot be read or written
  6  `audited outbox verify` found damage
  7  a record is not there, or belongs to a process that runs";

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
