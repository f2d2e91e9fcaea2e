//! Where events went that reached no recorder.

use crate::audit_log::registry;

/// How many audited calls of this process went to the log that was started last, since neither their context nor their
/// thread named another. In a test binary whose tests use recorders there should be none: one that spawns a task without
/// its [context](crate::context()) lets its events escape to whatever log another test started.
///
/// ```
/// use audit_core::testing::{escaped, unrouted};
///
/// let before = (escaped(), unrouted());
/// // … everything under test …
/// assert_eq!((escaped(), unrouted()), before, "an event reached no recorder");
/// ```
#[must_use]
pub fn escaped() -> u64 {
    registry::escaped()
}

/// How many audited calls of this process found no log to go to.
#[must_use]
pub fn unrouted() -> u64 {
    registry::unrouted()
}
