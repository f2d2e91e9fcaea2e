//! What is answered, path by path.

mod actions;
mod call;
mod control;
mod events;
mod exports;
mod injected;
mod organizations;
mod other;
mod page;
pub(crate) mod reply;
mod stream;

use std::sync::Arc;

use axum::Router;
use axum::middleware;
use axum::routing::{MethodFilter, get, post};

use super::guard;
use super::state::{EVENTS, State};
use call::verb;

/// All routes, behind the guard.
pub(crate) fn router(state: Arc<State>) -> Router {
    const GET: MethodFilter = MethodFilter::GET;
    const POST: MethodFilter = MethodFilter::POST;
    const PUT: MethodFilter = MethodFilter::PUT;
    Router::new()
        .route(EVENTS, post(events::create))
        .route("/audit_logs/actions", verb(GET, actions::list))
        .route(
            "/audit_logs/actions/{action_name}/schemas",
            verb(GET, actions::schemas).merge(verb(POST, actions::create_schema)),
        )
        .route("/audit_logs/exports", verb(POST, exports::create))
        .route("/audit_logs/exports/{id}", verb(GET, exports::get))
        .route(
            "/organizations/{id}/audit_logs_retention",
            verb(GET, organizations::retention).merge(verb(PUT, organizations::set_retention)),
        )
        .route("/organizations/{id}/audit_log_configuration", verb(GET, organizations::configuration))
        .nest("/_audited", control_routes())
        .merge(page::routes())
        .fallback(other::not_found)
        .method_not_allowed_fallback(other::method_not_allowed)
        .layer(middleware::from_fn_with_state(Arc::clone(&state), guard::guard))
        .with_state(state)
}

fn control_routes() -> Router<Arc<State>> {
    Router::new()
        .route("/status", get(control::status))
        .route("/stream", get(stream::stream))
        .route("/requests/{number}", get(control::request))
        .route("/actions", get(control::actions))
        .route("/events.csv", get(control::events_csv))
        .route("/exports/{token}/audit-logs.csv", get(exports::download))
        .route("/faults", post(control::add_fault).delete(control::clear_faults))
        .route("/clock", post(control::advance))
}
