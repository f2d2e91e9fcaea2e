//! The command line of `audited outbox`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

const EXAMPLES: &str = "\
Examples:
  audited outbox status
      How much waits, and how much is dead, in the journal in $AUDITED_DIR, or else in .audited.

  audited outbox dead --dir /var/lib/app/audited
      What WorkOS refused, and why.

  audited outbox redrive --all --dir /var/lib/app/audited
      Once the cause is mended and the application stopped: its next start sends them again.

  audited outbox list --json | jq -r .payload.event.action | sort | uniq -c
      What waits, by action.

docs/operations.md tells what to look at, and what to do then.";

/// Look into a journal: what waits to be sent, and what WorkOS refused.
///
/// All but `redrive` only read, and may be used while the application runs.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct OutboxArgs {
    #[command(subcommand)]
    pub(crate) verb: Verb,
    /// The journal's directory.
    #[arg(long, global = true, env = "AUDITED_DIR", default_value = ".audited", value_hint = ValueHint::DirPath)]
    pub(crate) dir: PathBuf,
    /// JSON: one object, or one a line.
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

/// What to do with the journal.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// How much waits, how much is dead, and how much disk it takes.
    Status,
    /// What waits to be sent, oldest first.
    List(PageArgs),
    /// One record with all that was captured.
    Show(ShowArgs),
    /// What WorkOS refused for good, oldest first, and why.
    Dead(PageArgs),
    /// Compute every checksum and the chain of records anew. Exit code 6 if something is not as it was written.
    Verify,
    /// Let dead letters be sent again, under new keys. The application must be stopped.
    Redrive(RedriveArgs),
}

/// Which part of a list.
#[derive(Debug, Args)]
pub(crate) struct PageArgs {
    /// At most so many.
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub(crate) limit: usize,
    /// Begin behind this record.
    #[arg(long, value_name = "RECORD")]
    pub(crate) after: Option<u64>,
}

/// Which record.
#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// The record's number, as the lists and the application's log have it.
    pub(crate) record: u64,
}

/// Which dead letters.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct RedriveArgs {
    /// Their numbers, as `dead` lists them.
    #[arg(value_name = "RECORD")]
    pub(crate) records: Vec<u64>,
    /// Every one.
    #[arg(long)]
    pub(crate) all: bool,
}
