//! The answers' common shape: JSON with a request id, as WorkOS sends it.

use axum::body::{Body, to_bytes};
use axum::http::{HeaderValue, Response, StatusCode, header};
use bytes::Bytes;
use serde_json::Value;

use super::super::refusal::Refusal;

/// A JSON answer.
pub(crate) fn json(status: u16, body: &Value) -> Response<Body> {
    raw(status, body.to_string())
}

/// An answer whose body is this text, said to be JSON.
pub(crate) fn raw(status: u16, body: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(Body::from(body.into()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    let id = uuid::Builder::from_random_bytes(fastrand::u128(..).to_ne_bytes()).into_uuid();
    if let Ok(id) = HeaderValue::from_str(&id.to_string()) {
        headers.insert("x-request-id", id);
    }
    response
}

/// The answer to a request that is not accepted.
pub(crate) fn refusal(refusal: &Refusal) -> Response<Body> {
    let mut response = json(refusal.status, &refusal.body);
    if let Some(seconds) = refusal.retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// The body, or the refusal of one that is too large or breaks off.
pub(crate) async fn read(body: Body, limit: usize) -> Result<Bytes, Refusal> {
    to_bytes(body, limit).await.map_err(|error| {
        let mut cause: Option<&dyn std::error::Error> = Some(&error);
        while let Some(error) = cause {
            if error.is::<http_body_util::LengthLimitError>() {
                return Refusal::too_large(limit);
            }
            cause = error.source();
        }
        Refusal::message(400, "request aborted").because("the body broke off before its end", "Send the whole body.")
    })
}
