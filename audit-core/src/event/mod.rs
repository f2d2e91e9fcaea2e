//! What happened, within WorkOS' limits: an event that is written straight to bytes and valid by construction.
//!
//! This room does no I/O and reads no clock.

mod changes;
mod draft;
mod fragments;
mod json;
pub mod limits;
mod members;
mod mended;
mod out;
mod redaction;
mod thing;
mod time;
mod trace;
mod typed;
mod value;

pub use self::mended::Mended;
pub use self::redaction::{HashKey, Redaction, SECRET_NAMES, SECRET_WHOLE_NAMES, looks_secret};
pub use self::value::{AuditValue, ValueWriter};

pub use self::typed::{BoolValue, NumberValue, StringValue, bool, in_the_open, number, string};

pub(crate) use self::draft::{Defaults, Draft, Encoded, Ending, Organization};
pub(crate) use self::fragments::Fragments;
pub(crate) use self::json::push_string;
pub(crate) use self::members::Key;
pub(crate) use self::out::Out;
pub(crate) use self::thing::Thing;
pub(crate) use self::time::rfc3339;
pub(crate) use self::trace::Trace;
pub(crate) use self::value::{DebugValue, DisplayValue};

#[cfg(test)]
mod draft_tests;
