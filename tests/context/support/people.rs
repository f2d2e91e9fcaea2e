//! Who acts in these tests, and upon what.

use audited::testing::{RecordedEvent, Recorder};
use audited::{AuditActor, AuditTarget};

#[derive(AuditActor, Clone)]
#[audit(type = "user")]
pub(crate) struct CurrentUser {
    #[audit(id)]
    pub(crate) id: String,
    #[audit(organization)]
    pub(crate) organization: String,
}

impl CurrentUser {
    /// A user of `org_of_{id}`.
    pub(crate) fn new(id: &str) -> Self {
        Self { id: id.to_owned(), organization: format!("org_of_{id}") }
    }
}

#[derive(AuditTarget)]
pub(crate) struct Thing {
    #[audit(id)]
    pub(crate) id: u64,
}

/// The one event that was recorded.
pub(crate) fn only(recorder: &Recorder) -> RecordedEvent {
    let mut events = recorder.events();
    assert_eq!(events.len(), 1, "{events:?}");
    events.remove(0)
}
