//! The same over HTTP/2, which actix-web has an implementation of its own for.

use audited::actix_web::{AuditMiddleware, Rejection};
use audited::testing::{RecordedEvent, Recorder};
use serde_json::json;

use super::start;
use crate::support::http2::send;
use crate::support::people::CurrentUser;
use crate::support::server::Headers;

#[tokio::test]
async fn a_request_says_who_from_where_and_how_it_ended() {
    let recorder = Recorder::new();
    let audit = AuditMiddleware::new()
        .log(&recorder.log())
        .actor_from_extension::<CurrentUser>()
        .organization_from_path("tenant_id")
        .method(true)
        .route(true)
        .query_parameters(["page"])
        .headers(["x-plan"]);
    let (address, server) = start(audit);
    let headers: Headers<'_> = &[
        ("x-user", b"alice"),
        ("user-agent", b"curl/8\xff"),
        ("x-request-id", b"r1"),
        ("x-plan", b"pro"),
        ("x-plan", b"free"),
    ];
    for (id, status) in [(7, 200), (8, 409)] {
        let path = format!("/tenants/org%201/things/{id}/pay?page=2");
        assert_eq!(send(address, "POST", &path, headers).await.status, status);
    }
    server.stop(false).await;

    let events = recorder.events();
    assert_eq!(events.iter().map(RecordedEvent::outcome).collect::<Vec<_>>(), ["success", "failure"]);
    assert_eq!((&events[0].actor()["id"], events[0].organization()), (&json!("alice"), "org 1"));
    let context = json!({"location": "127.0.0.1", "user_agent": "curl/8\u{fffd}"});
    assert_eq!(events[0].json()["event"]["context"], context);
    let metadata = json!({
        "request_id": "r1", "method": "POST", "route": "/tenants/{tenant_id}/things/{id}/pay", "query_page": "2",
        "header_x_plan": "pro",
    });
    assert_eq!(events[0].json()["event"]["metadata"], metadata);
}

#[tokio::test]
async fn what_nobody_tells_of_and_what_is_turned_away_is_seen() {
    let recorder = Recorder::new();
    let rule = Rejection::told_as("request.denied");
    let (address, server) = start(AuditMiddleware::new().log(&recorder.log()).on_rejection(rule));
    for (path, status) in [("/forgotten/1", 200), ("/denied", 403), ("/nowhere", 404)] {
        assert_eq!(send(address, "POST", path, &[]).await.status, status);
    }
    server.stop(false).await;
    assert_eq!(recorder.log().unaudited_routes(), ["POST /forgotten/{id}"]);
    let told: Vec<_> = recorder.events().iter().map(|event| event.targets()[0]["id"].clone()).collect();
    assert_eq!(told, ["POST /denied"]);
}
