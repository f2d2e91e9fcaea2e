//! What a program's own function reads from a request.

use std::fmt;

use crate::context::state::State;
use crate::event::AuditValue;

/// Takes metadata of a request, for every event within it.
pub struct MetadataWriter<'a>(&'a mut State);

impl<'a> MetadataWriter<'a> {
    pub(crate) fn new(state: &'a mut State) -> Self {
        Self(state)
    }

    /// Sets a value. What an event says itself under the same key wins.
    pub fn set(&mut self, key: &str, value: impl AuditValue) -> &mut Self {
        self.0.set_value(key, &value);
        self
    }
}

impl fmt::Debug for MetadataWriter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetadataWriter").finish_non_exhaustive()
    }
}
