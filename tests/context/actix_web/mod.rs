//! actix-web 4.

mod disconnects;
mod hostile;
mod http2;

use std::net::SocketAddr;

use actix_web::dev::{ServerHandle, Service as _, ServiceRequest};
use actix_web::web::{self, Path, ServiceConfig};
use actix_web::{App, Error, HttpMessage, HttpResponse, HttpServer};
use audited::actix_web::{AuditMiddleware, Rejection};
use audited::testing::{RecordedEvent, Recorder, assert_covered};
use audited::{Actor, audited};
use serde_json::json;

use crate::support::people::{CurrentUser, Thing};
use crate::support::server::{Headers, send};

#[audited(action = "thing.paid", targets(Thing { id: *id }))]
async fn pay(id: Path<u64>) -> HttpResponse {
    if *id == 7 { HttpResponse::Ok().finish() } else { HttpResponse::Conflict().finish() }
}

#[audited(action = "thing.voided", targets(Thing { id: *id }), durability = strict)]
async fn void(id: Path<u64>) -> Result<HttpResponse, Error> {
    Ok(HttpResponse::Ok().finish())
}

async fn forgotten() -> HttpResponse {
    HttpResponse::Ok().finish()
}

async fn denied() -> Result<HttpResponse, Error> {
    Err(actix_web::error::ErrorForbidden("no"))
}

/// Serves these handlers behind `audit`, over HTTP/1.1 and HTTP/2.
fn start(audit: AuditMiddleware) -> (SocketAddr, ServerHandle) {
    serve(audit, |routes| {
        routes
            .route(
                "/tenants/{tenant_id}/things/{id}/pay",
                web::post().to(async |ids: Path<(String, u64)>| pay(ids.into_inner().1.into()).await),
            )
            .route("/things/{id}/void", web::post().to(void))
            .route("/forgotten/{id}", web::post().to(forgotten))
            .route("/denied", web::post().to(denied));
    })
}

/// Serves `routes` behind `audit`, and behind an authentication that believes `x-user`.
fn serve(
    audit: AuditMiddleware,
    routes: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
) -> (SocketAddr, ServerHandle) {
    let server = HttpServer::new(move || {
        App::new().configure(routes.clone()).wrap(audit.clone()).wrap_fn(|request, service| {
            if let Some(user) = request.headers().get("x-user") {
                let user = CurrentUser::new(user.to_str().unwrap());
                request.extensions_mut().insert(format!("tenant_of_{}", user.id));
                request.extensions_mut().insert(user);
            }
            service.call(request)
        })
    });
    let server = server.workers(1).disable_signals().bind_auto_h2c(("127.0.0.1", 0)).unwrap();
    let address = server.addrs()[0];
    let server = server.run();
    let handle = server.handle();
    tokio::spawn(server);
    (address, handle)
}

#[tokio::test]
async fn a_request_says_as_much_as_it_does_to_axum() {
    let recorder = Recorder::new();
    let audit = AuditMiddleware::new()
        .log(&recorder.log())
        .location_from_header("true-client-ip")
        .actor_from_extension::<CurrentUser>()
        .organization_from_path("tenant_id")
        .method(true)
        .route(true)
        .route_parameters(["id"])
        .query_parameters(["page"])
        .headers(["x-plan"])
        .metadata(|request, metadata| {
            metadata.set("headers", request.headers().len());
            panic!("on purpose");
        });
    let (address, server) = start(audit);
    let headers: Headers<'_> = &[
        ("x-user", b"alice"),
        ("true-client-ip", b"203.0.113.7"),
        ("user-agent", b"curl/8\xff"),
        ("x-request-id", b"r1"),
        ("x-plan", b"pro"),
    ];
    for id in [7, 8] {
        send(address, "POST", &format!("/tenants/org%201/things/{id}/pay?page=2"), headers, b"").await;
    }
    server.stop(false).await;

    let events = recorder.events();
    assert_eq!(events.iter().map(RecordedEvent::outcome).collect::<Vec<_>>(), ["success", "failure"]);
    assert_eq!(events[0].actor()["id"], "alice");
    assert_eq!(events[0].organization(), "org 1");
    let context = json!({"location": "203.0.113.7", "user_agent": "curl/8\u{fffd}"});
    assert_eq!(events[0].json()["event"]["context"], context);
    let metadata = json!({
        "request_id": "r1", "method": "POST", "route": "/tenants/{tenant_id}/things/{id}/pay", "param_id": "7",
        "query_page": "2", "header_x_plan": "pro", "headers": 8,
    });
    assert_eq!(events[0].json()["event"]["metadata"], metadata);
    assert_covered(&recorder.log());
}

