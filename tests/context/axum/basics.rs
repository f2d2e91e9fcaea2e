//! Who, from where, with what.

use audited::testing::{RecordedEvent, Recorder};
use audited::tower::AuditLayer;
use audited::{ActorWriter, AuditActor};
use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::{get, post};

use crate::support::{Audited, Server, audited};

#[derive(Clone)]
struct CurrentUser(String);

impl AuditActor for CurrentUser {
    const TYPE: &'static str = "user";

    fn describe(&self, actor: &mut ActorWriter<'_>) {
        actor.id(&self.0).organization(format!("org_of_{}", self.0));
    }
}

/// Puts the user that a header names into the extensions, as an authentication would.
async fn authenticate(mut request: Request, next: Next) -> Response {
    if let Some(user) = request.headers().get("x-user").and_then(|user| user.to_str().ok()) {
        let user = CurrentUser(user.to_owned());
        request.extensions_mut().insert(user);
    }
    next.run(request).await
}

async fn view() -> StatusCode {
    static VIEWED: Audited = Audited::new("thing.viewed", module_path!(), "view");
    audited(&VIEWED, async { StatusCode::OK }).await
}

fn only(recorder: &Recorder) -> RecordedEvent {
    let mut events = recorder.events();
    assert_eq!(events.len(), 1, "{events:?}");
    events.remove(0)
}

#[tokio::test]
async fn an_event_says_who_asked_from_where_and_with_what() {
    let recorder = Recorder::new();
    let layer = AuditLayer::new().log(&recorder.log()).actor_from_extension::<CurrentUser>();
    let app = Router::new().route("/things", get(view)).layer(layer).layer(from_fn(authenticate));
    let server = Server::start(app).await;

    let headers: &[(&str, &[u8])] = &[("x-user", b"alice"), ("user-agent", b"curl/8.5"), ("x-request-id", b"req-7")];
    assert_eq!(server.get("/things", headers).await.status, 200);

    let event = only(&recorder);
    assert_eq!(event.actor()["id"], "alice");
    assert_eq!(event.organization(), "org_of_alice");
    assert_eq!(event.location(), "127.0.0.1");
    assert_eq!(event.json()["event"]["context"]["user_agent"], "curl/8.5");
    assert_eq!(event.metadata("request_id"), "req-7");
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
    let headers: &[(&str, &[u8])] = &[("x-forwarded-for", b"203.0.113.7"), ("true-client-ip", b"203.0.113.8")];

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
        audited::set_actor(&CurrentUser("late".to_owned()));
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
    static PAID: Audited = Audited::new("thing.paid", module_path!(), "pay");
    async fn pay(status: StatusCode) -> Response {
        audited(&PAID, audited::__private::respond(async move { (status, "body") })).await
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
