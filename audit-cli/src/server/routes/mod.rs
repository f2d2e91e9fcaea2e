//! What is answered, path by path.

mod events;
mod other;
mod reply;

use std::sync::Arc;

use axum::Router;
use axum::routing::post;

use super::state::State;

/// All routes.
pub(crate) fn router(state: Arc<State>) -> Router {
    Router::new()
        .route("/audit_logs/events", post(events::create))
        .fallback(other::not_found)
        .with_state(state)
}
