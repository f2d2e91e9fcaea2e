//! A request that was not accepted: what the client is answered, and what a person is told.

use serde_json::{Value, json};

/// An answer other than success.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    /// The body, as WorkOS writes it.
    pub(crate) body: Value,
    /// What was wrong and where, in words. Not sent to the client.
    pub(crate) reason: String,
    /// What to change. Not sent to the client.
    pub(crate) advice: String,
    /// Seconds for a `Retry-After` header.
    pub(crate) retry_after: Option<u64>,
}

impl Refusal {
    /// A refusal whose body is only a message, which is also the reason.
    pub(crate) fn message(status: u16, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { status, body: json!({ "message": message }), reason: message, advice: String::new(), retry_after: None }
    }

    /// The same, with other words for the person.
    pub(crate) fn because(mut self, reason: impl Into<String>, advice: impl Into<String>) -> Self {
        self.reason = reason.into();
        self.advice = advice.into();
        self
    }

    /// No such organization (WorkOS API description, create event).
    pub(crate) fn organization_not_found(id: &str) -> Self {
        Self::message(404, format!("Organization not found: '{id}'.")).because(
            format!("the organization `{id}` does not exist"),
            "Send the id of an organization of this environment: they begin with `org_`. \
             `audited dev --organization ID` makes one known here.",
        )
    }

    /// The body is larger than WorkOS takes.
    pub(crate) fn too_large(limit: usize) -> Self {
        Self::message(413, "request entity too large")
            .because(format!("the body is larger than {limit} bytes"), "Shorten metadata values or send fewer of them.")
    }

    /// Reason and advice as one text.
    pub(crate) fn explanation(&self) -> String {
        if self.advice.is_empty() { self.reason.clone() } else { format!("{}. {}", self.reason, self.advice) }
    }
}
