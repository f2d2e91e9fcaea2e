//! Who it was, from the claims of a token that the service verified.

use audited::testing::Recorder;
use audited::tower::AuditLayer;
use audited::{Actor, audited};
use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::post;
use serde::Deserialize;
use serde_json::json;

use crate::support::people::{Thing, only};
use crate::support::server::{Headers, Server};

/// The claims of a JWT: RFC 7519, and RFC 8693 for who acts in the subject's place.
#[derive(Clone, Deserialize)]
struct Claims {
    sub: String,
    org_id: String,
    act: Option<Act>,
}

#[derive(Clone, Deserialize)]
struct Act {
    sub: String,
}

/// A verification that believes whatever is JSON: what counts here is what it leaves behind.
async fn verify(mut request: Request, next: Next) -> Response {
    let token = request.headers().get("authorization").and_then(|header| header.as_bytes().strip_prefix(b"Bearer "));
    if let Some(claims) = token.and_then(|token| serde_json::from_slice::<Claims>(token).ok()) {
        request.extensions_mut().insert(claims);
    }
    next.run(request).await
}

#[audited(action = "thing.paid", targets(Thing { id: 1 }))]
async fn pay() {}

/// The recorded event of a request with these headers.
async fn told(layer: AuditLayer, headers: Headers<'_>) -> serde_json::Value {
    let recorder = Recorder::new();
    let app = Router::new().route("/", post(pay)).layer(layer.log(&recorder.log())).layer(from_fn(verify));
    assert_eq!(Server::start(app).await.send("POST", "/", headers, b"").await.status, 200);
    only(&recorder).json().clone()
}

fn of_claims() -> AuditLayer {
    AuditLayer::new().without_request_id().actor_from(|request| {
        let claims = request.extensions.get::<Claims>()?;
        let user = Actor::user(&claims.sub).organization(&claims.org_id);
        Some(match &claims.act {
            Some(act) => user.impersonated_by(Actor::user(&act.sub)),
            None => user,
        })
    })
}

#[tokio::test]
async fn the_claims_of_a_verified_token_are_the_actor() {
    let token = br#"Bearer {"sub":"user_1","org_id":"org_1","act":{"sub":"support_7"}}"#;
    let event = told(of_claims(), &[("authorization", token)]).await;
    let metadata = json!({"impersonated_by_id": "support_7", "impersonated_by_type": "user"});
    assert_eq!(event["event"]["actor"], json!({"type": "user", "id": "user_1", "metadata": metadata}));
    assert_eq!(event["organization_id"], "org_1");
}

#[tokio::test]
async fn a_token_that_was_not_verified_is_nobody() {
    for headers in [&[][..], &[("authorization", b"Bearer forged".as_slice())]] {
        let event = told(of_claims(), headers).await;
        assert_eq!(event["event"]["actor"]["type"], "unknown");
    }
}

#[tokio::test]
async fn a_function_that_panics_over_the_claims_tells_of_nobody() {
    let layer = AuditLayer::new().actor_from(|_| -> Option<Actor> { panic!("this panic is meant to be") });
    assert_eq!(told(layer, &[]).await["event"]["actor"]["type"], "unknown");
}

#[tokio::test]
async fn organization_name_and_program_are_told_as_the_layer_is_told() {
    #[derive(Clone, serde::Serialize)]
    struct Tenant(String);
    async fn tenant(mut request: Request, next: Next) -> Response {
        request.extensions_mut().insert(Tenant("org_9".to_owned()));
        next.run(request).await
    }
    let recorder = Recorder::new();
    let layer = AuditLayer::new()
        .log(&recorder.log())
        .organization_from_extension::<Tenant>()
        .request_id_from_header("cf-ray")
        .user_agent(false);
    let app = Router::new().route("/", post(pay)).layer(layer).layer(from_fn(tenant));
    let headers: Headers<'_> = &[("cf-ray", b"ray_1"), ("x-request-id", b"r1"), ("user-agent", b"curl/8")];
    Server::start(app).await.send("POST", "/", headers, b"").await;
    let event = only(&recorder);
    assert_eq!((event.organization(), event.metadata("request_id")), ("org_9", &json!("ray_1")));
    assert_eq!(event.json()["event"]["context"].get("user_agent"), None);
}
