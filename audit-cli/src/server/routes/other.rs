//! Paths and methods that WorkOS does not have.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::Response;

use super::super::refusal::Refusal;
use super::super::state::State as Server;
use super::call::entry;
use super::reply;

/// 404, on the record: a wrong base URL is a common mistake.
pub(crate) async fn not_found(State(server): State<Arc<Server>>, request: Request) -> Response<Body> {
    let refusal = Refusal::message(404, "Not Found").because(
        format!("there is no {} {}", request.method(), request.uri().path()),
        "Set WORKOS_BASE_URL to this server's URL without a path.",
    );
    refuse(&server, &request, refusal)
}

/// 405, on the record. The router adds `Allow`.
pub(crate) async fn method_not_allowed(State(server): State<Arc<Server>>, request: Request) -> Response<Body> {
    let refusal = Refusal::message(405, "Method Not Allowed").because(
        format!("{} does not take {}", request.uri().path(), request.method()),
        "Look up the method in WorkOS' API reference.",
    );
    refuse(&server, &request, refusal)
}

fn refuse(server: &Server, request: &Request, refusal: Refusal) -> Response<Body> {
    let response = reply::refusal(&refusal);
    let path = request.uri().path().to_owned();
    let status = refusal.status;
    let entry = entry(server, request.method(), path, &[], status, Some(refusal));
    server.ledger.append(entry);
    response
}
