//! Errors in the shape of Ajv, the validator whose output WorkOS hands on: recorded in the history
//! of the official Ruby SDK (`create_event_invalid.yml`).

use serde::Serialize;
use serde_json::{Value, json};

use super::super::readings::Readings;
use super::super::refusal::Refusal;

/// One place where an event does not fit.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AjvError {
    /// Where in the event, as a JSON pointer.
    pub(crate) instance_path: String,
    /// Which rule, as a JSON pointer into the schema.
    pub(crate) schema_path: String,
    /// The rule's keyword.
    pub(crate) keyword: String,
    /// The rule's parameters.
    pub(crate) params: Value,
    /// What was expected.
    pub(crate) message: String,
    /// The rule's value, its schema and what it was held against: only where WorkOS sends them.
    #[serde(flatten)]
    pub(crate) verbose: Option<Verbose>,
    /// What was wrong, for a person; made from place and message if it is empty. Not sent.
    #[serde(skip)]
    pub(crate) reason: String,
    /// What to change, for a person. Not sent.
    #[serde(skip)]
    pub(crate) advice: String,
}

/// What Ajv tells with its option `verbose`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Verbose {
    pub(crate) schema: Value,
    pub(crate) parent_schema: Value,
    pub(crate) data: Value,
}

/// The 400 for an event that does not fit.
pub(crate) fn refuse(errors: &[AjvError], readings: &Readings) -> Refusal {
    let mut reasons: Vec<String> = Vec::new();
    let mut advice: Vec<&str> = Vec::new();
    for error in errors {
        let reason = error.words();
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
        if !error.advice.is_empty() && !advice.contains(&error.advice.as_str()) {
            advice.push(&error.advice);
        }
    }
    Refusal {
        body: json!({
            "code": readings.error_code,
            "message": "Invalid Audit Log event",
            "errors": errors,
        }),
        ..Refusal::message(400, "Invalid Audit Log event")
    }
    .because(reasons.join("; "), advice.join(" "))
}

impl AjvError {
    fn words(&self) -> String {
        if !self.reason.is_empty() {
            return self.reason.clone();
        }
        let place = if self.instance_path.is_empty() {
            "the event".to_owned()
        } else {
            format!("`event{}`", self.instance_path.replace('/', "."))
        };
        format!("{place} {}", self.message)
    }
}
