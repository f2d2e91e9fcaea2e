//! tonic 0.14.

#[path = "../../../examples/tonic/billing.rs"]
mod billing;
#[path = "../../../examples/tonic/client.rs"]
mod client;

use std::net::SocketAddr;

use audited::testing::{RecordedEvent, Recorder};
use audited::tower::{AuditLayer, Rejection};
use audited::{Actor, audited};
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Code, Request, Response, Status};

use self::billing::{Billing, BillingServer};
use crate::support::people::{CurrentUser, Thing, only};

#[audited(action = "thing.paid", targets(Thing { id }), err(status => metadata(code = ?status.code())))]
async fn pay(id: u64) -> Result<Response<String>, Status> {
    match id {
        7 => Ok(Response::new("paid".to_owned())),
        _ => Err(Status::already_exists("paid already")),
    }
}

/// Refuses what it is told to, pays what it can, and forgets to tell of the rest.
#[derive(Clone)]
struct Bank;

impl Billing for Bank {
    async fn pay(&self, request: Request<String>) -> Result<Response<String>, Status> {
        match request.get_ref().as_str() {
            "forget" => Ok(Response::new("done".to_owned())),
            "deny" => Err(Status::permission_denied("no")),
            id => pay(id.parse().map_err(|_| Status::invalid_argument("no number"))?).await,
        }
    }
}

const PAY: &str = "/billing.Billing/Pay";

fn start(layer: AuditLayer) -> SocketAddr {
    let incoming = TcpIncoming::bind(([127, 0, 0, 1], 0).into()).unwrap();
    let address = incoming.local_addr().unwrap();
    tokio::spawn(Server::builder().layer(layer).serve_with_incoming(BillingServer(Bank), incoming));
    address
}

#[tokio::test]
async fn a_call_says_who_from_where_and_how_it_ended() {
    let recorder = Recorder::new();
    let layer = AuditLayer::new()
        .log(&recorder.log())
        .route(true)
        .actor_from(|request| Some(Actor::api_key(request.headers.get("x-key-id")?.to_str().ok()?)));
    let address = start(layer);
    let headers = &[("x-key-id", "key_1"), ("user-agent", "grpc-test/1"), ("x-request-id", "r1")];
    assert_eq!(client::call(address, PAY, headers, "7").await.unwrap(), 0);
    assert_eq!(client::call(address, PAY, headers, "8").await.unwrap(), Code::AlreadyExists as u32);

    let events = recorder.events();
    assert_eq!(events.iter().map(RecordedEvent::outcome).collect::<Vec<_>>(), ["success", "failure"]);
    assert_eq!(events[0].actor()["id"], "key_1");
    assert_eq!(events[0].location(), "127.0.0.1");
    assert_eq!(events[0].metadata("route"), PAY);
    assert_eq!(events[1].metadata("code"), "AlreadyExists");
    assert_eq!(events[1].json()["event"]["context"]["user_agent"], "grpc-test/1");
}

#[tokio::test]
async fn only_the_methods_of_a_list_count_as_changing() {
    let recorder = Recorder::new();
    let silent = start(AuditLayer::new().log(&recorder.log()));
    client::call(silent, PAY, &[], "forget").await.unwrap();
    assert_eq!(recorder.stats().unaudited, 0);

    let listed = start(AuditLayer::new().log(&recorder.log()).grpc_changes([PAY]));
    for message in ["forget", "7", "deny"] {
        client::call(listed, PAY, &[], message).await.unwrap();
    }
    assert_eq!(recorder.log().unaudited_routes(), [format!("POST {PAY}")]);
    assert_eq!(recorder.stats().unaudited, 1);
}

#[tokio::test]
async fn a_status_counts_as_the_http_status_that_says_the_same() {
    let recorder = Recorder::new();
    let rule = Rejection::told_as("request.denied").statuses([403]);
    let address = start(AuditLayer::new().log(&recorder.log()).on_rejection(rule));
    assert_eq!(client::call(address, PAY, &[], "deny").await.unwrap(), Code::PermissionDenied as u32);
    let event = only(&recorder);
    assert_eq!((event.action(), event.metadata("status")), ("request.denied", &403.into()));
}

#[tokio::test]
async fn a_strict_call_that_cannot_be_told_is_refused_as_unavailable() {
    #[audited(action = "thing.voided", targets(Thing { id: 7 }), durability = strict)]
    async fn void() -> Result<Response<()>, Status> {
        Ok(Response::new(()))
    }
    let recorder = Recorder::new();
    recorder.fail(Some(audited::outbox::OutboxErrorKind::Full));
    let context = audited::context().log(&recorder.log()).actor(&CurrentUser::new("alice"));
    assert_eq!(context.scope(void()).await.unwrap_err().code(), Code::Unavailable);
}
