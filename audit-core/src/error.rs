//! The one error of this crate.

use std::{error, fmt};

use crate::outbox::OutboxError;

/// What can go wrong while an audit log is set up or shut down.
///
/// It is opaque: its message says what was wrong, where, and what to do next; its predicates answer what a program can
/// decide on. It never contains an API key.
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: Kind,
    message: String,
    source: Option<Box<dyn error::Error + Send + Sync>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Configuration,
    System,
    Outbox,
}

impl Error {
    /// A setting is missing or wrong.
    pub(crate) fn configuration(message: impl Into<String>) -> Self {
        Self::new(Kind::Configuration, message)
    }

    /// The operating system refused something that is needed.
    pub(crate) fn system(message: impl Into<String>) -> Self {
        Self::new(Kind::System, message)
    }

    /// Adds the error that caused this one.
    pub(crate) fn with_source(mut self, source: impl Into<Box<dyn error::Error + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Says more than the general message.
    pub(crate) fn at(mut self, message: String) -> Self {
        self.0.message = message;
        self
    }

    fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner { kind, message: message.into(), source: None }))
    }

    /// Whether a setting is missing or wrong: a person has to change something, and trying again will not help.
    ///
    /// ```
    /// use audit_core::workos::{ApiKeySource, WorkOs};
    ///
    /// let error = WorkOs::builder(ApiKeySource::fixed("sk_test")).base_url("http://example.com").build().unwrap_err();
    /// assert!(error.is_configuration());
    /// ```
    #[must_use]
    pub fn is_configuration(&self) -> bool {
        self.0.kind == Kind::Configuration
    }

    /// Whether the operating system refused a resource, such as a thread: it may work later.
    ///
    /// ```
    /// use audit_core::workos::{ApiKeySource, WorkOs};
    ///
    /// let error = WorkOs::builder(ApiKeySource::fixed("")).build().unwrap_err();
    /// assert!(!error.is_system());
    /// ```
    #[must_use]
    pub fn is_system(&self) -> bool {
        self.0.kind == Kind::System
    }

    /// Whether the outbox failed; the source is an [`OutboxError`], which says more.
    ///
    /// ```
    /// use audit_core::Error;
    /// use audit_core::outbox::{OutboxError, OutboxErrorKind};
    ///
    /// let error = Error::from(OutboxError::new(OutboxErrorKind::Storage, "no space left on the device"));
    /// assert!(error.is_outbox());
    /// ```
    #[must_use]
    pub fn is_outbox(&self) -> bool {
        self.0.kind == Kind::Outbox
    }
}

impl From<OutboxError> for Error {
    fn from(error: OutboxError) -> Self {
        Self::new(Kind::Outbox, "the outbox failed").with_source(error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { kind, message, source } = &*self.0;
        let mut debug = f.debug_struct("Error");
        debug.field("kind", kind).field("message", message);
        if let Some(source) = source {
            debug.field("source", source);
        }
        debug.finish()
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}