#[tokio::test]
async fn what_nobody_tells_of_and_what_is_turned_away_is_seen() {
    let recorder = Recorder::new();
    let rule = Rejection::told_as("request.denied");
    let (address, server) = start(AuditMiddleware::new().log(&recorder.log()).on_rejection(rule));
    for path in ["/forgotten/1", "/forgotten/2", "/denied", "/nowhere"] {
        send(address, "POST", path, &[], b"").await;
    }
    server.stop(false).await;

    assert_eq!(recorder.log().unaudited_routes(), ["POST /forgotten/{id}"]);
    assert_eq!(recorder.stats().unaudited, 2);
    let events = recorder.events();
    assert_eq!(events.len(), 1);
    assert_eq!((events[0].action(), &events[0].targets()[0]["id"]), ("request.denied", &json!("POST /denied")));
}

#[tokio::test]
async fn actor_and_organization_are_found_where_the_middleware_is_told() {
    fn header(request: &ServiceRequest, name: &str) -> Option<String> {
        Some(request.headers().get(name)?.to_str().ok()?.to_owned())
    }
    let recorder = Recorder::new();
    let by_key = || {
        let key = |request: &ServiceRequest| header(request, "x-key").map(Actor::api_key);
        AuditMiddleware::new().log(&recorder.log()).actor_from(key)
    };
    for audit in [
        by_key().organization_from_extension::<String>(),
        by_key().organization_from(|request| header(request, "x-organization")),
    ] {
        let (address, server) = start(audit);
        let headers: Headers<'_> = &[("x-user", b"alice"), ("x-key", b"key_1"), ("x-organization", b"org_1")];
        send(address, "POST", "/tenants/1/things/7/pay", headers, b"").await;
        server.stop(false).await;
    }
    let events = recorder.events();
    let told: Vec<_> = events.iter().map(|event| (&event.actor()["id"], event.organization())).collect();
    assert_eq!(told, [(&json!("key_1"), "tenant_of_alice"), (&json!("key_1"), "org_1")]);
}

#[tokio::test]
async fn of_two_middlewares_one_counts() {
    let recorder = Recorder::new();
    let (address, server) = serve(AuditMiddleware::new().log(&recorder.log()), |routes| {
        let inner = web::scope("/inner").wrap(AuditMiddleware::new());
        routes.service(inner.route("/forgotten", web::post().to(forgotten)));
    });
    send(address, "POST", "/inner/forgotten", &[], b"").await;
    server.stop(false).await;
    assert_eq!(recorder.stats().unaudited, 1);
}

#[tokio::test]
async fn a_strict_call_that_cannot_be_told_is_refused_with_503() {
    let recorder = Recorder::new();
    recorder.fail(Some(audited::outbox::OutboxErrorKind::Full));
    let audit = AuditMiddleware::new().log(&recorder.log()).actor_from_extension::<CurrentUser>();
    let (address, server) = start(audit);
    let refused = send(address, "POST", "/things/7/void", &[("x-user", b"alice")], b"").await;
    assert_eq!(refused.status, 503);
    recorder.fail(None);
    assert_eq!(send(address, "POST", "/things/7/void", &[("x-user", b"alice")], b"").await.status, 200);
    server.stop(false).await;
    assert_eq!(recorder.events().len(), 1);
}

#[actix_web::get("/below/{id}")]
#[audited(action = "thing.seen", targets(Thing { id: *id }))]
async fn below_get(id: Path<u64>) -> Result<HttpResponse, Error> {
    if *id == 7 { Ok(HttpResponse::Ok().finish()) } else { Err(actix_web::error::ErrorConflict("no")) }
}

#[audited(action = "thing.seen", targets(Thing { id: *id }))]
#[actix_web::get("/above/{id}")]
async fn above_get(id: Path<u64>) -> Result<HttpResponse, Error> {
    Ok(if *id == 7 { HttpResponse::Ok() } else { HttpResponse::Conflict() }.finish())
}

#[tokio::test]
async fn the_attribute_stands_above_and_below_that_of_a_route() {
    let recorder = Recorder::new();
    let (address, server) = serve(AuditMiddleware::new().log(&recorder.log()), |routes| {
        routes.service(below_get).service(above_get);
    });
    for (path, status) in [("/below/7", 200), ("/below/8", 409), ("/above/7", 200), ("/above/8", 409)] {
        assert_eq!(send(address, "GET", path, &[], b"").await.status, status, "{path}");
    }
    server.stop(false).await;
    let events = recorder.events();
    let outcomes: Vec<_> = events.iter().map(RecordedEvent::outcome).collect();
    assert_eq!(outcomes, ["success", "failure", "success", "failure"]);
}
