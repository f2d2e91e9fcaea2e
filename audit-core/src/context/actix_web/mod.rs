//! Context for actix-web 4, as [`tower`](crate::context::tower) has it for axum. Needs Rust 1.88, as actix-web 4.17 does.
//!
//! ```
//! use actix_web::App;
//! use audit_core::Actor;
//! use audit_core::context::actix_web::AuditMiddleware;
//!
//! let audit = AuditMiddleware::new()
//!     .location_from_header("true-client-ip")
//!     .actor_from(|request| Some(Actor::user(request.headers().get("x-user")?.to_str().ok()?)));
//! let app = App::new().wrap(audit);
//! # let _ = app;
//! ```
//!
//! What was wrapped last runs first, so wrap the authentication behind this one if it puts the user into the request's
//! extensions; else it calls [`set_actor`](crate::set_actor).
//!
//! A handler that returns `HttpResponse` or a `Result` tells how it ended, also as `impl Responder`. One that returns another
//! type behind `impl Responder` does not, and counts as a success.
//!
//! actix-web itself mostly lets a handler run to its end when its client goes away, and over HTTP/2 always does: then the event
//! tells how it ended. A handler that is dropped is told as cancelled.

mod middleware;
mod outcome;
mod service;
mod view;

pub use super::request::{
    ClientAddress, Geolocation, InvalidNetwork, MetadataWriter, Names, Rejection, TrustedProxies,
};

pub use self::middleware::AuditMiddleware;
pub use self::service::AuditService;
