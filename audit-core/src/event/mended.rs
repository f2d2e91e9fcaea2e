//! What had to be mended to keep an event within its limits.

/// Counts of what was changed or left out while an event was written. Every one is visible in the event itself (a cut
/// text ends in `…`, a redacted one says so) and summed up in the log's statistics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Mended {
    /// Texts cut to their limit.
    pub truncated: u64,
    /// Values replaced by `[redacted]`, a mask or a hash.
    pub redacted: u64,
    /// Metadata left out: key 51, a key that another value already has, or no room within the event.
    pub dropped: u64,
    /// Metadata keys changed to fit `^[a-zA-Z0-9_-]{1,40}$`.
    pub renamed: u64,
    /// Ids that were empty or absent and became `unknown`.
    pub unknown_ids: u64,
    /// Targets beyond the twentieth, told by a last target that counts them.
    pub extra_targets: u64,
    /// Values lost because their `Display`, `Serialize` or another piece of the caller's code panicked or failed.
    pub failed: u64,
}

impl Mended {
    /// Whether nothing had to be mended.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}
