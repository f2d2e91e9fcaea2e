//! `audited dev`: the local WorkOS until Ctrl-C.

use std::io::{self, Write};
use std::time::SystemTime;

use audited_cli::{Builder, LocalWorkos};

use super::signal;
use crate::cli::{DevArgs, When};
use crate::exit::Failure;

const MIB: usize = 1024 * 1024;

/// Starts the server, says how to use it, and waits for a signal.
pub(crate) fn run(args: DevArgs) -> Result<(), Failure> {
    let key = args.api_keys.first().cloned();
    let key = key.unwrap_or_else(|| "sk_test_local".into());
    // The signals are listened to before anyone is told that the server is there.
    let runtime = signal::runtime().map_err(no_signal)?;
    let workos = builder(args).start().map_err(Failure::Start)?;
    runtime.block_on(async {
        let ended = signal::end();
        tokio::pin!(ended);
        tokio::select! {
            biased;
            ended = &mut ended => return ended.map_err(no_signal),
            said = async { say_hello(&workos, &key) } => said.map_err(super::output)?,
        }
        ended.await.map_err(no_signal)
    })?;
    say_goodbye(&workos).map_err(super::output)
}

fn no_signal(error: io::Error) -> Failure {
    Failure::Io("cannot wait for Ctrl-C", error)
}

fn builder(args: DevArgs) -> Builder {
    let mut builder = LocalWorkos::builder()
        .listen(args.listen)
        .register_on_first_use(args.register_on_first_use)
        .body_limit(args.body_limit)
        .export_delay(args.export_delay)
        .keep_bytes(args.keep_mib.saturating_mul(MIB))
        .seed(args.seed);
    if args.rate_limit > 0 {
        builder = builder.rate_limit(args.rate_limit);
    }
    if let Some(directory) = args.data {
        builder = builder.data(directory);
    }
    if let Some(now) = args.now {
        builder = builder.now(SystemTime::from(now));
    }
    if args.expose {
        builder = builder.expose();
    }
    builder = args.api_keys.into_iter().fold(builder, Builder::api_key);
    builder = args.forbidden_keys.into_iter().fold(builder, Builder::forbidden_key);
    builder = args.organizations.into_iter().fold(builder, Builder::organization);
    builder = args.schemas.into_iter().fold(builder, Builder::schemas);
    builder = args.readings.into_iter().fold(builder, Builder::reading);
    builder = args.allow_hosts.into_iter().fold(builder, Builder::allow_host);
    args.faults.into_iter().fold(builder, |builder, order| match order.when {
        When::Next(count) => builder.fail_next(count, order.fault),
        When::Share(share) => builder.fail_share(share, order.fault),
    })
}

fn say_hello(workos: &LocalWorkos, key: &str) -> io::Result<()> {
    let url = workos.url();
    let mut out = io::stdout().lock();
    writeln!(out, "\n  WorkOS Audit Logs, on this machine. Watch it at {url}\n")?;
    writeln!(out, "  export WORKOS_BASE_URL={url}")?;
    writeln!(out, "  export WORKOS_API_KEY={key}\n")?;
    writeln!(out, "  Stop with Ctrl-C.")?;
    out.flush()
}

fn say_goodbye(workos: &LocalWorkos) -> io::Result<()> {
    let counts = workos.counts();
    let events = if counts.stored == 1 { "event" } else { "events" };
    writeln!(
        io::stdout(),
        "\n  Stopped: {} {events} stored, {} repeated, {} refused, {} met a fault.",
        counts.stored,
        counts.repeated,
        counts.refused,
        counts.faulted
    )
}
