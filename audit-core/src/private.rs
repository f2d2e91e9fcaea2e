//! All that generated code may call. Not for use by hand: it changes without notice.

pub use crate::capture::{
    Captured, CapturedFallback, Close, Description, FailureFallback, Opening, PeelFallback, Peeled, Probe, Refuse,
    Scope, Scoped, ToldFallback, Unavailable, WholeBody, WholeBodyFallback, error_of, open, open_strict,
    open_strict_sync, scope, scope_sync,
};
pub use crate::event::{BoolValue, NumberValue, StringValue, bool, in_the_open, number, string};
pub use crate::outbox::Durability;

use crate::event::{AuditValue, DisplayValue, Redaction};

/// `%value`.
#[inline]
pub fn display<T: std::fmt::Display + ?Sized>(value: &T) -> impl AuditValue {
    DisplayValue(value)
}

/// How a value is shown whose attribute does not say it.
#[must_use]
pub const fn automatic(key: &str) -> Redaction {
    Redaction::of_name(key)
}

/// `#[audited(skip = "why")]`: this call was left out on purpose.
pub fn skipped(_why: &'static str) {
    if let Some(context) = crate::context::Context::current() {
        context.skip();
    }
}

/// `#[audited(…, detached)]`: runs `future` on a task of its own, to its end, although nobody waits for it any more.
pub fn detached<F>(future: F) -> impl Future<Output = F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    crate::context::detached(future)
}

/// `-> impl IntoResponse`: makes the response, whose status tells how the call ended.
#[cfg(feature = "axum")]
pub fn respond<F: Future<Output: axum::response::IntoResponse>>(
    future: F,
) -> impl Future<Output = axum::response::Response> {
    crate::context::respond(future)
}

/// `-> Result<impl IntoResponse, E>`: [`respond`] within `Ok`.
#[cfg(feature = "axum")]
pub async fn respond_in_result<T: axum::response::IntoResponse, E>(
    future: impl Future<Output = Result<T, E>>,
) -> Result<axum::response::Response, E> {
    future.await.map(axum::response::IntoResponse::into_response)
}

/// [`respond_in_result`], without waiting.
#[cfg(feature = "axum")]
pub fn respond_in_result_sync<T: axum::response::IntoResponse, E>(
    body: impl FnOnce() -> Result<T, E>,
) -> Result<axum::response::Response, E> {
    body().map(axum::response::IntoResponse::into_response)
}

/// [`respond`], without waiting.
#[cfg(feature = "axum")]
pub fn respond_sync<R: axum::response::IntoResponse>(body: impl FnOnce() -> R) -> axum::response::Response {
    crate::context::respond_sync(body)
}
