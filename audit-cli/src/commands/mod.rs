//! One file for each verb.

mod dev;

use crate::cli::{Cli, Command};
use crate::exit::Failure;

/// Runs the command.
pub(crate) fn run(cli: Cli) -> Result<(), Failure> {
    match cli.command {
        Command::Dev(args) => dev::run(args),
    }
}
