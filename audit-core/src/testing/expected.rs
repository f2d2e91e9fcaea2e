//! What a test expects of an event, and how a recorded one differs from it.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

use super::event::RecordedEvent;

/// What a test expects of an event. What it does not name may be anything.
///
/// [`assert_audited!`](crate::assert_audited!) writes one; by hand it reads the same:
///
/// ```
/// use audit_core::testing::{Expected, ExpectedThing};
///
/// let expected = Expected::new()
///     .action("invoice.paid")
///     .actor(ExpectedThing::new("user").id("user_01"))
///     .target(ExpectedThing::new("invoice").metadata("amount_cents", 129_900))
///     .metadata("attempt", 2);
/// # let _ = expected;
/// ```
#[derive(Debug, Clone, Default)]
#[must_use = "an expectation alone checks nothing: hand it to `Recorder::expect` or `Recorder::matching`"]
pub struct Expected {
    facts: Vec<(Fact, Value)>,
    actor: Option<ExpectedThing>,
    targets: Vec<ExpectedThing>,
    metadata: Vec<(String, Value)>,
}

/// What an event says once.
#[derive(Debug, Clone, Copy)]
enum Fact {
    Action,
    Outcome,
    Organization,
    Version,
    Location,
}

/// An actor or a target as a test expects it.
#[derive(Debug, Clone)]
#[must_use = "hand it to `Expected::actor` or `Expected::target`"]
pub struct ExpectedThing {
    kind: String,
    fields: Vec<(&'static str, Value)>,
    metadata: Vec<(String, Value)>,
}

/// One thing that is not as expected.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Difference {
    what: String,
    expected: String,
    found: String,
}

impl Expected {
    /// Any event.
    pub fn new() -> Self {
        Self::default()
    }

    /// The action.
    pub fn action(self, action: impl Into<String>) -> Self {
        self.fact(Fact::Action, action.into())
    }

    /// How the call ended: `success`, `failure`, `panicked`, `cancelled` or `unknown`.
    pub fn outcome(self, outcome: impl Into<String>) -> Self {
        self.fact(Fact::Outcome, outcome.into())
    }

    /// The organization.
    pub fn organization(self, id: impl Into<String>) -> Self {
        self.fact(Fact::Organization, id.into())
    }

    /// The version of the action's schema.
    pub fn version(self, version: u32) -> Self {
        self.fact(Fact::Version, version)
    }

    /// From where the call came.
    pub fn location(self, location: impl Into<String>) -> Self {
        self.fact(Fact::Location, location.into())
    }

    /// Who acted.
    pub fn actor(mut self, actor: ExpectedThing) -> Self {
        self.actor = Some(actor);
        self
    }

    /// A target; there may be others beside it.
    pub fn target(mut self, target: ExpectedThing) -> Self {
        self.targets.push(target);
        self
    }

    /// A value of the event's own metadata. What serializes to `null`, such as `None`, says that there is none.
    pub fn metadata(mut self, key: impl Into<String>, value: impl Serialize) -> Self {
        self.metadata.push((key.into(), json(value)));
        self
    }

    fn fact(mut self, fact: Fact, value: impl Into<Value>) -> Self {
        self.facts.push((fact, value.into()));
        self
    }

    pub(super) fn differences(&self, event: &RecordedEvent) -> Vec<Difference> {
        let mut differences = Vec::new();
        for (fact, expected) in &self.facts {
            note(&mut differences, fact.name().to_owned(), expected, &fact.of(event));
        }
        if let Some(actor) = &self.actor {
            differences.extend(actor.differences("actor", event.actor()));
        }
        for target in &self.targets {
            differences.extend(target.nearest(event.targets()));
        }
        for (key, expected) in &self.metadata {
            note(&mut differences, format!("metadata {key}"), expected, event.metadata(key));
        }
        differences
    }
}

