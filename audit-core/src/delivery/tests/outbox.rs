//! An outbox that fails, or lends again.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::rig::{HOUR, MINUTE, Rig, SECOND, Setup, status, taken, throttled};
use crate::outbox::{
    Appending, BurialReason, ClaimId, ClaimRequest, Claimed, Contents, DeadLetter, MemoryOutbox, NewRecord, Outbox,
    OutboxError, OutboxErrorKind, OutboxFuture, RecordId, Retry,
};

/// A memory outbox with troubles: it fails every call but each `nth`, and takes its time. Appends always work.
#[derive(Debug)]
struct Troubled {
    inner: MemoryOutbox,
    calls: AtomicU64,
    nth: u64,
    claim_takes: Duration,
    inspect_takes: Duration,
}

impl Default for Troubled {
    fn default() -> Self {
        Self {
            inner: MemoryOutbox::default(),
            calls: AtomicU64::new(0),
            nth: 1,
            claim_takes: Duration::ZERO,
            inspect_takes: Duration::ZERO,
        }
    }
}

impl Troubled {
    fn failing(nth: u64) -> Self {
        Self { nth, ..Self::default() }
    }

    fn or_fail<'a, T: Send + 'a>(&'a self, work: OutboxFuture<'a, T>) -> OutboxFuture<'a, T> {
        let call = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        if call.is_multiple_of(self.nth) {
            return work;
        }
        Box::pin(async { Err(OutboxError::new(OutboxErrorKind::Storage, "input/output error")) })
    }
}

impl Outbox for Troubled {
    fn append(&self, record: NewRecord) -> Appending {
        self.inner.append(record)
    }
    fn claim<'a>(&'a self, request: ClaimRequest<'a>) -> OutboxFuture<'a, Vec<Claimed>> {
        Box::pin(async move {
            tokio::time::sleep(self.claim_takes).await;
            self.or_fail(self.inner.claim(request)).await
        })
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
        Box::pin(async {
            tokio::time::sleep(self.inspect_takes).await;
            self.inner.inspect().await
        })
    }
    fn rekey(&self, claim: ClaimId, retry: Retry) -> OutboxFuture<'_, ()> {
        self.or_fail(self.inner.rekey(claim, retry))
    }
    fn dead_letters(&self, after: Option<RecordId>, max: usize) -> OutboxFuture<'_, Vec<DeadLetter>> {
        self.inner.dead_letters(after, max)
    }
    fn redrive(&self, record: RecordId) -> OutboxFuture<'_, ()> {
        self.inner.redrive(record)
    }
    fn changed(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        self.inner.changed()
    }
}

#[tokio::test(start_paused = true)]
async fn an_outbox_that_fails_is_asked_again_and_nothing_is_lost() {
    let mut rig = Setup { outbox: Arc::new(Troubled::failing(2)), ..Setup::default() }.start(|_| taken());
    rig.accept_many(1, 200).await;
    tokio::time::sleep(HOUR).await;
    rig.assert_all_delivered().await;
    assert!(rig.stats().outbox_errors > 100);
    assert_eq!(rig.sink.seen().len(), 200, "a settlement is tried again, not the request");
}

#[tokio::test(start_paused = true)]
async fn an_outbox_that_only_fails_is_not_hammered_and_shows() {
    let outbox = Arc::new(Troubled::failing(u64::MAX));
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
    let outbox = Arc::new(Troubled::failing(1));
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
    tokio::time::sleep(Duration::from_millis(40)).await;
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

#[tokio::test(start_paused = true)]
async fn what_was_put_off_before_a_restart_goes_when_it_is_due() {
    let mut first = Rig::start(|_| status(500));
    first.accept(1, "a").await;
    tokio::time::sleep(10 * SECOND).await;
    first.crash().await;
    let due = first.contents().await.next_due.unwrap();

    // The wall clock of a rig begins anew: as seen from there the record is due some seconds ahead.
    let ahead = i64::try_from(due.0 - crate::outbox::conformance::NOW.0).unwrap() - 2_500;
    let mut second = Setup { outbox: Arc::clone(&first.outbox), ahead, ..Setup::default() }.start(|_| taken());
    second.accepted = 1;
    tokio::time::sleep(Duration::from_millis(2_700)).await;
    second.assert_all_delivered().await;
}

/// A claim takes time, and the sink may say 429 in the meantime.
#[tokio::test(start_paused = true)]
async fn what_is_claimed_too_late_is_given_back_unsent() {
    let outbox = Arc::new(Troubled { claim_takes: Duration::from_millis(200), ..Troubled::default() });
    let mut rig = Setup { outbox, ..Setup::default() }.start(|attempt| match attempt.at < SECOND {
        true => throttled(Some(100 * SECOND)),
        false => taken(),
    });
    rig.accept(1, "first").await;
    tokio::time::sleep(Duration::from_millis(210)).await;
    rig.accept_many(1, 5).await;
    tokio::time::sleep(90 * SECOND).await;
    let seen = rig.sink.seen();
    assert_eq!(seen.len(), 1, "nothing leaves during the pause: {seen:?}");
    assert_eq!(rig.stats().attempts, 1);
    assert_eq!(rig.assert_balanced().await.pending, 6);
    assert!(rig.drain(MINUTE).await.drained);
}

#[tokio::test(start_paused = true)]
async fn an_outbox_that_does_not_say_what_it_holds_does_not_hold_up_a_shutdown() {
    let outbox = Arc::new(Troubled { inspect_takes: HOUR, ..Troubled::default() });
    let mut rig = Setup { outbox, ..Setup::default() }.start(|_| status(500));
    rig.accept(1, "a").await;
    tokio::time::sleep(SECOND).await;
    let began = tokio::time::Instant::now();
    let report = rig.shutdown(SECOND).await;
    assert!(began.elapsed() <= SECOND + Duration::from_millis(200), "{:?}", began.elapsed());
    assert_eq!((report.remaining, report.drained), (None, false));
}

#[tokio::test(start_paused = true)]
async fn an_outbox_that_hangs_is_asked_again() {
    let outbox = Arc::new(Troubled { claim_takes: HOUR, ..Troubled::default() });
    let mut rig = Setup { outbox, ..Setup::default() }.start(|_| taken());
    rig.accept(1, "a").await;
    tokio::time::sleep(10 * MINUTE).await;
    let stats = rig.stats();
    assert!((10..=20).contains(&stats.outbox_errors) && stats.outbox_failing, "{stats:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_due_later_is_slept_for() {
    let outbox = Arc::new(Troubled::default());
    let asked = Arc::clone(&outbox);
    let mut rig = Setup { outbox, ..Setup::default() }.start(|attempt| match attempt.at < HOUR {
        true => status(500),
        false => taken(),
    });
    rig.accept(1, "a").await;
    tokio::time::sleep(HOUR).await;
    let (calls, attempts) = (asked.calls.load(Ordering::Relaxed), rig.stats().attempts);
    assert!(calls < 1_000, "{calls} calls of the outbox in an hour of {attempts} attempts at one record");
}
