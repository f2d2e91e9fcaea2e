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
///
/// What a recorder takes did not escape:
///
/// ```
/// use audit_core::outbox::MemoryOutbox;
/// use audit_core::testing::{Recorder, escaped};
/// use audit_core::{AuditLog, event};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), audit_core::Error> {
/// let _log = AuditLog::builder()
///     .api_key("sk_test")
///     .base_url("http://127.0.0.1:9") // nobody is there
///     .outbox(MemoryOutbox::new(1 << 20))
///     .start()
///     .await?;
/// let sign_in = || event("user.signed_in").target_of("team", "t_1").organization("org_01").emit();
///
/// Recorder::new().scope(async { sign_in() }).await;
/// assert_eq!(escaped(), 0);
/// sign_in();
/// assert_eq!(escaped(), 1);
/// # Ok(())
/// # }
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
