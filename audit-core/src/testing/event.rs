//! An event as a test reads it.

use std::fmt;

use serde_json::Value;

/// What would have been sent to WorkOS.
#[derive(Clone, PartialEq)]
pub struct RecordedEvent(Value);

impl RecordedEvent {
    pub(super) fn read(payload: &[u8]) -> Self {
        Self(serde_json::from_slice(payload).unwrap_or(Value::Null))
    }

    /// The whole body of the request.
    #[must_use]
    pub fn json(&self) -> &Value {
        &self.0
    }

    /// The organization; empty if there is none.
    #[must_use]
    pub fn organization(&self) -> &str {
        self.text("/organization_id")
    }

    /// The action.
    #[must_use]
    pub fn action(&self) -> &str {
        self.text("/event/action")
    }

    /// The version of the action's schema.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.0.pointer("/event/version").and_then(Value::as_u64).unwrap_or_default()
    }

    /// How the call ended: `success`, `failure`, `panicked`, `cancelled` or `unknown`.
    #[must_use]
    pub fn outcome(&self) -> &str {
        self.0.pointer("/event/metadata/outcome").and_then(Value::as_str).unwrap_or("success")
    }

    /// The actor: `id`, `type`, and `name` and `metadata` where there are any.
    #[must_use]
    pub fn actor(&self) -> &Value {
        self.at("/event/actor")
    }

    /// The targets, in order.
    #[must_use]
    pub fn targets(&self) -> &[Value] {
        self.at("/event/targets").as_array().map_or(&[], Vec::as_slice)
    }

    /// The first target of a type.
    #[must_use]
    pub fn target(&self, kind: &str) -> Option<&Value> {
        self.targets().iter().find(|target| target["type"] == kind)
    }

    /// The event's own metadata under a key; `null` if there is none.
    #[must_use]
    pub fn metadata(&self, key: &str) -> &Value {
        self.at("/event/metadata").get(key).unwrap_or(&Value::Null)
    }

    /// From where the call came.
    #[must_use]
    pub fn location(&self) -> &str {
        self.text("/event/context/location")
    }

    fn text(&self, pointer: &str) -> &str {
        self.at(pointer).as_str().unwrap_or_default()
    }

    fn at(&self, pointer: &str) -> &Value {
        self.0.pointer(pointer).unwrap_or(&Value::Null)
    }
}

impl fmt::Debug for RecordedEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string_pretty(&self.0).unwrap_or_default())
    }
}
