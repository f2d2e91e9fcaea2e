//! Idempotency keys: honoured for 24 hours of the server's time, key and bytes together.

use std::time::Duration;

use audited_cli::{LocalWorkos, Reading, Verdict};
use serde_json::json;

use crate::support::{Sender, event, told};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[tokio::test]
async fn a_retry_is_answered_alike_and_stored_once() {
    let workos = LocalWorkos::start().unwrap();
    let sender = Sender::to(&workos);
    for _ in 0..3 {
        let response = sender.create(Some("k"), event("a").to_string()).await.unwrap();
        assert_eq!(told(response).await, (200, json!({"success": true})));
    }
    let events = workos.events();
    assert_eq!((events.len(), events[0].attempts), (1, 3));
    assert_eq!(workos.requests()[2].verdict, Verdict::Repeated);
}

#[tokio::test]
async fn the_same_key_with_other_data_is_another_event_by_default() {
    let workos = LocalWorkos::start().unwrap();
    let sender = Sender::to(&workos);
    for actor in ["a", "b"] {
        sender.create(Some("k"), event(actor).to_string()).await.unwrap();
    }
    assert_eq!(workos.counts().stored, 2);
}

#[tokio::test]
async fn the_same_key_with_other_data_in_the_other_readings() {
    let workos = LocalWorkos::builder().reading(Reading::IdempotencyConflict).start().unwrap();
    let sender = Sender::to(&workos);
    sender.create(Some("k"), event("a").to_string()).await.unwrap();
    let response = sender.create(Some("k"), event("b").to_string()).await.unwrap();
    assert_eq!(
        told(response).await,
        (
            400,
            json!({"message": "Another idempotency key (k) with different request parameters \
            was found. Please use a different idempotency key."})
        )
    );

    let workos = LocalWorkos::builder().reading(Reading::IdempotencyKey).start().unwrap();
    let sender = Sender::to(&workos);
    for actor in ["a", "b"] {
        let response = sender.create(Some("k"), event(actor).to_string()).await.unwrap();
        assert_eq!(response.status(), 200);
    }
    assert_eq!(workos.counts().stored, 1);
}

#[tokio::test]
async fn after_a_day_the_key_is_new() {
    let workos = LocalWorkos::start().unwrap();
    let sender = Sender::to(&workos);
    let send = || sender.create(Some("k"), event("a").to_string());
    send().await.unwrap();
    workos.advance(DAY - Duration::from_secs(60));
    send().await.unwrap();
    assert_eq!(workos.counts().stored, 1);
    workos.advance(Duration::from_secs(60));
    send().await.unwrap();
    assert_eq!(workos.counts().stored, 2);
}

#[tokio::test]
async fn without_a_key_equal_events_are_one_unless_told_otherwise() {
    for (reading, stored) in [(Reading::WithoutKeyDerive, 1), (Reading::WithoutKeyStore, 2)] {
        let workos = LocalWorkos::builder().reading(reading).start().unwrap();
        let sender = Sender::to(&workos);
        for _ in 0..2 {
            sender.create(None, event("a").to_string()).await.unwrap();
        }
        assert_eq!(workos.counts().stored, stored, "{reading}");
    }
}

#[tokio::test]
async fn a_refused_event_can_be_mended_under_the_same_key() {
    let workos = LocalWorkos::start().unwrap();
    let sender = Sender::to(&workos);
    assert_eq!(sender.create(Some("k"), "{}").await.unwrap().status(), 422);
    let mended = event("a").to_string();
    assert_eq!(sender.create(Some("k"), mended).await.unwrap().status(), 200);
}
