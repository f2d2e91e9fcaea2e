//! Context for whatever is on tower: axum, tonic, hyper.
//!
//! One layer makes the context of each request:
//!
//! ```
//! use audit_core::context::tower::AuditLayer;
//! # use audit_core::{ActorWriter, AuditActor};
//! # #[derive(Clone)]
//! # struct CurrentUser(String);
//! # impl AuditActor for CurrentUser {
//! #     const TYPE: &'static str = "user";
//! #     fn describe(&self, actor: &mut ActorWriter<'_>) { actor.id(&self.0); }
//! # }
//!
//! let layer = AuditLayer::new().actor_from_extension::<CurrentUser>();
//! # let _ = layer;
//! ```
//!
//! # Where it belongs
//!
//! Outside of the handlers and inside of the authentication, if that puts the user into the request's extensions. Where
//! authentication runs further in, or in an extractor, it calls [`set_actor`](crate::set_actor), or a second layer behind
//! it adds what the first could not know: a layer within another adds to its context and takes nothing away.
//!
//! # What events get from it
//!
//! | in the event | from | |
//! | --- | --- | --- |
//! | `context.location` | the peer's address, or whom [`AuditLayer::client_address`] believes | always |
//! | `context.user_agent` | `user-agent` | if there is one |
//! | `metadata.request_id` | `x-request-id`, or a new one | always |
//! | `actor` | [`AuditLayer::actor_from_extension`], [`AuditLayer::actor_from`] | unless the attribute names one |
//! | `organization_id` | [`AuditLayer::organization_from_path`] and its siblings, or the actor's | unless the attribute names one |
//! | `metadata.method`, `route`, `trace_id` | the request, the router, `traceparent` or the current span | if asked for |
//! | `metadata.param_…`, `query_…`, `header_…`, `geo_…` | the request | as far as asked for |
//!
//! Nothing else of a request is told unless it is asked for. Headers may be of any bytes and any size: what is no UTF-8 is
//! shown as `U+FFFD`, and nothing takes more than 500 characters. So what a context takes is bounded by how much it was asked
//! to tell: all query parameters, one header and a place, each as long as it can be, take less than 128 KiB. A body is never
//! looked at, let alone kept.

mod layer;
mod service;
mod view;

pub use super::request::{
    ClientAddress, Geolocation, InvalidNetwork, MetadataWriter, Names, Rejection, TrustedProxies,
};

pub use self::layer::AuditLayer;
pub use self::service::{AuditService, ResponseFuture};
