//! The command line.

use std::net::SocketAddr;

use audited_cli::Reading;
use clap::{Args, Parser, Subcommand};

use crate::exit;

/// Audit logs for WorkOS: develop and test without an account.
#[derive(Debug, Parser)]
#[command(name = "audited", version, after_help = exit::HELP)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Dev(DevArgs),
}

const DEV_EXAMPLES: &str = "\
Examples:
  audited dev
      Listen on 127.0.0.1:4100; any key `sk_…` and any organization `org_…` are good.

  audited dev --api-key sk_test --organization org_1
      Know one key and one organization; all others are refused as WorkOS does.

  audited dev --reading idempotency=conflict
      Refuse a key that was used with another body, as the older API did.";

/// Run a local WorkOS Audit Logs.
#[derive(Debug, Args)]
#[command(after_help = DEV_EXAMPLES)]
pub(crate) struct DevArgs {
    /// Listen on this address; port 0 takes a free one.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:4100")]
    pub(crate) listen: SocketAddr,
    /// Accept this API key; repeat for more. Without, any key that begins with `sk_` is good.
    #[arg(long = "api-key", value_name = "KEY")]
    pub(crate) api_keys: Vec<String>,
    /// Answer 403 to this API key; repeat for more.
    #[arg(long = "forbidden-key", value_name = "KEY")]
    pub(crate) forbidden_keys: Vec<String>,
    /// Know this organization; repeat for more. Without, any that begins with `org_` is known.
    #[arg(long = "organization", value_name = "ORG")]
    pub(crate) organizations: Vec<String>,
    /// Settle a question on which WorkOS' documents disagree; repeat for more.
    #[arg(long = "reading", value_name = "QUESTION=ANSWER")]
    pub(crate) readings: Vec<Reading>,
}
