//! `/_audited/…`: what WorkOS does not have, for the page, for tests over HTTP and for
//! `audited tail`. No key is asked for; the guard lets in what may come in.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, Query, Request, State};
use axum::http::Response;
use jiff::SignedDuration;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::clock::iso;
use super::super::exports::Filter;
use super::super::faults::Fault;
use super::super::lock::lock;
use super::super::refusal::Refusal;
use super::super::state::State as Server;
use super::super::summary;
use super::{exports, reply};

/// Control requests are small.
const BODY_LIMIT: usize = 16 * 1024;

type Shared = State<Arc<Server>>;

/// `GET /_audited/status`
pub(crate) async fn status(State(server): Shared) -> Response<Body> {
    reply::json(200, &show(&server))
}

/// Settings, counts, time and faults.
pub(crate) fn show(server: &Server) -> Value {
    let settings = &server.settings;
    json!({
        "instance": server.instance,
        "now": iso(server.clock.now()),
        "counts": server.ledger.counts(),
        "faults": faults(server),
        "settings": {
            "any_api_key": settings.api_keys.is_empty(),
            "organizations": settings.organizations,
            "register_on_first_use": settings.register_on_first_use,
            "rate_limit": settings.rate_limit,
            "durable": settings.data.is_some(),
        },
    })
}

fn faults(server: &Server) -> Value {
    let plan = lock(&server.faults);
    let next: Vec<Value> = plan.pending().map(|(count, fault)| json!({ "fault": fault, "next": count })).collect();
    let shares: Vec<Value> = plan.shares().map(|(share, fault)| json!({ "fault": fault, "share": share })).collect();
    json!({ "next": next, "shares": shares })
}

/// `GET /_audited/requests/{number}`
pub(crate) async fn request(State(server): Shared, Path(number): Path<u64>) -> Response<Body> {
    match server.ledger.entry(number) {
        Some(entry) => reply::json(200, &summary::full(&entry, &server.ledger.entries())),
        None => reply::refusal(&Refusal::message(
            404,
            format!("Request {number} is not kept: it fell off, or did not happen yet."),
        )),
    }
}

/// `GET /_audited/actions`: every action with all its schemas.
pub(crate) async fn actions(State(server): Shared) -> Response<Body> {
    let registry = lock(&server.registry);
    let actions: Vec<Value> = registry
        .actions()
        .into_iter()
        .map(|action| {
            let schemas = action.versions.iter().rev();
            json!({
                "name": action.name,
                "learned": action.learned,
                "updated_at": iso(action.updated_at),
                "schemas": schemas.map(|schema| schema.json()).collect::<Vec<_>>(),
            })
        })
        .collect();
    reply::json(200, &Value::Array(actions))
}

/// `GET /_audited/events.csv?organization=…&action=…`
pub(crate) async fn events_csv(State(server): Shared, Query(query): Query<Vec<(String, String)>>) -> Response<Body> {
    let mut filter = Filter::default();
    for (name, value) in query {
        match name.as_str() {
            "organization" => filter.organization = Some(value),
            "action" => filter.actions.push(value),
            "actor" => filter.actor_ids.push(value),
            "target" => filter.targets.push(value),
            _ => {}
        }
    }
    exports::csv(&server, filter)
}

/// The body of `POST /_audited/faults`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FaultOrder {
    fault: String,
    next: Option<usize>,
    share: Option<f64>,
}

/// `POST /_audited/faults`: `{"fault": "429=2s", "next": 3}` or `{"fault": "reset", "share": 0.1}`
pub(crate) async fn add_fault(State(server): Shared, request: Request) -> Response<Body> {
    answer(async {
        let order: FaultOrder = body(request).await?;
        let fault: Fault = order.fault.parse().map_err(wrong)?;
        match (order.next, order.share) {
            (Some(count), None) => lock(&server.faults).next(count, fault),
            (None, Some(share)) if (0.0..=1.0).contains(&share) => {
                lock(&server.faults).share(share, fault);
            }
            (None, Some(_)) => return Err(wrong("`share` must be from 0 to 1")),
            _ => return Err(wrong("give `next` (how many requests) or `share` (0 to 1)")),
        }
        Ok(faults(&server))
    })
    .await
}

/// `DELETE /_audited/faults`
pub(crate) async fn clear_faults(State(server): Shared) -> Response<Body> {
    lock(&server.faults).clear();
    reply::json(200, &faults(&server))
}

/// The body of `POST /_audited/clock`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClockOrder {
    advance: String,
}

/// `POST /_audited/clock`: `{"advance": "25h"}`
pub(crate) async fn advance(State(server): Shared, request: Request) -> Response<Body> {
    answer(async {
        let order: ClockOrder = body(request).await?;
        let by: SignedDuration = order.advance.parse().map_err(wrong)?;
        let by = Duration::try_from(by).map_err(|_| wrong("time only goes forward"))?;
        server.advance(by)?;
        Ok(json!({ "now": iso(server.clock.now()) }))
    })
    .await
}

async fn answer(outcome: impl Future<Output = Result<Value, Refusal>>) -> Response<Body> {
    match outcome.await {
        Ok(value) => reply::json(200, &value),
        Err(refusal) => reply::refusal(&refusal),
    }
}

async fn body<T: for<'de> Deserialize<'de>>(request: Request) -> Result<T, Refusal> {
    let bytes = reply::read(request.into_body(), BODY_LIMIT).await?;
    serde_json::from_slice(&bytes).map_err(wrong)
}

#[allow(clippy::needless_pass_by_value, reason = "it is what `map_err` hands over")]
fn wrong(error: impl std::fmt::Display) -> Refusal {
    Refusal::message(400, error.to_string())
}
