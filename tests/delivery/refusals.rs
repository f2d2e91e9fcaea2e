//! What WorkOS refuses: a key, an organization, a value.

use std::fs;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use audited::delivery::Health;
use audited::outbox::JournalReader;
use audited::workos::ApiKeySource;
use audited_cli::LocalWorkos;
use serde_json::json;

use crate::support::{
    Invoice, PATIENCE, adds_up, log_in, one_key_and_one_body_each, pay, pay_all, stored, told, until,
};

/// A refused key is read again after a minute, so this takes one.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_key_stops_nothing_but_delivery_until_it_is_rotated() {
    let workos = LocalWorkos::builder().api_key("sk_new").start().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let key = Arc::new(Mutex::new("sk_old".to_owned()));
    let read = Arc::clone(&key);
    let source = ApiKeySource::provider(move || Some(read.lock().unwrap().clone()));
    let audit = log_in(dir.path(), &workos.url()).api_key(source).start().await.unwrap();

    pay_all(&audit, 0..20).await;
    until(|| audit.stats().delivery.health == Health::Unauthorized).await;
    pay_all(&audit, 20..40).await;
    let stats = adds_up(&audit).await;
    assert_eq!((stats.accepted, stats.pending, stats.dead), (40, 40, 0), "{stats:#?}");

    "sk_new".clone_into(&mut key.lock().unwrap());
    let report = audit.flush(2 * PATIENCE).await;
    assert_eq!((report.delivered, report.pending, report.dead), (40, 0, 0));
    assert_eq!(stored(&workos), (0..40).collect::<Vec<_>>());
    one_key_and_one_body_each(&workos);
    let stats = adds_up(&audit).await;
    assert_eq!((stats.delivery.ambiguous, stats.delivery.health), (0, Health::Ok));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_start_with_another_key_delivers_what_was_refused() {
    let workos = LocalWorkos::builder().api_key("sk_new").start().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let audit = log_in(dir.path(), &workos.url()).api_key("sk_old").start().await.unwrap();
    pay_all(&audit, 0..20).await;
    until(|| audit.stats().delivery.unauthorized > 0).await;
    let report = audit.shutdown(Duration::ZERO).await;
    assert_eq!((report.delivered, report.pending, report.dead), (0, 20, 0));
    drop(audit);

    let audit = log_in(dir.path(), &workos.url()).api_key("sk_new").start().await.unwrap();
    assert_eq!(audit.flush(PATIENCE).await.delivered, 20);
    assert_eq!(stored(&workos), (0..20).collect::<Vec<_>>());
    let stats = adds_up(&audit).await;
    assert_eq!((stats.inherited, stats.accepted), (20, 0), "{stats:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_organization_becomes_a_dead_letter_and_holds_up_nobody() {
    let workos = LocalWorkos::builder().organization("org_1").organization("org_2").start().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let audit = log_in(dir.path(), &workos.url()).start().await.unwrap();
    pay_all(&audit, 0..20).await;
    let report = audit.flush(PATIENCE).await;
    assert_eq!((report.delivered, report.pending, report.dead), (10, 0, 10));
    let stats = adds_up(&audit).await;
    assert_eq!((stats.accepted, stats.replaced), (20, 0), "its smallest form would be refused as well");
    assert!(stored(&workos).iter().all(|id| matches!(id % 4, 1 | 2)));

    let letters = JournalReader::open(dir.path()).unwrap().dead_letters(None, usize::MAX).unwrap();
    assert_eq!(letters.len(), 10);
    for letter in letters {
        assert_eq!(letter.reason.status, Some(404));
        assert!(letter.reason.message.contains("org_"), "{}", letter.reason.message);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_are_sent_again_once_their_organization_is_there() {
    let workos = LocalWorkos::builder().organization("org_1").organization("org_2").start().unwrap();
    let (url, address) = (workos.url(), workos.address());
    let dir = tempfile::tempdir().unwrap();
    let audit = log_in(dir.path(), &url).start().await.unwrap();
    pay_all(&audit, 0..8).await;
    assert_eq!(audit.flush(PATIENCE).await.dead, 4);
    let refused = workos.rejected();
    drop(workos);

    let workos = LocalWorkos::builder().listen(address).start().unwrap();
    let letters = audit.dead_letters(None, 99).await.unwrap();
    assert_eq!(letters.len(), 4);
    for letter in &letters {
        assert_eq!(letter.reason.status, Some(404));
        audit.redrive(letter.record).await.unwrap();
    }
    let error = audit.redrive(letters[0].record).await.unwrap_err();
    assert!(error.is_outbox(), "{error}");

    let report = audit.flush(PATIENCE).await;
    assert_eq!((report.delivered, report.pending), (8, 0));
    assert_eq!(stored(&workos), [0, 3, 4, 7]);
    one_key_and_one_body_each(&workos);
    let old: Vec<_> = refused.iter().map(|request| request.idempotency_key.clone()).collect();
    assert!(workos.requests().iter().all(|request| !old.contains(&request.idempotency_key)), "under keys of their own");
    let stats = adds_up(&audit).await;
    assert_eq!((stats.redriven, stats.dead, stats.dead_letters), (4, 4, 0), "{stats:#?}");
    assert!(audit.dead_letters(None, 99).await.unwrap().is_empty());
}

/// A schema that wants a number where the event has text: user-controlled text must not keep a deed out of the log.
#[tokio::test(flavor = "multi_thread")]
async fn a_poisoned_event_is_told_in_its_smallest_form() {
    let dir = tempfile::tempdir().unwrap();
    let schemas = dir.path().join("schemas.json");
    let note = json!({ "type": "object", "properties": { "note": { "type": "number" } } });
    let schema = json!({ "action": "invoice.paid", "targets": [{ "type": "invoice", "metadata": note }] });
    fs::write(&schemas, schema.to_string()).unwrap();
    let workos = LocalWorkos::builder().schemas(&schemas).start().unwrap();

    let audit = log_in(&dir.path().join("outbox"), &workos.url()).start().await.unwrap();
    told(&audit, pay(Invoice { id: 7, note: "\u{202e}'; DROP TABLE invoices".to_owned() })).await;
    let report = audit.flush(PATIENCE).await;
    assert_eq!((report.delivered, report.pending, report.dead), (1, 0, 1), "{:#?}", workos.rejected());
    let stats = adds_up(&audit).await;
    assert_eq!((stats.accepted, stats.replaced, stats.delivery.attempts), (1, 1, 2));

    let events = workos.events();
    let event = &events[0].event;
    assert_eq!((&event["action"], &event["targets"][0]["id"]), (&json!("invoice.paid"), &json!("7")));
    assert!(!event.to_string().contains("DROP TABLE"), "{event}");
    let letters = JournalReader::open(dir.path().join("outbox")).unwrap().dead_letters(None, 9).unwrap();
    assert!(String::from_utf8_lossy(&letters[0].payload).contains("DROP TABLE"));
    assert!(letters[0].reason.message.contains("note"), "WorkOS' own words: {}", letters[0].reason.message);
    assert_ne!(letters[0].key.to_string(), events[0].idempotency_key.clone().unwrap(), "a key of its own");
}
