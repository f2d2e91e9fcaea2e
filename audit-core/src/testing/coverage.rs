//! Whether all that changes something is told.

use crate::audit_log::AuditLog;

/// Fails, with the list, if a changing request that `log` saw was told by no event: a `POST`, `PUT`, `PATCH` or `DELETE`
/// that was not turned away, whose handler has neither `#[audited(action = …)]` nor `#[audited(skip = "why")]`.
///
/// At the end of a test that sends a request to every route, it keeps a new handler from being forgotten:
///
/// ```
/// use audit_core::testing::{Recorder, assert_covered};
///
/// let recorder = Recorder::new();
/// // … requests to an application whose layer has `.log(&recorder.log())` …
/// assert_covered(&recorder.log());
/// ```
///
/// # Panics
/// That is how a test fails.
#[track_caller]
#[allow(clippy::panic, reason = "an assertion fails by panicking")]
pub fn assert_covered(log: &AuditLog) {
    let routes = log.unaudited_routes();
    if !routes.is_empty() {
        panic!(
            "{} requests may have changed something and no event tells of them; put `#[audited(action = …)]` on the \
             handlers of these routes, or `#[audited(skip = \"why\")]`:\n  {}",
            log.stats().unaudited,
            routes.join("\n  ")
        );
    }
}
