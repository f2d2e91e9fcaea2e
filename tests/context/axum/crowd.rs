//! Many users at once: no name under another's event.

use audited::audited;
use audited::testing::Recorder;
use audited::tower::AuditLayer;
use axum::Router;
use axum::extract::Path;
use axum::middleware::from_fn;
use axum::routing::post;
use tokio::task::JoinSet;

use super::authenticate;
use crate::support::people::{CurrentUser, Thing};
use crate::support::server::{Headers, Server};

const USERS: u64 = 1_000;

#[audited(action = "thing.paid", targets(Thing { id }))]
async fn pay(Path(id): Path<u64>) {
    // Requests of others run on this thread meanwhile.
    for _ in 0..id % 500 {
        tokio::task::yield_now().await;
    }
    audited::record(|event| {
        event.metadata("recorded", id);
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_requests_of_distinct_users_at_once() {
    let recorder = Recorder::new();
    let layer = AuditLayer::new().log(&recorder.log()).actor_from_extension::<CurrentUser>();
    let app = Router::new().route("/things/{id}", post(pay)).layer(layer).layer(from_fn(authenticate));
    let server = std::sync::Arc::new(Server::start(app).await);

    let mut requests = JoinSet::new();
    for id in 0..USERS {
        let server = server.clone();
        requests.spawn(async move {
            let user = format!("user_{id}");
            let headers: Headers<'_> = &[("x-user", user.as_bytes()), ("x-request-id", user.as_bytes())];
            server.send("POST", &format!("/things/{id}"), headers, b"").await.status
        });
    }
    assert!(requests.join_all().await.iter().all(|&status| status == 200));

    let mut seen: Vec<u64> = Vec::new();
    for event in recorder.events() {
        let id: u64 = event.targets()[0]["id"].as_str().unwrap().parse().unwrap();
        let user = format!("user_{id}");
        assert_eq!(event.actor()["id"], user.as_str());
        assert_eq!(event.organization(), format!("org_of_{user}"));
        assert_eq!(event.metadata("request_id"), user.as_str());
        assert_eq!(event.metadata("recorded"), id);
        seen.push(id);
    }
    seen.sort_unstable();
    assert_eq!(seen, (0..USERS).collect::<Vec<_>>());
}
