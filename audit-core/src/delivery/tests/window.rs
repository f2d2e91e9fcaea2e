//! The 24 hours for which the sink knows an idempotency key.

use super::super::{DeliverySettings, DuplicatePolicy, Reply};
use super::rig::{HOUR, MINUTE, Rig, SECOND, Setup, status, taken};

#[tokio::test(start_paused = true)]
async fn an_ambiguous_event_is_sent_under_one_key_and_counted_past_its_window() {
    let mut rig = Rig::start(|attempt| match attempt.at < 25 * HOUR {
        true => Reply::Unknown("connection reset".to_owned()),
        false => taken(),
    });
    rig.accept(1, "a").await;
    tokio::time::sleep(22 * HOUR).await;
    assert_eq!(rig.stats().possible_duplicates, 0);
    tokio::time::sleep(2 * HOUR).await;
    assert_eq!(rig.stats().possible_duplicates, 1, "once a window, not once an attempt");
    assert!(rig.drain(3 * HOUR).await.drained);
    rig.assert_all_delivered().await;
    assert_eq!(rig.stats().possible_duplicates, 1);
    let keys: std::collections::HashSet<_> = rig.sink.seen().iter().map(|attempt| attempt.key).collect();
    assert_eq!(keys.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn with_the_other_policy_it_is_parked_where_it_can_be_seen() {
    let settings = DeliverySettings { duplicates: DuplicatePolicy::Park, ..DeliverySettings::default() };
    let mut rig = Setup { settings, ..Setup::default() }.start(|attempt| match &*attempt.payload {
        b"ambiguous" => status(500),
        _ => Reply::NotSent("connection refused".to_owned()),
    });
    rig.accept(1, "ambiguous").await;
    tokio::time::sleep(SECOND).await;
    rig.accept(2, "never left").await;
    tokio::time::sleep(25 * HOUR).await;
    let contents = rig.assert_balanced().await;
    assert_eq!((contents.pending, contents.dead), (1, 1));
    assert_eq!((rig.stats().parked, rig.stats().possible_duplicates), (1, 0));
    let letter = &rig.outbox.dead_letters(None, 9).await.unwrap()[0];
    assert_eq!((&*letter.payload, letter.reason.status), (&b"ambiguous"[..], None));
    let last = rig.sink.seen().iter().rfind(|attempt| attempt.payload == "ambiguous").unwrap().at;
    assert!(last < 23 * HOUR, "not sent once it might be a duplicate");
}

/// A sink that keeps its first answer to a key: a 500 comes back for as long as it knows the key.
fn remembers_its_500(attempt: &super::rig::Attempt) -> Reply {
    match &*attempt.payload {
        b"stuck" if attempt.at < 10 * SECOND || attempt.earlier > 0 => status(500),
        _ => taken(),
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_under_which_a_failure_is_remembered_is_changed_once() {
    let mut rig = Rig::start(remembers_its_500);
    rig.accept(1, "stuck").await;
    for minute in 0..59 {
        rig.accept(2, format!("other {minute}")).await;
        tokio::time::sleep(MINUTE).await;
    }
    assert_eq!((rig.stats().rekeyed, rig.contents().await.pending), (0, 1), "not within the hour");
    for minute in 59..70 {
        rig.accept(2, format!("other {minute}")).await;
        tokio::time::sleep(MINUTE).await;
    }
    rig.assert_all_delivered().await;
    let stats = rig.stats();
    assert_eq!((stats.rekeyed, stats.possible_duplicates), (1, 1));
    let seen = rig.sink.seen();
    let keys: std::collections::HashSet<_> =
        seen.iter().filter(|it| it.payload == "stuck").map(|attempt| attempt.key).collect();
    assert_eq!(keys.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn no_key_is_changed_while_nothing_else_is_delivered_nor_twice() {
    let mut rig = Rig::start(|attempt| if attempt.payload == "stuck" { status(500) } else { taken() });
    rig.accept(1, "stuck").await;
    tokio::time::sleep(10 * HOUR).await;
    assert_eq!(rig.stats().rekeyed, 0, "it may be the sink");
    for minute in 0..600 {
        rig.accept(2, format!("other {minute}")).await;
        tokio::time::sleep(MINUTE).await;
    }
    assert_eq!((rig.stats().rekeyed, rig.stats().possible_duplicates), (1, 1), "it may be the event");
    assert_eq!(rig.assert_balanced().await.pending, 1, "and it is kept");
}

#[tokio::test(start_paused = true)]
async fn with_the_other_policy_a_stuck_event_is_parked() {
    let settings = DeliverySettings { duplicates: DuplicatePolicy::Park, ..DeliverySettings::default() };
    let mut rig = Setup { settings, ..Setup::default() }.start(remembers_its_500);
    rig.accept(1, "stuck").await;
    for minute in 0..70 {
        rig.accept(2, format!("other {minute}")).await;
        tokio::time::sleep(MINUTE).await;
    }
    assert_eq!(rig.assert_balanced().await.dead, 1);
    assert_eq!((rig.stats().parked, rig.stats().rekeyed, rig.stats().possible_duplicates), (1, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn jumps_of_the_wall_clock_neither_lose_nor_stall() {
    for jump in [-3_600_000, 365 * 86_400_000] {
        let mut rig = Rig::start(|attempt| if attempt.earlier < 3 { status(500) } else { taken() });
        rig.accept_many(1, 50).await;
        tokio::time::sleep(SECOND).await;
        rig.shift_clock(jump);
        tokio::time::sleep(SECOND).await;
        rig.shift_clock(-jump);
        assert!(rig.drain(3 * HOUR).await.drained, "{jump}");
        rig.assert_all_delivered().await;
    }
}
