//! The `audited` program.

mod cli;
mod commands;
mod exit;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let outcome = commands::run(cli::Cli::parse());
    exit::report(outcome)
}
