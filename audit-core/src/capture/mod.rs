//! What happens around an audited call: who, what, and how it ended.

mod actor;
mod body;
mod clock;
mod description;
mod event;
mod outcome;
mod scope;
mod secret;
mod single;
mod target;

pub use self::actor::{Actor, ActorWriter, AuditActor};
pub use self::body::{AuditBody, BodyWriter, WholeBody, WholeBodyFallback};
pub use self::description::Description;
pub use self::event::EventWriter;
pub use self::outcome::{
    FailureFallback, Outcome, PeelFallback, Peeled, Probe, Refuse, ReturnsResult, ToldFallback, Unavailable, error_of,
};
pub use self::scope::{
    Close, Opening, Scope, Scoped, changes, open, open_strict, open_strict_sync, record, scope, scope_sync,
};
pub use self::secret::{Captured, CapturedFallback};
pub use self::single::{EventBuilder, HasTarget, NoTarget, Targeted, event};
pub use self::target::{AuditTarget, DescribeTarget, IntoTargets, Many, One, TargetWriter};

#[cfg(test)]
mod scope_tests;
