//! The command line.

#[cfg(feature = "outbox")]
pub(crate) mod outbox;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use audited_cli::{Fault, Reading};
use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};
use clap_complete::Shell;
use jiff::{SignedDuration, Timestamp};

use crate::exit;

/// Where `audited dev` listens unless told otherwise.
pub(crate) const DEFAULT_ADDRESS: &str = "127.0.0.1:4100";

/// Audit logs for WorkOS: develop and test without an account, and look after what waits.
#[derive(Debug, Parser)]
#[command(name = "audited", version, after_help = exit::HELP)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Dev(Box<DevArgs>),
    Tail(TailArgs),
    #[cfg(feature = "outbox")]
    Outbox(outbox::OutboxArgs),
    Completions(CompletionsArgs),
}

const DEV_EXAMPLES: &str = "\
Examples:
  audited dev
      Listen on 127.0.0.1:4100; any key `sk_…` and any organization `org_…` are good.

  audited dev --register-on-first-use
      Take any action, and show the target types seen.

  audited dev --api-key sk_test --organization org_1 --schemas schemas.json
      Know one key, one organization and these schemas; refuse all else as WorkOS does.

  audited dev --fault reset:10% --fault reply-lost:5% --seed 7
      Reset one connection in ten, lose one answer in twenty; the same ones each time.

  audited dev --data ./audit-logs
      Keep everything over restarts.

Settle a question on which WorkOS' documents disagree with `--reading`; docs/dev-server.md lists
the questions.";

/// Run a local WorkOS Audit Logs, with a page to watch it.
#[derive(Debug, Args)]
#[command(after_help = DEV_EXAMPLES)]
pub(crate) struct DevArgs {
    /// Listen on this address; port 0 takes a free one.
    #[arg(long, value_name = "ADDR", default_value = DEFAULT_ADDRESS)]
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
    /// Register the schemas of this JSON file; repeat for more.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) schemas: Vec<PathBuf>,
    /// Take events whose action is not registered, instead of refusing them as WorkOS does.
    #[arg(long)]
    pub(crate) register_on_first_use: bool,
    /// Let each key send so many requests a minute; 0 means any number.
    #[arg(long, value_name = "N", default_value_t = 6000)]
    pub(crate) rate_limit: u32,
    /// Refuse larger bodies, in bytes.
    #[arg(long, value_name = "BYTES", default_value_t = 102_400)]
    pub(crate) body_limit: usize,
    /// Settle a question on which WorkOS' documents disagree; repeat for more.
    #[arg(long = "reading", value_name = "QUESTION=ANSWER")]
    pub(crate) readings: Vec<Reading>,
    /// Inject a fault into a share of requests or the next so many: reset:10%, 503:next=3.
    #[arg(long = "fault", value_name = "FAULT:WHEN")]
    pub(crate) faults: Vec<FaultOrder>,
    /// Draw the requests that meet a fault with this seed.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) seed: u64,
    /// Keep an export pending for this long, as in 2s.
    #[arg(long, value_name = "TIME", value_parser = time, default_value = "0s")]
    pub(crate) export_delay: Duration,
    /// Keep everything in this directory, over restarts and kill -9.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) data: Option<PathBuf>,
    /// Keep about so much of what was received in memory; the oldest fall off.
    #[arg(long, value_name = "MIB", default_value_t = 32)]
    pub(crate) keep_mib: usize,
    /// Start at this time instead of the machine's.
    #[arg(long, value_name = "TIME", value_name = "2026-01-15T12:00:00Z")]
    pub(crate) now: Option<Timestamp>,
    /// Listen where other machines reach it. Anyone there can read and write.
    #[arg(long)]
    pub(crate) expose: bool,
    /// Serve requests under this host name too; repeat for more.
    #[arg(long = "allow-host", value_name = "NAME")]
    pub(crate) allow_hosts: Vec<String>,
}

const TAIL_EXAMPLES: &str = "\
Examples:
  audited tail
      Follow what `audited dev` on this machine receives.

  audited tail --from-start --json | jq .action
      Everything that is kept, then what comes, one JSON object a line.";

/// Follow what a running `audited dev` receives.
#[derive(Debug, Args)]
#[command(after_help = TAIL_EXAMPLES)]
pub(crate) struct TailArgs {
    /// The address of the running server.
    #[arg(long, value_name = "ADDR", default_value = DEFAULT_ADDRESS)]
    pub(crate) address: SocketAddr,
    /// Begin with what was received before.
    #[arg(long)]
    pub(crate) from_start: bool,
    /// One JSON object a line.
    #[arg(long)]
    pub(crate) json: bool,
    /// Colours.
    #[arg(long, value_enum, default_value_t = Colour::Auto)]
    pub(crate) color: Colour,
}

/// When to write colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Colour {
    /// To a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Print a completion script for a shell.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  audited completions bash > ~/.local/share/bash-completion/completions/audited")]
pub(crate) struct CompletionsArgs {
    /// The shell.
    #[arg(value_enum)]
    pub(crate) shell: Shell,
}

/// `FAULT:WHEN`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct FaultOrder {
    pub(crate) fault: Fault,
    pub(crate) when: When,
}

/// Which requests meet a fault.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum When {
    Next(usize),
    Share(f64),
}

impl FromStr for FaultOrder {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let help = "write FAULT:10% for a share, or FAULT:next=3 for the next three";
        let (fault, when) = text.rsplit_once(':').ok_or_else(|| format!("`{text}` does not say when: {help}"))?;
        let when = if let Some(count) = when.strip_prefix("next=") {
            count.parse().ok().map(When::Next)
        } else {
            let percent: Option<f64> = when.strip_suffix('%').and_then(|p| p.parse().ok());
            percent.filter(|percent| (0.0..=100.0).contains(percent)).map(|percent| When::Share(percent / 100.0))
        };
        Ok(Self {
            when: when.ok_or_else(|| format!("`{text}` has no such time: {help}"))?,
            fault: fault.parse().map_err(|error| format!("{error}"))?,
        })
    }
}

fn time(text: &str) -> Result<Duration, String> {
    let time: SignedDuration = text.parse().map_err(|error| format!("{error}"))?;
    Duration::try_from(time).map_err(|_| "time only goes forward".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn fault_orders() {
        let order = |text: &str| text.parse::<FaultOrder>();
        assert_eq!(order("reset:10%"), Ok(FaultOrder { fault: Fault::Reset, when: When::Share(0.1) }));
        assert_eq!(order("503:next=3"), Ok(FaultOrder { fault: Fault::Status(503), when: When::Next(3) }));
        for wrong in ["reset", "reset:10", "reset:101%", "reset:next=x", "none:10%"] {
            assert!(order(wrong).is_err(), "{wrong}");
        }
    }
}
