#![doc = include_str!("../README.md")]

pub use audit_core::{
    Actor, ActorWriter, AuditActor, AuditBody, AuditLog, AuditLogBuilder, AuditTarget, AuditValue, BodyWriter, Context,
    Error, EventBuilder, EventWriter, HasTarget, HashKey, HealthReason, HealthReport, HealthStatus, IntoTargets,
    InvalidContext, Mended, NoTarget, Outcome, Redaction, SECRET_NAMES, SECRET_WHOLE_NAMES, ShutdownReport, Stats,
    TargetWriter, Targeted, Unavailable, ValueWriter, changes, context, delivery, event, limits, looks_secret, outbox,
    record, set_actor, workos,
};

pub use audit_macros::{AuditActor, AuditBody, AuditTarget, audited};

#[cfg(feature = "actix-web")]
pub use audit_core::context::actix_web;
#[cfg(feature = "tonic")]
pub use audit_core::context::tonic;
#[cfg(feature = "tower")]
pub use audit_core::context::tower;

#[cfg(feature = "testing")]
pub use audit_core::testing;

#[doc(hidden)]
pub use audit_core::private as __private;

// Generated code names this crate as its users do, in here, too.
extern crate self as audited;

/// The guide, compiled with the tests.
#[cfg(all(doctest, feature = "axum"))]
mod _guide {
    #[doc = include_str!("../docs/attribute.md")]
    struct Attribute;
    #[doc = include_str!("../docs/from-zuplo.md")]
    struct FromZuplo;
    #[doc = include_str!("../docs/observability.md")]
    struct Observability;
    #[doc = include_str!("../docs/testing.md")]
    struct Testing;
}
