//! An event as a test reads it.

use std::fmt;

use serde_json::Value;

/// What would have been sent to WorkOS.
///
/// `Debug` shows the whole body of the request. `Display` shows what a test compares, one fact a line and always in the
/// same order: what differs from run to run is left out (the time) or shown by its name (ids that are drawn at random).
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

/// Metadata whose value is another in each run.
const DRAWN: [&str; 4] = ["audited_id", "audited_seq", "request_id", "trace_id"];

impl fmt::Display for RecordedEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.action())?;
        write!(f, "\n  outcome: {}", self.outcome())?;
        write!(f, "\n  version: {}", self.version())?;
        write!(f, "\n  organization: {}", self.at("/organization_id"))?;
        show_thing(f, "actor", self.actor())?;
        for target in self.targets() {
            show_thing(f, "target", target)?;
        }
        for key in ["location", "user_agent"] {
            if let Some(value) = self.at("/event/context").get(key) {
                write!(f, "\n  {key}: {value}")?;
            }
        }
        show_metadata(f, "  metadata ", self.at("/event/metadata"))
    }
}

fn show_thing(f: &mut fmt::Formatter<'_>, role: &str, thing: &Value) -> fmt::Result {
    write!(f, "\n  {role}: {} {}", thing["type"].as_str().unwrap_or_default(), thing["id"])?;
    if let Some(name) = thing.get("name") {
        write!(f, "\n    name: {name}")?;
    }
    show_metadata(f, "    metadata ", &thing["metadata"])
}

fn show_metadata(f: &mut fmt::Formatter<'_>, before: &str, metadata: &Value) -> fmt::Result {
    let mut members: Vec<_> = metadata.as_object().into_iter().flatten().collect();
    // Whether `serde_json` keeps the order of keys is a feature that any crate may turn on.
    members.sort_unstable_by_key(|(key, _)| *key);
    for (key, value) in members.into_iter().filter(|(key, _)| *key != "outcome") {
        match DRAWN.contains(&key.as_str()) {
            true => write!(f, "\n{before}{key}: [{key}]")?,
            false => write!(f, "\n{before}{key}: {value}")?,
        }
    }
    Ok(())
}

impl fmt::Debug for RecordedEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string_pretty(&self.0).unwrap_or_default())
    }
}
