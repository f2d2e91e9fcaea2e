//! Ids as WorkOS makes them: a prefix and a ULID.

use jiff::Timestamp;
use ulid::Ulid;

/// A new id that sorts by its time.
pub(crate) fn new(prefix: &str, at: Timestamp) -> String {
    let ms = u64::try_from(at.as_millisecond()).unwrap_or_default();
    format!("{prefix}{}", Ulid::from_parts(ms, fastrand::u128(..)))
}