impl Fact {
    fn name(self) -> &'static str {
        match self {
            Self::Action => "action",
            Self::Outcome => "outcome",
            Self::Organization => "organization",
            Self::Version => "version",
            Self::Location => "location",
        }
    }

    fn of(self, event: &RecordedEvent) -> Value {
        match self {
            Self::Action => event.action().into(),
            Self::Outcome => event.outcome().into(),
            Self::Organization => event.organization().into(),
            Self::Version => event.version().into(),
            Self::Location => event.location().into(),
        }
    }
}

impl ExpectedThing {
    /// One of a type, such as `user` or `invoice`.
    pub fn new(kind: impl Into<String>) -> Self {
        Self { kind: kind.into(), fields: Vec::new(), metadata: Vec::new() }
    }

    /// Its id. Events have text for ids, so `7` and `"7"` are the same.
    pub fn id(self, id: impl Serialize) -> Self {
        self.field("id", id)
    }

    /// Its name.
    pub fn name(self, name: impl Serialize) -> Self {
        self.field("name", name)
    }

    /// A value of its metadata. What serializes to `null`, such as `None`, says that there is none.
    pub fn metadata(mut self, key: impl Into<String>, value: impl Serialize) -> Self {
        self.metadata.push((key.into(), json(value)));
        self
    }

    fn field(mut self, name: &'static str, value: impl Serialize) -> Self {
        let value = match json(value) {
            text @ (Value::String(_) | Value::Null) => text,
            other => other.to_string().into(),
        };
        self.fields.push((name, value));
        self
    }

    fn differences(&self, role: &str, thing: &Value) -> Vec<Difference> {
        let mut differences = Vec::new();
        note(&mut differences, format!("{role} type"), &self.kind.clone().into(), &thing["type"]);
        for (name, expected) in &self.fields {
            note(&mut differences, format!("{role} {name}"), expected, &thing[*name]);
        }
        for (key, expected) in &self.metadata {
            note(&mut differences, format!("{role} metadata {key}"), expected, &thing["metadata"][key]);
        }
        differences
    }

    /// How the target that is most like this one differs from it.
    fn nearest(&self, targets: &[Value]) -> Vec<Difference> {
        let role = format!("target {}", self.kind);
        let of_kind = targets.iter().filter(|target| target["type"] == self.kind.as_str());
        let nearest = of_kind.map(|target| self.differences(&role, target)).min_by_key(Vec::len);
        nearest.unwrap_or_else(|| {
            let kinds = targets.iter().map(|target| target["type"].as_str().unwrap_or_default());
            let found = kinds.collect::<Vec<_>>().join(", ");
            vec![Difference { what: "target".to_owned(), expected: format!("of type {:?}", self.kind), found }]
        })
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts: Vec<String> =
            self.facts.iter().map(|(fact, value)| format!("{} = {value}", fact.name())).collect();
        parts.extend(self.actor.iter().map(|actor| format!("actor{actor}")));
        parts.extend(self.targets.iter().map(|target| format!("target{target}")));
        if !self.metadata.is_empty() {
            parts.push(format!("metadata({})", pairs(&self.metadata)));
        }
        f.write_str(&parts.join(", "))
    }
}

impl fmt::Display for ExpectedThing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({:?}", self.kind)?;
        for (name, value) in &self.fields {
            write!(f, ", {name} = {value}")?;
        }
        if !self.metadata.is_empty() {
            write!(f, ", metadata({})", pairs(&self.metadata))?;
        }
        f.write_str(")")
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: expected {}, found {}", self.what, self.expected, self.found)
    }
}

fn note(differences: &mut Vec<Difference>, what: String, expected: &Value, found: &Value) {
    if expected != found {
        differences.push(Difference { what, expected: told(expected), found: told(found) });
    }
}

fn told(value: &Value) -> String {
    if value.is_null() { "none".to_owned() } else { value.to_string() }
}

fn pairs(metadata: &[(String, Value)]) -> String {
    metadata.iter().map(|(key, value)| format!("{key} = {value}")).collect::<Vec<_>>().join(", ")
}

/// A value that does not serialize is equal to nothing that an event can have.
fn json(value: impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_else(|error| Value::Array(vec![error.to_string().into()]))
}
