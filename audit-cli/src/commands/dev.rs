//! `audited dev`: the local WorkOS until Ctrl-C.

use audited_cli::LocalWorkos;

use crate::cli::DevArgs;
use crate::exit::Failure;

/// Starts the server, says how to use it, and waits for a signal.
pub(crate) fn run(args: DevArgs) -> Result<(), Failure> {
    if !args.listen.ip().is_loopback() {
        return Err(Failure::Usage(format!(
            "{} can be reached from other machines; listen on 127.0.0.1 or [::1]",
            args.listen
        )));
    }
    let example_key = args
        .api_keys
        .first()
        .cloned()
        .unwrap_or_else(|| "sk_test_local".into());
    let mut builder = LocalWorkos::builder().listen(args.listen);
    for key in args.api_keys {
        builder = builder.api_key(key);
    }
    for key in args.forbidden_keys {
        builder = builder.forbidden_key(key);
    }
    for organization in args.organizations {
        builder = builder.organization(organization);
    }
    for reading in args.readings {
        builder = builder.reading(reading);
    }
    let workos = builder.start().map_err(Failure::Start)?;
    say_hello(&workos, &example_key);
    wait_for_signal()?;
    say_goodbye(&workos);
    Ok(())
}

#[allow(clippy::print_stdout, reason = "what a user copies from the terminal")]
fn say_hello(workos: &LocalWorkos, key: &str) {
    let url = workos.url();
    println!("WorkOS Audit Logs on this machine: {url}");
    println!();
    println!("  export WORKOS_BASE_URL={url}");
    println!("  export WORKOS_API_KEY={key}");
    println!();
    println!("Stop with Ctrl-C.");
}

#[allow(clippy::print_stdout, reason = "the sum of the run")]
fn say_goodbye(workos: &LocalWorkos) {
    let counts = workos.counts();
    println!(
        "\nStopped. {} events stored, {} repeated, {} requests refused, {} met a fault.",
        counts.stored, counts.repeated, counts.refused, counts.faulted
    );
}

/// Blocks until Ctrl-C, or the signal by which a supervisor ends a program.
fn wait_for_signal() -> Result<(), Failure> {
    let failed = |error| Failure::Io("cannot wait for Ctrl-C", error);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(failed)?;
    runtime.block_on(async {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
            tokio::select! {
                interrupted = tokio::signal::ctrl_c() => interrupted.map_err(failed),
                _ = terminate.recv() => Ok(()),
            }
        }
        #[cfg(not(unix))]
        tokio::signal::ctrl_c().await.map_err(failed)
    })
}
