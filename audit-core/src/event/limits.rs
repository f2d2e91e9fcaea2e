//! WorkOS' limits on an event, and ours where none is published.
//!
//! Source: the WorkOS API reference, "Create event", and its OpenAPI description (`AuditLogEventDto`): metadata of at
//! most 50 keys that match `^[a-zA-Z0-9_-]{0,40}$`, with string (at most 500 characters), number and boolean values.
//! The limit of 20 targets is not in the description; WorkOS answers 400 above it.

/// Most keys in one metadata object, ours included.
pub const METADATA_KEYS: usize = 50;

/// Most keys in an event's own metadata that a user can set; the others are kept for `outcome`, `audited_id` and
/// `audited_seq`.
pub const USER_METADATA_KEYS: usize = 47;

/// Longest metadata key, in characters.
pub const METADATA_KEY_CHARS: usize = 40;

/// Longest metadata value, in Unicode code points.
pub const METADATA_VALUE_CHARS: usize = 500;

/// Longest id, name, location and user agent, in Unicode code points. WorkOS publishes no limit for these; this keeps a
/// hostile header or name from growing an event without bound.
pub const TEXT_CHARS: usize = 500;

/// Most targets in one event.
pub const TARGETS: usize = 20;

/// Largest event, in bytes of JSON. WorkOS publishes no limit for the body; its users report that there is one, and
/// 100 kB is the usual default of the framework whose error they quote.
pub const EVENT_BYTES: usize = 64 * 1024;

/// How far targets and metadata may fill an event, in bytes, so that the actor, the organization and the outcome, which
/// are written last, always fit.
pub(crate) const CAPTURE_BYTES: usize = 32 * 1024;

/// How many bytes an actor's metadata may fill.
pub(crate) const ACTOR_BYTES: usize = 16 * 1024;

/// The largest integer that JavaScript, and so WorkOS, reads without loss. Larger ones go as strings.
pub(crate) const EXACT_INTEGER: u64 = 1 << 53;

/// How deep nested values are flattened; deeper ones become `…`.
pub(crate) const NESTING: usize = 8;
