//! What goes on beside, after or without a request: tasks, queues, and bodies that are not cut short.

use std::sync::Arc;

use audited::testing::{RecordedEvent, Recorder};
use audited::tower::AuditLayer;
use audited::{Actor, Context, audited};
use axum::Router;
use axum::middleware::from_fn;
use axum::routing::post;
use serde_json::json;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::authenticate;
use crate::support::people::{CurrentUser, Thing, only};
use crate::support::server::Server;

#[audited(action = "thing.rendered", targets(Thing { id: 1 }), metadata(by))]
fn render(by: &'static str) {}

/// The events of a request that does `work`.
async fn request_that<F: Future<Output = ()> + Send + 'static>(work: fn() -> F) -> Vec<RecordedEvent> {
    let recorder = Recorder::new();
    let layer = AuditLayer::new().log(&recorder.log()).actor_from_extension::<CurrentUser>();
    let app = Router::new().route("/", post(move || async move { work().await }));
    let server = Server::start(app.layer(layer).layer(from_fn(authenticate))).await;
    assert_eq!(server.send("POST", "/", &[("x-user", b"alice")], b"").await.status, 200);
    recorder.events()
}

#[tokio::test]
async fn a_context_is_carried_to_tasks_by_hand() {
    async fn work() {
        tokio::spawn(audited::context().scope(async { render("spawn") })).await.unwrap();
        let here = audited::context();
        tokio::task::spawn_blocking(move || here.in_scope(|| render("blocking"))).await.unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(audited::context().scope(async { render("set") }));
        tasks.join_all().await;
    }
    let events = request_that(work).await;
    let told: Vec<_> = events.iter().map(|event| (&event.actor()["id"], event.metadata("by"))).collect();
    let alice = &json!("alice");
    assert_eq!(told, [(alice, &json!("spawn")), (alice, &json!("blocking")), (alice, &json!("set"))]);
    assert!(events.iter().all(|event| event.metadata("request_id") == events[0].metadata("request_id")));
}

#[tokio::test]
async fn a_context_goes_through_a_queue_and_back() {
    let mallory = Actor::user("alice").name("Alice \"A\"").organization("org_1").impersonated_by(Actor::user("admin"));
    let sent = audited::context()
        .actor(&mallory)
        .location("203.0.113.7")
        .user_agent("curl/8 \u{1f600}")
        .metadata("request_id", "r1")
        .metadata("attempt", 3);
    let message = sent.to_json();
    let recorder = Recorder::new();
    Context::from_json(&message).unwrap().log(&recorder.log()).in_scope(|| render("job"));
    let event = only(&recorder);
    assert_eq!(event.organization(), "org_1");
    assert_eq!(event.json()["event"]["context"], json!({"location": "203.0.113.7", "user_agent": "curl/8 \u{1f600}"}));
    assert_eq!(event.json()["event"]["metadata"], json!({"by": "job", "request_id": "r1", "attempt": 3}));
    let impersonated = json!({"impersonated_by_id": "admin", "impersonated_by_type": "user"});
    let actor = json!({"type": "user", "id": "alice", "name": "Alice \"A\"", "metadata": impersonated});
    assert_eq!(*event.actor(), actor);
    let read = |json: &str| serde_json::from_str::<serde_json::Value>(json).unwrap();
    assert_eq!(read(&Context::from_json(&message).unwrap().to_json()), read(&message));
}

#[tokio::test]
async fn a_message_of_another_shape_is_an_empty_context_or_an_error() {
    for odd in ["{}", r#"{"actor":7,"organization":[],"metadata":"x","context":null}"#, r#"{"actor":{},"later":1}"#] {
        let recorder = Recorder::new();
        Context::from_json(odd).unwrap().log(&recorder.log()).in_scope(|| render("job"));
        let event = only(&recorder);
        assert_eq!((&event.actor()["id"], event.location()), (&json!("unknown"), "unknown"), "{odd}");
    }
    for none in ["", "null", "[]", "{\"actor\":"] {
        let error = Context::from_json(none).unwrap_err();
        assert!(std::error::Error::source(&error).is_some(), "{none}");
    }
}

#[tokio::test]
async fn a_detached_body_runs_to_its_end_although_nobody_waits() {
    #[audited(action = "thing.moved", targets(Thing { id: 1 }), detached)]
    async fn transfer(begun: Arc<Notify>, go_on: Arc<Notify>, done: Arc<Notify>) {
        begun.notify_one();
        go_on.notified().await;
        done.notify_one();
    }
    let recorder = Recorder::new();
    let [begun, go_on, done] = [(); 3].map(|()| Arc::new(Notify::new()));
    let context = audited::context().log(&recorder.log()).actor(&CurrentUser::new("alice"));
    let waiting = tokio::spawn(context.scope(transfer(begun.clone(), go_on.clone(), done.clone())));
    begun.notified().await;
    waiting.abort();
    assert!(waiting.await.unwrap_err().is_cancelled());
    assert_eq!(recorder.events().len(), 0);
    go_on.notify_one();
    done.notified().await;
    // The event is told by the task that is about to end.
    while recorder.events().is_empty() {
        tokio::task::yield_now().await;
    }
    assert_eq!((only(&recorder).outcome(), &only(&recorder).actor()["id"]), ("success", &json!("alice")));
}

#[tokio::test]
async fn a_panic_of_a_detached_body_is_its_callers() {
    #[audited(action = "thing.moved", targets(Thing { id: 1 }), detached)]
    async fn transfer() {
        if std::hint::black_box(true) {
            panic!("on purpose");
        }
    }
    let recorder = Recorder::new();
    let caller = tokio::spawn(recorder.scope(transfer()));
    let panic = caller.await.unwrap_err().into_panic();
    assert_eq!(panic.downcast_ref::<&str>(), Some(&"on purpose"));
    assert_eq!(only(&recorder).outcome(), "panicked");
}
