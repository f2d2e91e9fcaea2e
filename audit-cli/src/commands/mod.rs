//! One file for each verb.

mod completions;
mod dev;
#[cfg(feature = "outbox")]
mod outbox;
mod printable;
mod signal;
mod tail;

use std::io;

use crate::cli::{Cli, Command};
use crate::exit::Failure;

/// Runs the command.
pub(crate) fn run(cli: Cli) -> Result<(), Failure> {
    match cli.command {
        Command::Dev(args) => dev::run(*args),
        Command::Tail(args) => tail::run(&args),
        #[cfg(feature = "outbox")]
        Command::Outbox(args) => outbox::run(&args),
        Command::Completions(args) => completions::run(&args),
    }
}

/// The failure of standard output.
fn output(error: io::Error) -> Failure {
    Failure::Io("cannot write to standard output", error)
}
