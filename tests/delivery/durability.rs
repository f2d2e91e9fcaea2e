//! When an event is on the disk, as a second reader of the journal sees it.

use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use audited::{AuditLog, Context, HealthReason, HealthStatus, audited};
use audited_cli::LocalWorkos;

use crate::support::{
    Invoice, PATIENCE, adds_up, are_on_disk, close, log_in, nobody, on_disk, pay, see, stored, told, until,
};

/// Longer than the fifty milliseconds that are promised by what a busy machine takes to run a thread and to read a file.
const SOON: Duration = Duration::from_millis(50 + 200);
/// A writer that nobody wakes looks by itself every five seconds.
const FORGOTTEN: Duration = Duration::from_millis(2_500);

/// The machine may hold one of them up, but not most of them; and none of them was forgotten.
fn soon(what: &str, mut took: Vec<Duration>) {
    took.sort_unstable();
    let (median, longest) = (took[took.len() / 2], took[took.len() - 1]);
    assert!(took.len() >= 9 && median < SOON && longest < FORGOTTEN, "{what}: {took:?}");
}

async fn offline(dir: &Path) -> AuditLog {
    log_in(dir, &nobody()).start().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_durable_event_is_on_disk_before_the_call_returns() {
    let dir = tempfile::tempdir().unwrap();
    let audit = offline(dir.path()).await;
    for id in 0..20 {
        told(&audit, pay(Invoice::new(id))).await;
        let stored = on_disk(dir.path());
        assert_eq!(stored.len() as u64, id + 1);
        let newest: serde_json::Value = serde_json::from_slice(&stored[stored.len() - 1].payload).unwrap();
        assert_eq!(newest["event"]["targets"][0]["id"], id.to_string());
    }
}

#[audited(action = "invoice.printed", organization = "org_1", target(type = "invoice", id = id))]
fn print(id: u64) -> u64 {
    assert_ne!(id, 13, "this panic is meant to be");
    id
}

#[test]
fn a_synchronous_call_waits_for_the_disk_too() {
    let dir = tempfile::tempdir().unwrap();
    let audit = log_in(dir.path(), &nobody()).start_blocking().unwrap();
    for id in 0..10 {
        Context::default().log(&audit).in_scope(|| print(id));
        assert_eq!(on_disk(dir.path()).len() as u64, id + 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relaxed_event_is_on_disk_within_fifty_milliseconds() {
    let dir = tempfile::tempdir().unwrap();
    let audit = offline(dir.path()).await;
    let mut took = Vec::new();
    for id in 0..10_usize {
        let began = Instant::now();
        Context::default().log(&audit).in_scope(|| see(Invoice::new(id as u64)));
        until(|| on_disk(dir.path()).len() > id).await;
        took.push(began.elapsed());
    }
    assert!(took.iter().any(|took| *took < Duration::from_millis(100)), "{took:?}");
    soon("a relaxed call", took);
}

#[audited(action = "invoice.exported", organization = "org_1", target(type = "invoice", id = id))]
async fn export(id: u64) {
    tokio::task::yield_now().await;
    assert_ne!(id, 13, "this panic is meant to be");
    pending::<()>().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_event_of_a_panic_or_a_cancellation_is_on_disk_within_one_flush() {
    let dir = tempfile::tempdir().unwrap();
    let audit = offline(dir.path()).await;

    let (mut panicked, mut panicked_in_a_task, mut cancelled) = (Vec::new(), Vec::new(), Vec::new());
    for round in 1..=9 {
        let began = Instant::now();
        catch_unwind(AssertUnwindSafe(|| Context::default().log(&audit).in_scope(|| print(13)))).unwrap_err();
        until(|| are_on_disk(dir.path(), &["invoice.printed", "panicked"]) == round).await;
        panicked.push(began.elapsed());

        let panicking = tokio::spawn({
            let audit = audit.clone();
            async move { told(&audit, export(13)).await }
        });
        assert!(panicking.await.unwrap_err().is_panic());
        panicked_in_a_task.push(until(|| are_on_disk(dir.path(), &["invoice.exported", "panicked"]) == round).await);

        assert!(tokio::time::timeout(Duration::from_millis(5), told(&audit, export(1))).await.is_err());
        cancelled.push(until(|| are_on_disk(dir.path(), &["invoice.exported", "cancelled"]) == round).await);
    }
    soon("a panic", panicked);
    soon("a panic in a task", panicked_in_a_task);
    soon("a cancellation", cancelled);
    assert_eq!(adds_up(&audit).await.pending, 27);
}

/// Some 20 KB of notes, so that the smallest budget is full soon.
#[audited(action = "invoice.archived", organization = "org_1", target(type = "invoice", id = id),
    metadata(a = text, b = text, c = text, d = text, e = text, f = text, g = text, h = text, i = text, j = text,
             k = text, l = text, m = text, n = text, o = text, p = text, q = text, r = text, s = text, t = text,
             u = text, v = text, w = text, x = text, y = text, z = text))]
async fn archive(id: u64, text: &str) {
    let _ = (id, text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_budget_refuses_and_counts_and_gives_way_again() {
    let dir = tempfile::tempdir().unwrap();
    let audit = log_in(dir.path(), &nobody()).disk_budget(1).start().await.unwrap();
    let text = "x".repeat(499);
    let mut called = 0;
    while audit.stats().refused == 0 {
        let archived = (called..called + 64).map(|id| told(&audit, archive(id, &text)));
        futures(archived).await;
        called += 64;
        assert!(called < 10_000, "the smallest budget is three segments of 8 MiB");
    }
    let stats = adds_up(&audit).await;
    assert_eq!(stats.accepted + stats.refused, called, "{stats:#?}");
    assert_eq!(on_disk(dir.path()).len() as u64, stats.accepted);
    until(|| told_of(&audit).starts_with(&["storage_failing", "outbox_filling"])).await;
    assert!(told_of(&audit).contains(&"refused"));
    assert_eq!(audit.health().status(), HealthStatus::Failing);

    // A strict call does not happen then.
    let big = Invoice { id: 1, note: "x".repeat(499) };
    let refused = told(&audit, close(big, async { unreachable!("the call is refused") })).await;
    let after = adds_up(&audit).await;
    assert!(refused.is_err() && after.refused > stats.refused, "{after:#?}");

    // Neither is it silent where nobody waits for the answer.
    Context::default().log(&audit).in_scope(|| see(Invoice { id: 2, note: "x".repeat(499) }));
    until(|| audit.stats().refused > after.refused).await;
    let _ = tokio::time::timeout(Duration::from_millis(5), told(&audit, export(3))).await;
    until(|| audit.stats().refused > after.refused + 1).await;
    let full = adds_up(&audit).await;
    assert_eq!(full.accepted, stats.accepted);
    let _ = audit.shutdown(Duration::ZERO).await;
    drop(audit);

    // All that was taken arrives, and then there is room again.
    let workos = LocalWorkos::start().unwrap();
    let audit = log_in(dir.path(), &workos.url()).disk_budget(1).start().await.unwrap();
    let report = audit.flush(2 * PATIENCE).await;
    assert_eq!((report.delivered, report.pending, report.dead), (full.accepted, 0, 0));
    told(&audit, pay(Invoice::new(100_000))).await;
    let _ = audit.flush(PATIENCE).await;
    assert_eq!(stored(&workos).len() as u64, full.accepted + 1);
    assert_eq!(adds_up(&audit).await.refused, 0);
    until(|| audit.health().status() == HealthStatus::Ok).await;
}

fn told_of(audit: &AuditLog) -> Vec<&'static str> {
    audit.health().reasons().iter().map(HealthReason::code).collect()
}

/// Polls all of them until they are done.
async fn futures(all: impl IntoIterator<Item = impl Future<Output = ()>>) {
    let mut all: Vec<_> = all.into_iter().map(Box::pin).collect();
    std::future::poll_fn(|task| {
        all.retain_mut(|one| one.as_mut().poll(task).is_pending());
        if all.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
}
