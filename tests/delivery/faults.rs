//! Through every fault: each event stored exactly once, with the bytes that were captured.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use audited::outbox::{
    Appending, BurialReason, ClaimId, ClaimRequest, Claimed, Contents, DeadLetter, Journal, JournalSettings, NewRecord,
    Outbox, OutboxFuture, OutboxHealth, RecordId, Retry,
};
use audited::{AuditLog, Stats};
use audited_cli::{Fault, LocalWorkos, RetryAfter, Verdict};
use tempfile::TempDir;

use crate::support::{
    Invoice, PATIENCE, adds_up, log_in, nobody, on_disk, one_key_and_one_body_each, pay, pay_all, stored,
    stored_bodies, told, until,
};

/// A journal, and a note of all that was handed to it.
#[derive(Debug)]
struct Witness {
    journal: Journal,
    captured: Arc<Mutex<BTreeSet<Vec<u8>>>>,
}

impl Outbox for Witness {
    fn append(&self, record: NewRecord) -> Appending {
        assert!(self.captured.lock().unwrap().insert(record.payload.clone()), "captured twice");
        self.journal.append(record)
    }

    fn claim<'a>(&'a self, request: ClaimRequest<'a>) -> OutboxFuture<'a, Vec<Claimed>> {
        self.journal.claim(request)
    }

    fn acknowledge(&self, claim: ClaimId) -> OutboxFuture<'_, ()> {
        self.journal.acknowledge(claim)
    }

    fn reschedule(&self, claim: ClaimId, retry: Retry) -> OutboxFuture<'_, ()> {
        self.journal.reschedule(claim, retry)
    }

    fn bury(&self, claim: ClaimId, reason: BurialReason, replacement: Option<NewRecord>) -> OutboxFuture<'_, ()> {
        self.journal.bury(claim, reason, replacement)
    }

    fn inspect(&self) -> OutboxFuture<'_, Contents> {
        self.journal.inspect()
    }

    fn dead_letters(&self, after: Option<RecordId>, max: usize) -> OutboxFuture<'_, Vec<DeadLetter>> {
        self.journal.dead_letters(after, max)
    }

    fn close(&self, deadline: Duration) -> OutboxFuture<'_, ()> {
        Outbox::close(&self.journal, deadline)
    }

    fn rekey(&self, claim: ClaimId, retry: Retry) -> OutboxFuture<'_, ()> {
        self.journal.rekey(claim, retry)
    }

    fn redrive(&self, record: RecordId) -> OutboxFuture<'_, ()> {
        self.journal.redrive(record)
    }

    fn health(&self) -> OutboxHealth {
        self.journal.health()
    }

    fn changed(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        self.journal.changed()
    }
}

/// A log whose journal is witnessed.
struct Service {
    audit: AuditLog,
    captured: Arc<Mutex<BTreeSet<Vec<u8>>>>,
    dir: TempDir,
}

impl Service {
    async fn start(workos: &LocalWorkos) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (journal, _) = Journal::open(dir.path(), JournalSettings::default()).unwrap();
        let captured = Arc::default();
        let witness = Witness { journal, captured: Arc::clone(&captured) };
        let audit = log_in(dir.path(), &workos.url()).outbox(witness).start().await.unwrap();
        Self { audit, captured, dir }
    }

    /// All that was captured is stored, once, byte by byte, and the counters say so.
    async fn delivered_exactly_once(&self, workos: &LocalWorkos, count: u64) -> Stats {
        let report = self.audit.flush(PATIENCE).await;
        let stats = adds_up(&self.audit).await;
        assert_eq!((report.delivered, report.pending, report.dead), (count, 0, 0), "{stats:#?}");
        assert_eq!((stats.accepted, stats.refused, stats.delivery.possible_duplicates), (count, 0, 0));
        assert_eq!(stored(workos), (0..count).collect::<Vec<_>>());
        assert_eq!(stored_bodies(workos), *self.captured.lock().unwrap());
        one_key_and_one_body_each(workos);
        until(|| on_disk(self.dir.path()).is_empty()).await;
        stats
    }
}

const EVENTS: u64 = 40;

