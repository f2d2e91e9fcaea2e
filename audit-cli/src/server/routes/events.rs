//! `POST /audit_logs/events`: create event.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, Response};
use bytes::Bytes;
use jiff::Timestamp;

use super::super::auth;
use super::super::contract;
use super::super::faults::Fault;
use super::super::idempotency::{Fingerprint, Known, fingerprint};
use super::super::journal::Record;
use super::super::ledger::Entry;
use super::super::lock::lock;
use super::super::readings::Idempotency;
use super::super::record::Verdict;
use super::super::refusal::Refusal;
use super::super::state::{EVENTS, State as Server};
use super::super::wire::Scissors;
use super::injected::{instead, trickle};
use super::reply;

/// A request as it came in.
struct Attempt {
    headers: HeaderMap,
    body: Bytes,
    at: Timestamp,
    print: Option<Fingerprint>,
}

/// Stores the event, unless a fault or a mistake is in the way.
pub(crate) async fn create(
    State(server): State<Arc<Server>>,
    ConnectInfo(scissors): ConnectInfo<Scissors>,
    request: Request,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let (body, unreadable) = match reply::read(body, server.settings.body_limit).await {
        Ok(body) => (body, None),
        Err(refusal) => (Bytes::new(), Some(refusal)),
    };
    let key = idempotency_key(&parts.headers);
    let print = unreadable.is_none().then(|| fingerprint(key, &body, &server.settings.readings)).flatten();
    let attempt = Attempt { at: server.clock.now(), headers: parts.headers, body, print };
    let fault = server.draw_fault();
    match fault {
        None => settle(&server, &attempt, unreadable, None),
        Some(Fault::Latency(time)) => {
            tokio::time::sleep(time).await;
            settle(&server, &attempt, unreadable, fault)
        }
        Some(Fault::SlowReply(time)) => trickle(settle(&server, &attempt, unreadable, fault), time),
        Some(Fault::ReplyLost) => {
            scissors.cut();
            settle(&server, &attempt, unreadable, fault)
        }
        Some(fault) => {
            let response = instead(fault, server.clock.now());
            let status = response.as_ref().map(|response| response.status().as_u16());
            record(&server, &attempt, Verdict::Faulted, status, Some(fault), None);
            match (response, fault) {
                (Some(response), _) => response,
                (None, Fault::Hang) => std::future::pending().await,
                (None, _) => {
                    scissors.cut();
                    reply::raw(503, "")
                }
            }
        }
    }
}

/// Judges the request, puts it on the record and answers.
fn settle(server: &Server, attempt: &Attempt, unreadable: Option<Refusal>, fault: Option<Fault>) -> Response<Body> {
    let judgement = match unreadable {
        Some(refusal) => Err(refusal),
        None => judge(server, attempt),
    };
    let (response, verdict, refusal) = match judgement {
        Ok(verdict) => {
            let status = server.settings.readings.stored_status;
            (reply::raw(status, r#"{"success":true}"#), verdict, None)
        }
        Err(refusal) => (reply::refusal(&refusal), Verdict::Refused, Some(refusal)),
    };
    let answered = fault != Some(Fault::ReplyLost);
    let status = answered.then(|| response.status().as_u16());
    record(server, attempt, verdict, status, fault, refusal);
    response
}

/// What WorkOS would say.
fn judge(server: &Server, attempt: &Attempt) -> Result<Verdict, Refusal> {
    let settings = &server.settings;
    server.admit(auth::api_key(&attempt.headers, settings)?)?;
    let mut keys = lock(&server.keys);
    if let Some(print) = &attempt.print {
        match keys.look_up(print, attempt.at) {
            Known::New => {}
            Known::OtherBody if settings.readings.idempotency == Idempotency::Conflict => {
                return Err(conflict(&attempt.headers));
            }
            Known::Before | Known::OtherBody => return Ok(Verdict::Repeated),
        }
    }
    let request = contract::check(&attempt.body, &settings.readings)?;
    if !settings.knows_organization(&request.organization) {
        return Err(Refusal::organization_not_found(&request.organization));
    }
    let learn = settings.register_on_first_use;
    lock(&server.registry).check(&request.event, attempt.at, &settings.readings, learn)?;
    server.keep(&Record::Event {
        at: attempt.at.as_millisecond(),
        key: idempotency_key(&attempt.headers).map(Into::into),
        body: String::from_utf8_lossy(&attempt.body),
    })?;
    if let Some(print) = &attempt.print {
        keys.remember(print, attempt.at);
    }
    Ok(Verdict::Stored)
}

/// The answer recorded from WorkOS' older Audit Trail API.
fn conflict(headers: &HeaderMap) -> Refusal {
    let key = idempotency_key(headers).unwrap_or_default();
    let message = format!(
        "Another idempotency key ({key}) with different request parameters was found. \
         Please use a different idempotency key."
    );
    Refusal::message(400, message).because(
        "this idempotency key was used before with another body",
        "Send the very same bytes on a retry, and a new key for a new event.",
    )
}

fn record(
    server: &Server,
    attempt: &Attempt,
    verdict: Verdict,
    status: Option<u16>,
    fault: Option<Fault>,
    refusal: Option<Refusal>,
) {
    server.ledger.append(Entry {
        number: 0,
        at: attempt.at,
        method: "POST".into(),
        path: EVENTS.into(),
        key: idempotency_key(&attempt.headers).map(Into::into),
        identity: attempt.print.map(|print| print.identity),
        body: Box::from(&attempt.body[..]),
        verdict,
        status,
        fault,
        refusal: refusal.map(Box::new),
    });
}

fn idempotency_key(headers: &HeaderMap) -> Option<&str> {
    headers.get("idempotency-key").and_then(|value| value.to_str().ok()).filter(|key| !key.is_empty())
}
