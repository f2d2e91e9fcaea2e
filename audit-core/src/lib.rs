//! The runtime of `audited`: use it through that crate, which re-exports what is public here.
//!
//! One event's way through the rooms: [`capture`] opens a scope and writes what it is told straight into an encoded
//! `event`; the `audit_log` hands it to an [`outbox`]; [`delivery`] brings it from there to a sink, of which
//! `workos` is one. `context` adds what the request says.

mod audit_log;
pub mod capture;
#[cfg_attr(
    all(feature = "request", not(any(feature = "tower", feature = "actix-web"))),
    allow(dead_code, unused_imports, unused_macros, reason = "the part that integrations share, without one")
)]
pub mod context;
pub mod delivery;
mod error;
mod event;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzz;
mod of_process;
pub mod outbox;
mod planted;
#[doc(hidden)]
pub mod private;
mod spare;
mod sync;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod workos;

pub use self::audit_log::{AuditLog, AuditLogBuilder, HealthReason, HealthReport, HealthStatus, ShutdownReport, Stats};
pub use self::capture::{
    Actor, ActorWriter, AuditActor, AuditBody, AuditTarget, BodyWriter, EventBuilder, EventWriter, HasTarget,
    IntoTargets, NoTarget, Outcome, TargetWriter, Targeted, Unavailable, changes, event, record,
};
pub use self::context::{Context, InvalidContext, context, set_actor};
pub use self::error::Error;
pub use self::event::{
    AuditValue, HashKey, Mended, Redaction, SECRET_NAMES, SECRET_WHOLE_NAMES, ValueWriter, limits, looks_secret,
};
