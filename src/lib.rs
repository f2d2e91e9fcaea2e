//! Declarative audit logs for WorkOS: an attribute on a handler, a derive on its models, and nothing is lost.

pub use audit_core::{
    Actor, ActorWriter, AuditActor, AuditLog, AuditTarget, AuditValue, Context, EventWriter, HashKey, IntoTargets,
    Mended, Outcome, Redaction, Stats, TargetWriter, Unavailable, context, event, looks_secret, outbox, record,
    set_actor,
};

pub use audit_macros::{AuditActor, AuditTarget, audited};

#[cfg(feature = "testing")]
pub use audit_core::testing;

#[doc(hidden)]
pub use audit_core::private as __private;

// Generated code names this crate as its users do, in here, too.
extern crate self as audited;
