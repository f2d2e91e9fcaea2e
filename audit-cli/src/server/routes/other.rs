//! Paths that WorkOS does not have.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::Response;

use super::super::ledger::Entry;
use super::super::record::Verdict;
use super::super::refusal::Refusal;
use super::super::state::State as Server;
use super::reply;

/// 404, on the record: a wrong base URL is a common mistake.
pub(crate) async fn not_found(
    State(server): State<Arc<Server>>,
    request: Request,
) -> Response<Body> {
    let refusal = Refusal::message(404, "Not Found").because(
        format!("there is no {} {}", request.method(), request.uri().path()),
        "Set WORKOS_BASE_URL to this server's URL without a path.",
    );
    server.ledger.append(Entry {
        number: 0,
        at: server.clock.now(),
        method: request.method().to_string().into(),
        path: request.uri().path().to_owned().into(),
        key: None,
        identity: None,
        body: Box::default(),
        verdict: Verdict::Refused,
        status: Some(refusal.status),
        fault: None,
        reason: Some(refusal.explanation().into()),
    });
    reply::refusal(&refusal)
}
