//! Without a request: `cargo run --example jobs`. No account and no network needed.
//!
//! A command asks for a job, a queue carries who asked from where, a worker does it in that name; and a timer's job acts
//! in its own name.

#![allow(clippy::print_stdout, reason = "an example shows what it did")]

use std::error::Error;
use std::time::Duration;

use audited::{Actor, AuditLog, AuditTarget, Context, audited};
use audited_cli::{LocalWorkos, StoredEvent};
use tokio::sync::mpsc::{Receiver, Sender, channel};

const ORGANIZATION: &str = "org_01EHWNCE74X7JSDV0X3SZ3KJNY";

#[derive(AuditTarget)]
struct Report {
    id: u64,
}

/// What lies in the queue: text, as in Redis, SQS or a table of jobs.
struct Message {
    context: String,
    report: u64,
}

#[audited(action = "report.requested", targets(Report { id: report }))]
async fn request(queue: &Sender<Message>, report: u64) -> Result<(), Box<dyn Error + Send + Sync>> {
    // Who asks, from where and with what goes with the job.
    let context = audited::context().to_json();
    queue.send(Message { context, report }).await?;
    Ok(())
}

#[audited(action = "report.rendered", targets(Report { id: report }))]
async fn render(report: u64) {}

#[audited(action = "reports.expired", target(type = "archive", id = "2025"), metadata(count = 3))]
async fn expire() {}

/// Ends with the queue.
async fn work(mut queue: Receiver<Message>) -> Result<(), audited::InvalidContext> {
    while let Some(message) = queue.recv().await {
        Context::from_json(&message.context)?.scope(render(message.report)).await;
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let workos = LocalWorkos::start()?;
    let dir = tempfile::tempdir()?; // In earnest: a disk that outlives the process.
    let audit = AuditLog::builder().api_key("sk_example").base_url(workos.url()).outbox_dir(dir.path()).start().await?;

    let (queue, messages) = channel(16);
    let worker = tokio::spawn(work(messages));

    // A command line knows its user; a web handler has this context from its layer.
    let alice = Actor::user("alice").organization(ORGANIZATION);
    let command = audited::context().actor(&alice).location("203.0.113.7").metadata("ticket", "T-17");
    command.scope(request(&queue, 7)).await.map_err(|error| error.to_string())?;
    drop(queue);
    worker.await??;

    // A timer has no user: the job is the actor.
    let nightly = Actor::job("nightly-cleanup").organization(ORGANIZATION);
    audited::context().actor(&nightly).location("worker-1").scope(expire()).await;

    let report = audit.shutdown(Duration::from_secs(10)).await;
    let mut told: Vec<_> = workos.events().iter().map(line).collect();
    told.sort_unstable();
    told.iter().for_each(|line| println!("{line}"));
    println!("{} delivered, {} pending, {} dead", report.delivered, report.pending, report.dead);
    let expected = [
        r#"report.rendered   user alice from 203.0.113.7  {"ticket":"T-17"}"#,
        r#"report.requested  user alice from 203.0.113.7  {"ticket":"T-17"}"#,
        r#"reports.expired   job nightly-cleanup from worker-1  {"count":3}"#,
    ];
    if told == expected { Ok(()) } else { Err("not every event arrived exactly once".into()) }
}

fn line(stored: &StoredEvent) -> String {
    let text = |pointer: &str| stored.event.pointer(pointer).and_then(serde_json::Value::as_str).unwrap_or("-");
    let (kind, id, location) = (text("/actor/type"), text("/actor/id"), text("/context/location"));
    format!("{:<17} {kind} {id} from {location}  {}", stored.action(), stored.event["metadata"])
}
