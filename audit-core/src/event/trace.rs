//! What numbers an event, so that a missing one is provable and a second one is recognized.

use std::num::NonZeroU64;

/// An event's place among those of its instance: one start of an audit log in one process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Trace {
    /// Drawn at the start.
    pub(crate) instance: u64,
    /// Consecutive from 1.
    pub(crate) sequence: NonZeroU64,
}

impl Trace {
    /// The value of `audited_id`: the same for an event that is stored twice, and for no other.
    pub(crate) fn id(self) -> String {
        format!("{:016x}-{}", self.instance, self.sequence)
    }
}
