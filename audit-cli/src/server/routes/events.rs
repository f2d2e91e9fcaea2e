//! `POST /audit_logs/events`: create event.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderValue, Response, header};
use bytes::Bytes;
use futures_util::stream;
use jiff::Timestamp;
use serde_json::json;

use super::super::auth;
use super::super::clock::system_time;
use super::super::contract;
use super::super::faults::{Fault, RetryAfter};
use super::super::idempotency::{Fingerprint, Known, fingerprint};
use super::super::ledger::Entry;
use super::super::lock::lock;
use super::super::readings::Idempotency;
use super::super::record::Verdict;
use super::super::refusal::Refusal;
use super::super::state::State as Server;
use super::super::wire::Scissors;
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
    let print = unreadable
        .is_none()
        .then(|| fingerprint(key, &body, &server.settings.readings))
        .flatten();
    let attempt = Attempt {
        at: server.clock.now(),
        headers: parts.headers,
        body,
        print,
    };
    let fault = lock(&server.faults).draw();
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
            record(
                &server,
                &attempt,
                Verdict::Faulted,
                status,
                Some(fault),
                None,
            );
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
fn settle(
    server: &Server,
    attempt: &Attempt,
    unreadable: Option<Refusal>,
    fault: Option<Fault>,
) -> Response<Body> {
    let judgement = match unreadable {
        Some(refusal) => Err(refusal),
        None => judge(server, attempt),
    };
    let (response, verdict, reason) = match judgement {
        Ok(verdict) => {
            let status = server.settings.readings.stored_status;
            (reply::raw(status, r#"{"success":true}"#), verdict, None)
        }
        Err(refusal) => (
            reply::refusal(&refusal),
            Verdict::Refused,
            Some(refusal.explanation()),
        ),
    };
    let answered = fault != Some(Fault::ReplyLost);
    let status = answered.then(|| response.status().as_u16());
    record(server, attempt, verdict, status, fault, reason);
    response
}

/// What WorkOS would say.
fn judge(server: &Server, attempt: &Attempt) -> Result<Verdict, Refusal> {
    let settings = &server.settings;
    auth::api_key(&attempt.headers, settings)?;
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

/// The answer that a fault gives instead; none if it gives no answer.
fn instead(fault: Fault, now: Timestamp) -> Option<Response<Body>> {
    match fault {
        Fault::TooManyRequests(retry_after) => {
            let body = json!({"message": "Too many requests.", "code": "rate_limit_exceeded"});
            let mut response = reply::json(429, &body);
            if let Some(value) = retry_after.and_then(|form| retry_after_value(form, now)) {
                response.headers_mut().insert(header::RETRY_AFTER, value);
            }
            Some(response)
        }
        Fault::Status(status) => Some(reply::json(status, &json!({"message": message(status)}))),
        Fault::Garbage => Some(reply::raw(200, "<html>\u{fffd}{\"success\": tru")),
        Fault::NotSuccess => Some(reply::raw(200, r#"{"success":false}"#)),
        Fault::Latency(_) | Fault::Reset | Fault::SlowReply(_) | Fault::ReplyLost | Fault::Hang => {
            None
        }
    }
}

fn message(status: u16) -> &'static str {
    axum::http::StatusCode::from_u16(status)
        .ok()
        .and_then(|status| status.canonical_reason())
        .unwrap_or("Injected fault")
}

fn retry_after_value(form: RetryAfter, now: Timestamp) -> Option<HeaderValue> {
    match form {
        RetryAfter::Seconds(seconds) => Some(HeaderValue::from(seconds)),
        RetryAfter::Date(seconds) => {
            let at = system_time(now).checked_add(Duration::from_secs(seconds))?;
            HeaderValue::from_str(&httpdate::fmt_http_date(at)).ok()
        }
    }
}

/// The same answer, its body in pieces spread over the time.
fn trickle(response: Response<Body>, time: Duration) -> Response<Body> {
    const PIECES: u32 = 8;
    let (parts, body) = response.into_parts();
    let pieces = stream::unfold(
        (Some(body), Bytes::new()),
        move |(whole, mut rest)| async move {
            if let Some(whole) = whole {
                rest = reply::read(whole, usize::MAX).await.unwrap_or_default();
            }
            if rest.is_empty() {
                return None;
            }
            tokio::time::sleep(time / PIECES).await;
            let size = rest.len().div_ceil(PIECES as usize).max(1).min(rest.len());
            let piece = rest.split_to(size);
            Some((Ok::<_, std::convert::Infallible>(piece), (None, rest)))
        },
    );
    Response::from_parts(parts, Body::from_stream(pieces))
}

fn record(
    server: &Server,
    attempt: &Attempt,
    verdict: Verdict,
    status: Option<u16>,
    fault: Option<Fault>,
    reason: Option<String>,
) {
    server.ledger.append(Entry {
        number: 0,
        at: attempt.at,
        method: "POST".into(),
        path: "/audit_logs/events".into(),
        key: idempotency_key(&attempt.headers).map(Into::into),
        identity: attempt.print.map(|print| print.identity),
        body: Box::from(&attempt.body[..]),
        verdict,
        status,
        fault,
        reason: reason.map(Into::into),
    });
}

fn idempotency_key(headers: &HeaderMap) -> Option<&str> {
    headers
        .get("idempotency-key")
        .and_then(|value| value.to_str().ok())
        .filter(|key| !key.is_empty())
}
