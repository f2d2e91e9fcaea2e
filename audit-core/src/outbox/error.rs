//! What can go wrong in an outbox.

use std::{error, fmt};

/// An outbox could not do what it was asked.
#[derive(Debug)]
pub struct OutboxError {
    kind: OutboxErrorKind,
    message: String,
    source: Option<Box<dyn error::Error + Send + Sync>>,
}

/// What a caller can decide on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum OutboxErrorKind {
    /// There is no room for another record within the outbox' budget.
    Full,
    /// The lease has passed to another delivery, or the record was settled already.
    Fenced,
    /// There is no such dead letter, or it belongs to another process.
    Missing,
    /// It took too long, and nobody knows yet how it ends: the record may still be stored.
    Late,
    /// The outbox was closed.
    Closed,
    /// The storage failed.
    Storage,
}

impl OutboxError {
    /// An error that says what was wrong and what to do next.
    pub fn new(kind: OutboxErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    /// Adds the error that caused this one.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What kind of error this is.
    #[must_use]
    pub fn kind(&self) -> OutboxErrorKind {
        self.kind
    }
}

impl fmt::Display for OutboxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl error::Error for OutboxError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
