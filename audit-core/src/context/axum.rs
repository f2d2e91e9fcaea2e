//! What axum's types say about an outcome, and how they refuse.

use std::future::Future;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::StatusCode;

use crate::capture::{Refuse, Unavailable};

/// Runs a handler that returns `impl IntoResponse` and makes the response, whose status tells how it ended.
pub(crate) async fn respond<F>(handler: F) -> Response
where
    F: Future<Output: IntoResponse>,
{
    handler.await.into_response()
}

/// [`respond`], without waiting.
pub(crate) fn respond_sync<R: IntoResponse>(handler: impl FnOnce() -> R) -> Response {
    handler().into_response()
}

/// `503 Service Unavailable`. What went wrong is the operator's to know and not the client's: it goes to the log.
impl IntoResponse for Unavailable {
    fn into_response(self) -> Response {
        <(StatusCode, String)>::from(self).into_response()
    }
}

impl Refuse for Response<Body> {
    fn refuse(unavailable: Unavailable) -> Self {
        unavailable.into_response()
    }
}
