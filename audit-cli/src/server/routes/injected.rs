//! The answers of faults.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use bytes::Bytes;
use futures_util::stream;
use jiff::Timestamp;
use serde_json::json;

use super::super::clock::system_time;
use super::super::faults::{Fault, RetryAfter};
use super::reply;

/// The answer that a fault gives instead; none if it gives no answer.
pub(crate) fn instead(fault: Fault, now: Timestamp) -> Option<Response<Body>> {
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
        Fault::Latency(_) | Fault::Reset | Fault::SlowReply(_) | Fault::ReplyLost | Fault::Hang => None,
    }
}

fn message(status: u16) -> &'static str {
    StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or("Injected fault")
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
pub(crate) fn trickle(response: Response<Body>, time: Duration) -> Response<Body> {
    const PIECES: u32 = 8;
    let (parts, body) = response.into_parts();
    let pieces = stream::unfold((Some(body), Bytes::new()), move |(whole, mut rest)| async move {
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
    });
    Response::from_parts(parts, Body::from_stream(pieces))
}