/// Forty events, the first attempts of which meet the fault, and a fifth of the others.
async fn through(fault: Fault, first: usize) -> Stats {
    let workos = LocalWorkos::builder().fail_next(first, fault).fail_share(0.2, fault).seed(7).start().unwrap();
    let service = Service::start(&workos).await;
    pay_all(&service.audit, 0..EVENTS).await;
    // Else the last few would fail by chance for minutes.
    workos.wait_until(PATIENCE, |counts| counts.stored >= EVENTS * 3 / 4).unwrap();
    workos.fail_share(0.0, fault);
    service.delivered_exactly_once(&workos, EVENTS).await
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_of_the_server_are_tried_again() {
    let stats = through(Fault::Status(500), 4).await;
    assert!(stats.delivery.ambiguous >= 4, "{stats:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_are_reset_are_tried_again() {
    let stats = through(Fault::Reset, 4).await;
    assert!(stats.delivery.ambiguous >= 4, "{stats:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_whose_reply_was_lost_is_stored_once() {
    let stats = through(Fault::ReplyLost, 4).await;
    assert!(stats.delivery.ambiguous >= 4, "{stats:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_replies_are_waited_for() {
    let stats = through(Fault::SlowReply(Duration::from_millis(300)), 4).await;
    assert_eq!(stats.delivery.attempts, EVENTS);
    let stats = through(Fault::Latency(Duration::from_millis(300)), 4).await;
    assert_eq!(stats.delivery.attempts, EVENTS);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_hangs_holds_up_only_what_hangs() {
    let workos = LocalWorkos::builder().fail_next(2, Fault::Hang).start().unwrap();
    let service = Service::start(&workos).await;
    let began = Instant::now();
    pay_all(&service.audit, 0..EVENTS).await;
    // An attempt hangs for ten seconds.
    workos.wait_until(PATIENCE, |counts| counts.stored >= EVENTS - 2).unwrap();
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    let stats = service.delivered_exactly_once(&workos, EVENTS).await;
    assert_eq!(stats.delivery.ambiguous, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_requests_is_no_attempt() {
    let stats = through(Fault::TooManyRequests(None), 3).await;
    assert!(stats.delivery.throttled >= 3, "{stats:#?}");
    assert_eq!((stats.delivery.ambiguous, stats.dead), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn retry_after_is_kept_to() {
    for retry_after in [RetryAfter::Seconds(2), RetryAfter::Date(3)] {
        let workos = LocalWorkos::builder().fail_next(1, Fault::TooManyRequests(Some(retry_after))).start().unwrap();
        let service = Service::start(&workos).await;
        told(&service.audit, pay(Invoice::new(0))).await;
        // Once the answer is heard: what was sent a moment before is on its way.
        until(|| service.audit.stats().delivery.throttled == 1).await;
        pay_all(&service.audit, 1..EVENTS).await;
        service.delivered_exactly_once(&workos, EVENTS).await;

        let requests = workos.requests();
        let waited = requests[1].received_at.duration_since(requests[0].received_at).unwrap();
        // A date has whole seconds.
        assert!(waited >= Duration::from_secs(2), "{retry_after:?}: asked again after {waited:?}");
        assert_eq!(requests.len() as u64, EVENTS + 1);
    }
}

/// A success that cannot be read is a success, and is counted: this server lies, and only the counter shows it.
#[tokio::test(flavor = "multi_thread")]
async fn a_success_that_cannot_be_read_is_counted() {
    let workos = LocalWorkos::builder().fail_next(3, Fault::Garbage).start().unwrap();
    let service = Service::start(&workos).await;
    pay_all(&service.audit, 0..EVENTS).await;
    let report = service.audit.flush(PATIENCE).await;
    assert_eq!((report.delivered, report.pending, report.dead), (EVENTS, 0, 0));
    let stats = adds_up(&service.audit).await;
    assert_eq!((stats.delivery.unparseable_success, stats.delivery.attempts), (3, EVENTS));
    assert_eq!(stored(&workos).len() as u64, EVENTS - 3);
}

/// What never left does not start the clock after which an event may become a duplicate.
#[tokio::test(flavor = "multi_thread")]
async fn attempts_that_reach_nobody_are_not_ambiguous() {
    let dir = tempfile::tempdir().unwrap();
    let audit = log_in(dir.path(), &nobody()).start().await.unwrap();
    pay_all(&audit, 0..5).await;
    until(|| audit.stats().delivery.unreachable >= 3).await;
    let stats = adds_up(&audit).await;
    assert_eq!((stats.delivery.ambiguous, stats.pending, stats.dead), (0, 5, 0), "{stats:#?}");
}

/// Everything at once.
#[tokio::test(flavor = "multi_thread")]
async fn a_bad_day_loses_nothing() {
    const MANY: u64 = 400;
    let faults = [Fault::Status(500), Fault::Status(503), Fault::Reset, Fault::ReplyLost];
    let mut workos = LocalWorkos::builder().seed(11);
    for fault in faults {
        workos = workos.fail_share(0.05, fault);
    }
    let workos = workos.fail_share(0.02, Fault::TooManyRequests(Some(RetryAfter::Seconds(0)))).start().unwrap();
    let service = Service::start(&workos).await;
    pay_all(&service.audit, 0..MANY).await;
    workos.wait_until(PATIENCE, |counts| counts.stored >= MANY * 9 / 10).unwrap();
    workos.clear_faults();
    let stats = service.delivered_exactly_once(&workos, MANY).await;
    assert!(stats.delivery.ambiguous > 20 && stats.delivery.throttled > 0, "{stats:#?}");
    assert!(workos.requests().iter().any(|request| request.verdict == Verdict::Repeated));
}
