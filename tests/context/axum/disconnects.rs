//! axum drops the handler of a client that goes away: its call is told as cancelled, or as what it was if it was quicker.

use audited::testing::Recorder;
use audited::tower::AuditLayer;
use axum::Router;
use axum::extract::{Path, State};
use axum::routing::post;

use crate::support::leaving::{self, Begun, CLIENTS, pay};
use crate::support::server::Server;

async fn handler(State(begun): State<Begun>, Path(id): Path<u64>) {
    pay(&begun, id).await;
}

/// Each call is told once when all of these `clients` have gone away from `server`, and there are some of both kinds.
macro_rules! each_call_is_told_once {
    ($clients:path) => {{
        let (recorder, begun) = (Recorder::new(), Begun::default());
        let layer = AuditLayer::new().log(&recorder.log());
        let app = Router::new().route("/things/{id}", post(handler)).with_state(begun.clone()).layer(layer);
        let server = Server::start(app).await;
        $clients(server.address).await;
        let ends = leaving::ends(&recorder, &begun).await;
        assert!(ends.cancelled > CLIENTS as usize / 20 && ends.succeeded > 0, "{ends:?}");
    }};
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_http_1() {
    each_call_is_told_once!(leaving::over_http_1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_http_2() {
    each_call_is_told_once!(leaving::over_http_2);
}
