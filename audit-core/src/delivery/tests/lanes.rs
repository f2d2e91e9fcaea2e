//! What concerns one event, or one lane, holds up nobody else.

use std::time::Duration;

use super::super::Reply;
use super::rig::{HOUR, Rig, SECOND, answer, status, taken};
use crate::delivery::{Health, Said};

#[tokio::test(start_paused = true)]
async fn poison_leaves_at_once_and_its_smallest_form_takes_its_place() {
    let mut rig = Rig::start(|attempt| match &*attempt.payload {
        b"poison" => answer(422, Said::Refusal("event.metadata: too many".to_owned())),
        _ => taken(),
    });
    rig.accept(1, "poison").await;
    rig.accept_many(1, 10).await;
    assert!(rig.drain(10 * SECOND).await.drained);
    let contents = rig.assert_balanced().await;
    assert_eq!((contents.pending, contents.dead), (0, 1));
    let stats = rig.stats();
    assert_eq!((stats.delivered, stats.dead, stats.replaced), (11, 1, 1));
    let seen = rig.sink.seen();
    let minimal = seen.iter().find(|attempt| attempt.payload.starts_with(b"minimal")).unwrap();
    assert_eq!(minimal.payload, "minimal poison");
    assert!(minimal.at < SECOND * 2, "at once");

    let letter = &rig.outbox.dead_letters(None, 9).await.unwrap()[0];
    assert_eq!((letter.reason.status, &*letter.reason.message), (Some(422), "event.metadata: too many"));
    assert_eq!(letter.payload, "poison");
}

#[tokio::test(start_paused = true)]
async fn a_smallest_form_that_is_refused_too_is_the_end_of_it() {
    for refusal in [400, 413, 422] {
        let mut rig = Rig::start(move |_| status(refusal));
        rig.accept_many(1, 5).await;
        assert!(rig.drain(HOUR).await.drained);
        let contents = rig.assert_balanced().await;
        assert_eq!((contents.pending, contents.dead), (0, 10));
        assert_eq!(rig.sink.seen().len(), 10, "each once");
    }
}

#[tokio::test(start_paused = true)]
async fn other_refusals_are_dead_letters_without_a_second_try() {
    let not_found = answer(404, Said::Refusal("Organization not found: 'org_1'.".to_owned()));
    let unsent = Reply::Refused("it has no organization".to_owned());
    for refusal in [not_found, status(402), status(410), status(451), unsent] {
        let mut rig = Rig::start(move |_| refusal.clone());
        rig.accept_many(1, 5).await;
        assert!(rig.drain(HOUR).await.drained);
        assert_eq!(rig.assert_balanced().await.dead, 5);
        assert_eq!((rig.sink.seen().len(), rig.stats().replaced), (5, 0));
    }
}

/// A wrong base URL, a proxy that asks who is there, a captive portal.
#[tokio::test(start_paused = true)]
async fn another_servers_answers_bury_nothing() {
    for elsewhere in [301, 302, 307, 404, 405, 407, 421] {
        let mended = HOUR;
        let mut rig = Rig::start(move |attempt| if attempt.at < mended { status(elsewhere) } else { taken() });
        for lane in 0..50 {
            rig.accept_many(lane, 2).await;
        }
        tokio::time::sleep(mended).await;
        let contents = rig.assert_balanced().await;
        assert_eq!((contents.pending, contents.dead), (100, 0), "{elsewhere}");
        let requests = rig.sink.seen().len();
        assert!(requests < 400, "{requests} requests in an hour: it pauses");
        assert_eq!((rig.stats().health, rig.stats().ambiguous), (Health::Unreachable, 0), "{elsewhere}");

        rig.drain(HOUR).await;
        rig.assert_all_delivered().await;
        assert_eq!((rig.stats().health, rig.stats().possible_duplicates), (Health::Ok, 0));
    }
}

/// One event of lane 0 never gets through; lanes 1 to 200, and the others of lane 0, do not notice.
#[tokio::test(start_paused = true)]
async fn one_event_that_fails_for_ever_holds_up_nobody() {
    for failure in [status(500), status(404), Reply::Unknown("connection reset".to_owned())] {
        let mut rig = Rig::start(move |attempt| if attempt.payload == "0/0" { failure.clone() } else { taken() });
        for lane in 0..=200 {
            rig.accept_many(lane, 2).await;
        }
        tokio::time::sleep(15 * SECOND).await;
        let contents = rig.assert_balanced().await;
        assert_eq!((contents.pending, contents.dead), (1, 0), "only it is left, and it is not given up");
        let slowest = rig.sink.seen().iter().filter(|attempt| attempt.payload != "0/0").map(|attempt| attempt.at).max();
        assert!(slowest.unwrap() < 12 * SECOND, "{slowest:?}: 401 events at 50 a second, after a slow start");
        tokio::time::sleep(24 * HOUR).await;
        let tries = rig.sink.seen().iter().filter(|attempt| attempt.payload == "0/0").count();
        assert!((1_000..5_000).contains(&tries), "{tries} tries in a day");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lane_that_fails_as_a_whole_waits_by_itself() {
    let mut rig = Rig::start(|attempt| if attempt.payload.starts_with(b"0/") { status(500) } else { taken() });
    for _ in 0..60 {
        rig.accept_many(0, 5).await;
        rig.accept_many(1, 5).await;
        tokio::time::sleep(SECOND).await;
    }
    tokio::time::sleep(SECOND).await;
    let pending = rig.assert_balanced().await.pending;
    assert!((300..=305).contains(&pending), "{pending} pending: lane 1 goes through");
    let wasted = rig.sink.seen().iter().filter(|attempt| attempt.payload.starts_with(b"0/")).count();
    assert!(wasted < 300, "{wasted} requests for a lane that fails");
}

#[tokio::test(start_paused = true)]
async fn waits_at_least_as_long_as_a_503_asks() {
    let mut rig = Rig::start(|attempt| match attempt.earlier {
        0 => Reply::Answered(super::super::Answer {
            status: 503,
            retry_after: Some(Duration::from_secs(90)),
            said: Said::Nothing,
        }),
        _ => taken(),
    });
    rig.accept(1, "a").await;
    rig.drain(HOUR).await;
    rig.assert_all_delivered().await;
    assert!(rig.sink.seen()[1].at >= Duration::from_secs(90));
}
