//! An outbox that fails, or lends again.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::rig::{HOUR, MINUTE, Rig, SECOND, Setup, taken};
use crate::outbox::{
    Appending, BurialReason, ClaimId, ClaimRequest, Claimed, Contents, DeadLetter, MemoryOutbox, NewRecord, Outbox,
    OutboxError, OutboxErrorKind, OutboxFuture, RecordId, Retry,
};

/// Fails every call but one in `nth`, except appends.
#[derive(Debug)]
struct Failing {
    inner: MemoryOutbox,
    calls: AtomicU64,
    nth: u64,
}

impl Failing {
    fn new(nth: u64) -> Self {
        Self { inner: MemoryOutbox::default(), calls: AtomicU64::new(0), nth }
    }

    fn or_fail<'a, T: Send + 'a>(&'a self, work: OutboxFuture<'a, T>) -> OutboxFuture<'a, T> {
        let call = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        if call.is_multiple_of(self.nth) {
            return work;
        }
        Box::pin(async { Err(OutboxError::new(OutboxErrorKind::Storage, "input/output error")) })
    }
}

impl Outbox for Failing {
    fn append(&self, record: NewRecord) -> Appending {
        self.inner.append(record)
    }
    fn claim<'a>(&'a self, request: ClaimRequest<'a>) -> OutboxFuture<'a, Vec<Claimed>> {
        self.or_fail(self.inner.claim(request))
    }
    fn acknowledge(&self, claim: ClaimId) -> OutboxFuture<'_, ()> {
        self.or_fail(self.inner.acknowledge(claim))
    }
    fn reschedule(&self, claim: ClaimId, retry: Retry) -> OutboxFuture<'_, ()> {
        self.or_fail(self.inner.reschedule(claim, retry))
    }
    fn bury(&self, claim: ClaimId, reason: BurialReason, replacement: Option<NewRecord>) -> OutboxFuture<'_, ()> {
        self.or_fail(self.inner.bury(claim, reason, replacement))
    }
    fn inspect(&self) -> OutboxFuture<'_, Contents> {
        self.inner.inspect()
    }
    fn dead_letters(&self, after: Option<RecordId>, max: usize) -> OutboxFuture<'_, Vec<DeadLetter>> {
        self.inner.dead_letters(after, max)
    }
    fn changed(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        self.inner.changed()
    }
}

#[tokio::test(start_paused = true)]
async fn an_outbox_that_fails_is_asked_again_and_nothing_is_lost() {
    let mut rig = Setup { outbox: Arc::new(Failing::new(2)), ..Setup::default() }.start(|_| taken());
    rig.accept_many(1, 200).await;
    tokio::time::sleep(HOUR).await;
    rig.assert_all_delivered().await;
    assert!(rig.stats().outbox_errors > 100);
    assert_eq!(rig.sink.seen().len(), 200, "a settlement is tried again, not the request");
}

#[tokio::test(start_paused = true)]
async fn an_outbox_that_only_fails_is_not_hammered_and_shows() {
    let outbox = Arc::new(Failing::new(u64::MAX));
    let asked = Arc::clone(&outbox);
    let mut rig = Setup { outbox, ..Setup::default() }.start(|_| taken());
    rig.accept(1, "a").await;
    tokio::time::sleep(HOUR).await;
    let calls = asked.calls.load(Ordering::Relaxed);
    assert!((300..1_000).contains(&calls), "{calls} calls in an hour");
    assert!(rig.stats().outbox_failing);
    let report = rig.shutdown(SECOND).await;
    assert!(!report.drained);
}

#[tokio::test(start_paused = true)]
async fn an_idle_delivery_sleeps() {
    let outbox = Arc::new(Failing::new(1));
    let asked = Arc::clone(&outbox);
    let mut rig = Setup { outbox, ..Setup::default() }.start(|_| taken());
    tokio::time::sleep(HOUR).await;
    let calls = asked.calls.load(Ordering::Relaxed);
    assert!(calls <= 721, "{calls} claims in an idle hour: one every 5 seconds");
    let before = tokio::time::Instant::now();
    rig.accept(1, "a").await;
    assert!(rig.drain(MINUTE).await.drained);
    assert!(before.elapsed() < SECOND, "an append wakes it");
}

#[tokio::test(start_paused = true)]
async fn what_a_dead_delivery_was_lent_is_delivered_by_the_next_under_the_same_key() {
    let mut first = Rig::start(|_| taken());
    first.accept_many(1, 5).await;
    tokio::time::sleep(std::time::Duration::from_millis(40)).await;
    assert!(!first.sink.seen().is_empty(), "requests are under way");
    first.crash().await;
    assert_eq!(first.stats().delivered, 0);

    let mut second = Setup { outbox: Arc::clone(&first.outbox), ..Setup::default() }.start(|_| taken());
    second.accepted = 5;
    tokio::time::sleep(3 * MINUTE).await;
    second.assert_all_delivered().await;
    let again = second.sink.seen();
    for attempt in first.sink.seen() {
        assert!(again.iter().any(|it| it.key == attempt.key && it.payload == attempt.payload));
    }
}
