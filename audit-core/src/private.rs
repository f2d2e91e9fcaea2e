//! All that generated code may call. Not for use by hand: it changes without notice.

pub use crate::capture::{
    Close, Description, FailureFallback, PeelFallback, Peeled, Probe, Refuse, Scope, Scoped, Unavailable, error_of,
    open, open_strict, open_strict_sync, scope, scope_sync,
};
pub use crate::event::{DebugValue, DisplayValue};
pub use crate::outbox::Durability;

use crate::event::{AuditValue, Redaction, looks_secret};

/// `%value`.
#[inline]
pub fn display<T: std::fmt::Display + ?Sized>(value: &T) -> impl AuditValue {
    DisplayValue(value)
}

/// `?value`.
#[inline]
pub fn debug<T: std::fmt::Debug + ?Sized>(value: &T) -> impl AuditValue {
    DebugValue(value)
}

/// How a value is shown whose attribute does not say it.
#[must_use]
pub const fn automatic(key: &str) -> Redaction {
    if looks_secret(key) { Redaction::Redact } else { Redaction::None }
}

/// `#[audited(skip = "why")]`: this call was left out on purpose.
pub fn skipped(_why: &'static str) {}
