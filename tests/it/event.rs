//! Events without an attribute.

use std::time::{Duration, SystemTime};

use audited::outbox::OutboxErrorKind;
use audited::testing::{RecordedEvent, Recorder, unrouted};
use audited::{Actor, AuditTarget, Redaction, context};
use serde_json::json;

#[derive(AuditTarget)]
struct Team {
    id: u32,
    #[audit(metadata)]
    plan: &'static str,
}

const TEAM: Team = Team { id: 3, plan: "pro" };

fn only(recorder: &Recorder) -> RecordedEvent {
    let mut events = recorder.events();
    assert_eq!(events.len(), 1, "{events:?}");
    events.remove(0)
}

#[test]
fn an_event_without_an_attribute_says_all_that_one_with_it_can() {
    let recorder = Recorder::new();
    let _installed = recorder.install();
    audited::event("user.signed_in")
        .metadata("method", "passkey")
        .metadata("token", "canary")
        .metadata_as("iban", "DE89370400440532013000", Redaction::MaskLast(4))
        .version(12)
        .target(&TEAM)
        .target_of("session", 7)
        .actor(&Actor::user("user_1").organization("org_1"))
        .occurred_at(SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_123))
        .version(3)
        .with(|event| {
            event.metadata("attempt", 2);
        })
        .emit();
    assert_eq!(
        *only(&recorder).json(),
        json!({
            "event": {
                "action": "user.signed_in", "version": 3, "occurred_at": "2023-11-14T22:13:20.123Z",
                "actor": {"type": "user", "id": "user_1"},
                "targets": [
                    {"type": "team", "id": "3", "metadata": {"plan": "pro"}},
                    {"type": "session", "id": "7"},
                ],
                "context": {"location": "unknown"},
                "metadata": {"method": "passkey", "token": "[redacted]", "iban": "****3000", "attempt": 2},
            },
            "organization_id": "org_1",
        })
    );
}

#[tokio::test]
async fn it_takes_from_its_context_what_it_does_not_say() {
    let recorder = Recorder::new();
    let job = context().actor(&Actor::job("nightly").organization("org_2")).location("worker-3").metadata("run", 9);
    recorder
        .scope(job.log(&recorder.log()).scope(async {
            audited::event("team.archived").targets(None::<Team>).failed().emit();
        }))
        .await;
    let event = only(&recorder);
    assert_eq!((event.organization(), event.outcome(), event.location()), ("org_2", "failure", "worker-3"));
    assert_eq!(event.actor(), &json!({"type": "job", "id": "nightly"}));
    assert_eq!(event.targets(), [json!({"type": "team", "id": "none"})]);
    assert_eq!((event.metadata("run"), event.version()), (&json!(9), 1));
}

#[tokio::test]
async fn who_waits_learns_whether_it_was_stored() {
    let recorder = Recorder::new();
    let emit = || recorder.scope(async { audited::event("team.deleted").target(&TEAM).emit_durable().await });
    emit().await.unwrap();
    recorder.fail(Some(OutboxErrorKind::Full));
    let error = emit().await.unwrap_err();
    assert!(error.is_outbox(), "{error:?}");
    let installed = recorder.install();
    assert!(audited::event("team.deleted").target(&TEAM).emit_blocking().unwrap_err().is_outbox());
    audited::event("team.deleted").target(&TEAM).emit();
    recorder.fail(None);
    audited::event("team.deleted").target(&TEAM).emit_blocking().unwrap();
    drop(installed);
    let stats = recorder.stats();
    assert_eq!((stats.accepted, stats.refused, stats.unknown_actors), (2, 3, 5));
}

#[test]
fn without_a_log_nothing_happens_and_it_is_counted() {
    let before = unrouted();
    audited::event("team.deleted").target(&TEAM).emit();
    let error = audited::event("team.deleted").target(&TEAM).emit_blocking().unwrap_err();
    assert!(error.is_configuration(), "{error}");
    assert!(unrouted() >= before + 2);
}

#[test]
fn a_panic_in_what_it_captures_loses_that_value_alone() {
    struct Broken;
    impl std::fmt::Display for Broken {
        fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            panic!("as it was to")
        }
    }
    let recorder = Recorder::new();
    let _installed = recorder.install();
    audited::event("team.renamed")
        .target(&TEAM)
        .with(|event| {
            event.metadata("name", Broken.to_string());
        })
        .metadata("kept", true)
        .emit();
    assert_eq!(only(&recorder).json()["event"]["metadata"], json!({"kept": true}));
    assert_eq!(recorder.stats().mended.failed, 1);
}
