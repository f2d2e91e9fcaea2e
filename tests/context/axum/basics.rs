//! Who, from where, with what.

use audited::audited;
use audited::testing::Recorder;
use audited::tower::AuditLayer;
use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use super::authenticate;
use crate::support::http2;
use crate::support::people::{CurrentUser, Thing};
use crate::support::server::{Headers, Server};

#[audited(action = "thing.viewed", targets(Thing { id: 1 }))]
async fn view() -> StatusCode {
    StatusCode::OK
}

#[tokio::test]
async fn an_event_says_who_asked_from_where_and_with_what() {
    let recorder = Recorder::new();
    let layer = AuditLayer::new().log(&recorder.log()).actor_from_extension::<CurrentUser>();
    let app = Router::new().route("/things", get(view)).layer(layer).layer(from_fn(authenticate));
    let server = Server::start(app).await;

    let headers: Headers<'_> = &[("x-user", b"alice"), ("user-agent", b"curl/8.5"), ("x-request-id", b"req-7")];
    assert_eq!(server.get("/things", headers).await.status, 200);
    assert_eq!(http2::send(server.address, "GET", "/things", headers).await.status, 200);

    let events = recorder.events();
    assert_eq!(events.len(), 2);
    for event in events {
        assert_eq!(event.actor()["id"], "alice");
        assert_eq!(event.organization(), "org_of_alice");
        assert_eq!(event.location(), "127.0.0.1");
        assert_eq!(event.json()["event"]["context"]["user_agent"], "curl/8.5");
        assert_eq!(event.metadata("request_id"), "req-7");
    }
}

#[tokio::test]
async fn a_request_that_says_nothing_is_told_as_it_is() {
    let recorder = Recorder::new();
    let layer = AuditLayer::new().log(&recorder.log()).actor_from_extension::<CurrentUser>();
    let server = Server::start(Router::new().route("/things", get(view)).layer(layer)).await;
    server.get("/things", &[]).await;
    server.get("/things", &[]).await;

    let events = recorder.events();
    assert_eq!(events[0].actor()["type"], "unknown");
    assert_eq!(events[0].location(), "127.0.0.1");
    assert_eq!(events[0].json()["event"]["context"].get("user_agent"), None);
    assert_ne!(events[0].metadata("request_id"), events[1].metadata("request_id"));
    assert_eq!(recorder.stats().unknown_actors, 2);
}

#[tokio::test]
async fn headers_are_not_believed_unless_one_is_named() {
    let recorder = Recorder::new();
    let router = || Router::new().route("/things", get(view));
    let headers: Headers<'_> = &[("x-forwarded-for", b"203.0.113.7"), ("true-client-ip", b"203.0.113.8")];

    let careful = Server::start(router().layer(AuditLayer::new().log(&recorder.log()))).await;
    careful.get("/things", headers).await;
    let told = AuditLayer::new().log(&recorder.log()).location_from_header("true-client-ip");
    let told = Server::start(router().layer(told)).await;
    told.get("/things", headers).await;
    told.get("/things", &[]).await;

    let locations: Vec<_> = recorder.events().iter().map(|event| event.location().to_owned()).collect();
    assert_eq!(locations, ["127.0.0.1", "203.0.113.8", "127.0.0.1"]);
}

#[tokio::test]
async fn an_actor_that_is_known_only_further_in_is_seen() {
    async fn login(request: Request, next: Next) -> Response {
        audited::set_actor(&CurrentUser::new("late"));
        next.run(request).await
    }
    let recorder = Recorder::new();
    let outer = AuditLayer::new().log(&recorder.log()).location_from_header("true-client-ip");
    let app = |inner: Router| inner.layer(outer.clone());
    let route = || Router::new().route("/things", get(view));

    let by_call = Server::start(app(route().layer(from_fn(login)))).await;
    by_call.get("/things", &[]).await;
    let by_layer = AuditLayer::new().actor_from_extension::<CurrentUser>();
    let by_layer = Server::start(app(route().layer(by_layer).layer(from_fn(authenticate)))).await;
    by_layer.get("/things", &[("x-user", b"late"), ("true-client-ip", b"203.0.113.9"), ("x-request-id", b"r")]).await;

    let events = recorder.events();
    assert_eq!([events[0].actor()["id"].as_str(), events[1].actor()["id"].as_str()], [Some("late"); 2]);
    // A layer behind another takes nothing away.
    assert_eq!(events[1].location(), "203.0.113.9");
    assert_eq!(events[1].metadata("request_id"), "r");
}

#[tokio::test]
async fn a_response_tells_how_it_ended() {
    #[audited(action = "thing.paid", target(type = "thing", id = 1))]
    async fn pay(status: StatusCode) -> impl IntoResponse {
        (status, "body")
    }
    let recorder = Recorder::new();
    let app = Router::new()
        .route("/ok", post(|| pay(StatusCode::CREATED)))
        .route("/conflict", post(|| pay(StatusCode::CONFLICT)))
        .layer(AuditLayer::new().log(&recorder.log()));
    let server = Server::start(app).await;
    assert_eq!(server.post("/ok").await.status, 201);
    assert_eq!(server.post("/conflict").await.status, 409);

    let outcomes: Vec<_> = recorder.events().iter().map(|event| event.outcome().to_owned()).collect();
    assert_eq!(outcomes, ["success", "failure"]);
}
