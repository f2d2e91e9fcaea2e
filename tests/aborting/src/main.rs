//! A program that panics within an audited call: `aborting DIRECTORY durable|strict`. `tests/crash/aborting.rs` builds it with
//! `panic = "abort"` and says what must be on the disk afterwards.

use std::path::PathBuf;
use std::process::ExitCode;

use audited::{AuditLog, Unavailable, audited};

#[audited(action = "invoice.paid", organization = "org_1", target(type = "invoice", id = id))]
async fn pay(id: u64, fails: bool) -> u64 {
    tokio::task::yield_now().await;
    assert!(!fails, "this panic is meant to be");
    id
}

#[audited(action = "invoice.closed", organization = "org_1", target(type = "invoice", id = id), durability = strict)]
async fn close(id: u64, fails: bool) -> Result<u64, Unavailable> {
    tokio::task::yield_now().await;
    assert!(!fails, "this panic is meant to be");
    Ok(id)
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (Some(dir), Some(how)) = (arguments.next().map(PathBuf::from), arguments.next()) else {
        return ExitCode::from(2);
    };
    // Where panics unwind there is nothing to see here.
    if !cfg!(panic = "abort") {
        return ExitCode::from(3);
    }
    let log = AuditLog::builder().api_key("sk_test").base_url("http://127.0.0.1:1").outbox_dir(dir);
    let (Ok(_audit), Ok(runtime)) = (log.start_blocking(), tokio::runtime::Builder::new_current_thread().build())
    else {
        return ExitCode::from(4);
    };
    // The ordinary one prints for longer than a lazy writer waits.
    std::panic::set_hook(Box::new(|_| {}));
    runtime.block_on(async {
        pay(1, false).await;
        let closed = close(2, false).await;
        match &*how {
            "strict" => drop(close(3, closed.is_ok()).await),
            _ => drop(pay(3, closed.is_ok()).await),
        }
    });
    ExitCode::SUCCESS
}
