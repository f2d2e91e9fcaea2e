//! Requests that change something and that no event tells of, and requests that are turned away.

use std::panic::{AssertUnwindSafe, catch_unwind};

use audited::audited;
use audited::testing::{Recorder, assert_covered};
use audited::tower::{AuditLayer, Rejection};
use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};

use crate::support::people::{CurrentUser, Thing, only};
use crate::support::server::{Headers, Server};
use crate::support::warnings;

#[audited(action = "thing.paid", targets(Thing { id: 1 }))]
async fn told() {}

#[audited(skip = "it only counts what was looked at")]
async fn skipped() {}

async fn forgotten() {}

async fn denied() -> StatusCode {
    StatusCode::FORBIDDEN
}

#[tokio::test]
async fn a_changing_request_that_nobody_tells_of_is_counted_and_named() {
    let recorder = Recorder::new();
    let app = Router::new()
        .route("/told", post(told))
        .route("/skipped", post(skipped))
        .route("/denied", post(denied))
        .route("/things/{id}", get(forgotten).put(forgotten).delete(forgotten))
        .layer(AuditLayer::new().log(&recorder.log()));
    let server = Server::start(app).await;
    for path in ["/told", "/skipped", "/denied", "/nowhere"] {
        server.post(path).await;
    }
    server.get("/things/1", &[]).await;
    assert_covered(&recorder.log());

    for path in ["/things/1", "/things/2"] {
        server.send("PUT", path, &[], b"").await;
    }
    server.send("DELETE", "/things/3", &[], b"").await;
    assert_eq!(recorder.stats().unaudited, 3);
    assert_eq!(recorder.log().unaudited_routes(), ["DELETE /things/{id}", "PUT /things/{id}"]);
    let failed = catch_unwind(AssertUnwindSafe(|| assert_covered(&recorder.log()))).unwrap_err();
    let message = failed.downcast_ref::<String>().unwrap();
    assert!(message.starts_with("3 requests") && message.contains("\n  DELETE /things/{id}\n"), "{message}");
}

#[tokio::test]
async fn a_warning_names_each_route_that_nobody_tells_of_once() {
    warnings::listen();
    let recorder = Recorder::new();
    let app = Router::new()
        .route("/once/told", post(told))
        .route("/once/skipped", post(skipped))
        .route("/once/{id}", post(forgotten).delete(forgotten))
        .layer(AuditLayer::new().log(&recorder.log()));
    let server = Server::start(app).await;
    for path in ["/told", "/skipped", "/1", "/told", "/skipped", "/1", "/2"] {
        server.post(&format!("/once{path}")).await;
    }
    server.send("DELETE", "/once/1", &[], b"").await;
    assert_eq!(warnings::warned_of("/once/"), ["POST /once/{id}", "DELETE /once/{id}"]);
    assert_eq!(recorder.stats().unaudited, 4);
}

#[tokio::test]
async fn of_two_layers_one_counts_and_tells() {
    let recorder = Recorder::new();
    let layer = || AuditLayer::new().log(&recorder.log()).on_rejection("request.denied");
    let app = Router::new().route("/", post(forgotten)).route("/denied", post(denied)).layer(layer()).layer(layer());
    let server = Server::start(app).await;
    server.post("/").await;
    server.post("/denied").await;
    assert_eq!(recorder.stats().unaudited, 1);
    assert_eq!(only(&recorder).action(), "request.denied");
}

#[tokio::test]
async fn coverage_can_be_left_out() {
    let recorder = Recorder::new();
    let layer = AuditLayer::new().log(&recorder.log()).without_coverage();
    let server = Server::start(Router::new().route("/", post(forgotten)).layer(layer)).await;
    server.post("/").await;
    assert_eq!(recorder.stats().unaudited, 0);
}

#[tokio::test]
async fn a_request_that_is_turned_away_is_told_by_the_first_rule_that_fits() {
    #[derive(serde::Deserialize)]
    struct Payment {
        #[allow(dead_code, reason = "only there to be missing")]
        amount: u64,
    }
    async fn pay(Path(_): Path<u64>, Json(_): Json<Payment>) {}
    async fn login() -> StatusCode {
        audited::set_actor(&CurrentUser::new("mallory"));
        StatusCode::UNAUTHORIZED
    }
    let recorder = Recorder::new();
    let layer = AuditLayer::new()
        .log(&recorder.log())
        .on_rejection(Rejection::told_as("user.sign_in_failed").statuses([401]).routes(["/login"]))
        .on_rejection("request.denied");
    let app = Router::new()
        .route("/login", post(login))
        .route("/things/{id}", post(pay))
        .route("/broken", post(|| async { StatusCode::INTERNAL_SERVER_ERROR }))
        .layer(layer);
    let server = Server::start(app).await;
    server.post("/login").await;
    let json: Headers<'_> = &[("content-type", b"application/json")];
    assert_eq!(server.send("POST", "/things/1", json, b"{}").await.status, 422);
    server.post("/nowhere").await;
    server.post("/broken").await;

    let events = recorder.events();
    let told: Vec<_> = events
        .iter()
        .map(|event| {
            (event.action(), event.actor()["id"].as_str().unwrap(), event.targets()[0]["id"].as_str().unwrap())
        })
        .collect();
    let login = ("user.sign_in_failed", "mallory", "POST /login");
    assert_eq!(told, [login, ("request.denied", "anonymous", "POST /things/{id}")]);
    assert_eq!(events[1].metadata("status"), 422);
    assert_eq!(events[1].outcome(), "failure");
    // A failure on the server's side may have changed something.
    assert_eq!(recorder.log().unaudited_routes(), ["POST /broken"]);
}

#[tokio::test]
async fn a_handler_that_tells_of_its_own_failure_is_not_told_again() {
    #[audited(action = "thing.paid", targets(Thing { id: 1 }))]
    async fn pay() -> StatusCode {
        StatusCode::FORBIDDEN
    }
    let recorder = Recorder::new();
    let layer = AuditLayer::new().log(&recorder.log()).on_rejection("request.denied");
    let server = Server::start(Router::new().route("/", post(pay)).layer(layer)).await;
    server.post("/").await;
    let event = only(&recorder);
    assert_eq!((event.action(), event.outcome()), ("thing.paid", "failure"));
}
