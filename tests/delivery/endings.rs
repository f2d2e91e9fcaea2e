//! Shutdown in every state, the end of the runtime, and the next start of the same directory.

use std::collections::BTreeMap;
use std::future::pending;
use std::time::{Duration, Instant};

use audited::{AuditLog, Context, audited};
use audited_cli::{Fault, LocalWorkos, RetryAfter};
use tempfile::TempDir;
use tokio::sync::mpsc;

use crate::support::{
    Invoice, PATIENCE, adds_up, close, log_in, nobody, on_disk, one_key_and_one_body_each, pay, pay_all, see, stored,
    told, until,
};

const EVENTS: u64 = 30;
/// How much later than its deadline a shutdown may return.
const LATE: Duration = Duration::from_millis(200);

/// A log with events that `url` does not take; `is_so` tells when it has noticed.
async fn stuck(url: &str, is_so: impl Fn(&AuditLog) -> bool) -> (TempDir, AuditLog) {
    let dir = tempfile::tempdir().unwrap();
    let audit = log_in(dir.path(), url).start().await.unwrap();
    pay_all(&audit, 0..EVENTS).await;
    until(|| is_so(&audit)).await;
    (dir, audit)
}

/// It ends in time, says what is left, and the next start delivers that, with the same keys and bytes.
async fn ends_in_time_and_goes_on(dir: TempDir, audit: AuditLog, deadline: Duration) {
    let began = Instant::now();
    let report = audit.shutdown(deadline).await;
    let took = began.elapsed();
    assert!(took < deadline + LATE, "{took:?} instead of {deadline:?}");
    assert_eq!((report.delivered, report.pending, report.dead), (0, EVENTS, 0));
    adds_up(&audit).await;
    drop(audit);
    let left: BTreeMap<_, _> =
        on_disk(dir.path()).into_iter().map(|record| (record.key.to_string(), record.payload.to_vec())).collect();
    assert_eq!(left.len() as u64, EVENTS);

    let workos = LocalWorkos::start().unwrap();
    let audit = log_in(dir.path(), &workos.url()).start().await.unwrap();
    assert!(!audit.recovery().unclean, "it stopped in order");
    let report = audit.shutdown(PATIENCE).await;
    assert_eq!((report.delivered, report.pending, report.dead), (EVENTS, 0, 0));
    assert_eq!(stored(&workos), (0..EVENTS).collect::<Vec<_>>());
    let sent: BTreeMap<_, _> = workos
        .requests()
        .into_iter()
        .map(|request| (request.idempotency_key.unwrap_or_default(), request.body))
        .collect();
    assert_eq!(sent, left);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_ends_in_time_although_the_server_is_dead() {
    let (dir, audit) = stuck(&nobody(), |audit| audit.stats().delivery.unreachable > 0).await;
    ends_in_time_and_goes_on(dir, audit, Duration::from_millis(300)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_ends_in_time_although_the_server_is_a_black_hole() {
    let workos = LocalWorkos::builder().fail_share(1.0, Fault::Hang).start().unwrap();
    let (dir, audit) = stuck(&workos.url(), |audit| audit.stats().delivery.attempts > 0).await;
    ends_in_time_and_goes_on(dir, audit, Duration::from_millis(300)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_ends_in_time_although_the_server_wants_an_hour() {
    let fault = Fault::TooManyRequests(Some(RetryAfter::Seconds(3600)));
    let workos = LocalWorkos::builder().fail_share(1.0, fault).start().unwrap();
    let (dir, audit) = stuck(&workos.url(), |audit| audit.stats().delivery.throttled > 0).await;
    ends_in_time_and_goes_on(dir, audit, Duration::ZERO).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_ends_in_time_although_the_key_is_refused() {
    let workos = LocalWorkos::builder().api_key("sk_other").start().unwrap();
    let (dir, audit) = stuck(&workos.url(), |audit| audit.stats().delivery.unauthorized > 0).await;
    ends_in_time_and_goes_on(dir, audit, Duration::from_millis(300)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_ends_as_soon_as_everything_is_delivered() {
    let workos = LocalWorkos::start().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let audit = log_in(dir.path(), &workos.url()).start().await.unwrap();
    pay_all(&audit, 0..EVENTS).await;
    let began = Instant::now();
    let report = audit.shutdown(PATIENCE).await;
    assert!(began.elapsed() < PATIENCE / 4, "{:?}", began.elapsed());
    assert_eq!((report.delivered, report.pending, report.dead), (EVENTS, 0, 0));
}

/// What comes after is not taken, which is counted, and a strict call does not happen.
#[tokio::test(flavor = "multi_thread")]
async fn what_comes_after_a_shutdown_is_refused_and_counted() {
    let workos = LocalWorkos::start().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let audit = log_in(dir.path(), &workos.url()).start().await.unwrap();
    pay_all(&audit, 0..3).await;
    let _ = audit.shutdown(PATIENCE).await;
    pay_all(&audit, 3..5).await;
    told(&audit, close(Invoice::new(5), async { unreachable!("the call is refused") })).await.unwrap_err();
    let stats = adds_up(&audit).await;
    assert_eq!((stats.accepted, stats.delivered, stats.refused), (3, 3, 3), "{stats:#?}");
}

/// Waits for ever after it has begun.
#[audited(action = "invoice.exported", organization = "org_1", target(type = "invoice", id = id))]
async fn export(id: u64, begun: mpsc::UnboundedSender<u64>) {
    begun.send(id).unwrap();
    pending::<()>().await;
}

/// A runtime that ends drops its tasks in the middle: each of them is told, as cancelled, although no task runs any more.
#[test]
fn a_runtime_that_ends_takes_no_event_with_it() {
    let workos = LocalWorkos::start().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let audit = log_in(dir.path(), &workos.url()).start_blocking().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (begun, mut begins) = mpsc::unbounded_channel();
    runtime.block_on(async {
        for id in 0..EVENTS {
            let (audit, begun) = (audit.clone(), begun.clone());
            tokio::spawn(async move { told(&audit, export(id, begun)).await });
        }
        for _ in 0..EVENTS {
            begins.recv().await.unwrap();
        }
        told(&audit, pay(Invoice::new(EVENTS))).await;
    });
    drop(runtime);

    let report = audit.shutdown_blocking(PATIENCE);
    assert_eq!((report.delivered, report.pending, report.dead), (EVENTS + 1, 0, 0));
    assert_eq!(stored(&workos), (0..=EVENTS).collect::<Vec<_>>());
    one_key_and_one_body_each(&workos);
    let cancelled = workos.events().iter().filter(|it| it.event["metadata"]["outcome"] == "cancelled").count();
    assert_eq!(cancelled as u64, EVENTS);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_delivers_what_a_relaxed_call_told_just_before() {
    let (workos, dir) = (LocalWorkos::start().unwrap(), tempfile::tempdir().unwrap());
    for id in 0..40 {
        let audit = log_in(dir.path(), &workos.url()).start().await.unwrap();
        Context::default().log(&audit).in_scope(|| see(Invoice::new(id)));
        let report = audit.shutdown(PATIENCE).await;
        assert_eq!((report.delivered, report.pending, report.dead), (1, 0, 0), "event {id}");
        assert_eq!(workos.events().len() as u64, id + 1);
    }
}

/// It may still be in memory then. It is stored before the shutdown ends, and counted among what is left.
#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_without_time_counts_what_a_relaxed_call_told_just_before() {
    let dir = tempfile::tempdir().unwrap();
    for id in 0..20 {
        let audit = log_in(dir.path(), &nobody()).start().await.unwrap();
        Context::default().log(&audit).in_scope(|| see(Invoice::new(id)));
        assert_eq!(audit.shutdown(Duration::ZERO).await.pending, id + 1);
        assert_eq!(on_disk(dir.path()).len() as u64, id + 1);
    }
}
