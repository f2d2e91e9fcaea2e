//! Stopping, in every state, on time.

use std::time::Duration;

use super::super::{DeliverySettings, Reply};
use super::rig::{HOUR, MINUTE, Rig, SECOND, Setup, status, taken, throttled};
use crate::outbox::conformance::event;
use crate::outbox::{NewRecord, Role};

/// How late a shutdown may be.
const GRACE: Duration = Duration::from_millis(200);

#[tokio::test(start_paused = true)]
async fn ends_as_soon_as_everything_is_delivered() {
    let mut rig = Rig::start(|_| taken());
    rig.accept_many(1, 100).await;
    let began = tokio::time::Instant::now();
    let report = rig.shutdown(HOUR).await;
    assert!(began.elapsed() < 6 * SECOND);
    assert_eq!((report.delivered, report.drained), (100, true));
    assert_eq!(report.remaining.map(|contents| contents.pending), Some(0));
    rig.stopped().await;
}

#[tokio::test(start_paused = true)]
async fn an_empty_outbox_takes_no_time() {
    let rig = Rig::start(|_| taken());
    let began = tokio::time::Instant::now();
    assert!(rig.shutdown(HOUR).await.drained);
    assert!(began.elapsed() < Duration::from_millis(10));
}

#[tokio::test(start_paused = true)]
async fn ends_at_its_deadline_whatever_the_sink_does() {
    let replies = [
        Reply::NotSent("connection refused".to_owned()),
        throttled(Some(HOUR)),
        status(401),
        status(500),
        Reply::Unknown("connection reset".to_owned()),
    ];
    for reply in replies {
        let name = format!("{reply:?}");
        let mut rig = Rig::start(move |_| reply.clone());
        rig.accept_many(1, 100).await;
        tokio::time::sleep(10 * SECOND).await;
        let began = tokio::time::Instant::now();
        let report = rig.shutdown(SECOND).await;
        assert!((SECOND..SECOND + GRACE).contains(&began.elapsed()), "{name}: {:?}", began.elapsed());
        assert_eq!((report.delivered, report.drained), (0, false), "{name}");
        assert_eq!(report.remaining.map(|contents| contents.pending), Some(100), "{name}");
        rig.stopped().await;
        rig.assert_balanced().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_hangs_is_left_at_the_deadline() {
    let mut rig = Setup { latency: 365 * 24 * HOUR, ..Setup::default() }.start(|_| taken());
    rig.accept_many(1, 100).await;
    tokio::time::sleep(SECOND).await;
    let began = tokio::time::Instant::now();
    let report = rig.shutdown(SECOND).await;
    assert!(began.elapsed() < SECOND + GRACE);
    assert_eq!(report.remaining.map(|contents| contents.pending), Some(100));
    rig.crash().await;
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_hangs_does_not_hang_delivery() {
    let settings = DeliverySettings { attempt_timeout: 5 * SECOND, ..DeliverySettings::default() };
    let mut rig = Setup { latency: HOUR, settings, ..Setup::default() }.start(|_| taken());
    rig.accept_many(1, 5).await;
    tokio::time::sleep(MINUTE).await;
    assert!(rig.stats().ambiguous >= 5);
    rig.assert_balanced().await;
}

#[tokio::test(start_paused = true)]
async fn a_drain_reports_and_delivery_goes_on() {
    let mut rig = Rig::start(|_| taken());
    rig.accept_many(1, 10).await;
    assert_eq!(rig.drain(MINUTE).await.delivered, 10);
    rig.accept_many(1, 7).await;
    assert_eq!(rig.drain(MINUTE).await.delivered, 7, "since this drain began");
    let (first, second) = tokio::join!(rig.drain(MINUTE), rig.shutdown(MINUTE));
    assert!(first.drained && second.drained);
}

#[tokio::test(start_paused = true)]
async fn an_open_intent_is_not_waited_for() {
    let rig = Rig::start(|_| taken());
    rig.outbox.append(NewRecord { role: Role::Intent, ..event(1, "about to") }).await.unwrap();
    let report = rig.shutdown(HOUR).await;
    assert!(report.drained);
    assert_eq!(report.remaining.map(|contents| contents.pending), Some(1));
}

#[tokio::test(start_paused = true)]
async fn a_deadline_of_for_ever_and_of_now_work() {
    let mut rig = Rig::start(|_| taken());
    rig.accept_many(1, 10).await;
    assert!(rig.drain(Duration::MAX).await.drained);
    rig.accept_many(1, 10).await;
    assert_eq!(rig.shutdown(Duration::ZERO).await.remaining.map(|contents| contents.pending), Some(10));
}
