//! The form of the request: required members and their types. What fails here is a 422 with
//! `{code, field}` for each fault (WorkOS API description, create event).
//!
//! The description names one code, `required`. `invalid_type` and `invalid_format` are this
//! server's own.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::readings::Readings;
use super::super::refusal::Refusal;

/// A member that is missing or of the wrong type.
struct Fault {
    code: &'static str,
    field: String,
    expected: &'static str,
}

/// Collects every fault, so that a client can mend them all at once.
struct Form {
    faults: Vec<Fault>,
}

/// Refuses a request that lacks a required member or has one of the wrong type.
pub(crate) fn check(body: &Value, readings: &Readings) -> Result<(), Refusal> {
    if !body.is_object() {
        return Err(not_an_object());
    }
    let mut form = Form { faults: Vec::new() };
    form.required_string(body, "", "organization_id");
    if form.required(body, "", "event", "an object", Value::is_object) {
        form.event(&body["event"], readings);
    }
    if form.faults.is_empty() { Ok(()) } else { Err(form.into_refusal()) }
}

/// The refusal of a body that is JSON but not an object.
pub(crate) fn not_an_object() -> Refusal {
    Form { faults: vec![missing("organization_id".into(), "a string"), missing("event".into(), "an object")] }
        .into_refusal()
}

fn missing(field: String, expected: &'static str) -> Fault {
    Fault { code: "required", field, expected }
}

impl Form {
    fn event(&mut self, event: &Value, readings: &Readings) {
        self.required_string(event, "event", "action");
        self.required_string(event, "event", "occurred_at");
        if let Some(text) = event["occurred_at"].as_str() {
            self.date_time(text, readings);
        }
        if self.required(event, "event", "actor", "an object", Value::is_object) {
            self.party(&event["actor"], "event.actor");
        }
        if self.required(event, "event", "targets", "an array", Value::is_array) {
            for (index, target) in event["targets"].as_array().into_iter().flatten().enumerate() {
                let path = format!("event.targets.{index}");
                if target.is_object() {
                    self.party(target, &path);
                } else {
                    self.wrong_type(path, "an object");
                }
            }
        }
        if self.required(event, "event", "context", "an object", Value::is_object) {
            let context = &event["context"];
            self.required_string(context, "event.context", "location");
            self.optional(context, "event.context", "user_agent", "a string", Value::is_string);
        }
        self.optional(event, "event", "metadata", "an object", Value::is_object);
        self.optional(event, "event", "version", "an integer", is_integer);
    }

    /// An actor or a target.
    fn party(&mut self, party: &Value, path: &str) {
        self.required_string(party, path, "id");
        self.required_string(party, path, "type");
        self.optional(party, path, "name", "a string", Value::is_string);
        self.optional(party, path, "metadata", "an object", Value::is_object);
    }

    fn date_time(&mut self, text: &str, readings: &Readings) {
        // RFC 3339 wants `T` and an offset; jiff alone would take more.
        let shaped = text.as_bytes().get(10).is_some_and(|b| matches!(b, b'T' | b't'));
        let utc = text.ends_with(['Z', 'z']) || !readings.utc_only;
        if !shaped || text.parse::<Timestamp>().is_err() || !utc {
            self.faults.push(Fault {
                code: "invalid_format",
                field: "event.occurred_at".into(),
                expected: "an ISO 8601 time in UTC such as 2026-01-15T12:00:00.000Z",
            });
        }
    }

    fn required_string(&mut self, parent: &Value, path: &str, name: &'static str) {
        self.required(parent, path, name, "a string", Value::is_string);
    }

    fn required(
        &mut self,
        parent: &Value,
        path: &str,
        name: &'static str,
        expected: &'static str,
        is: fn(&Value) -> bool,
    ) -> bool {
        if matches!(parent.get(name), None | Some(Value::Null)) {
            self.faults.push(missing(join(path, name), expected));
            return false;
        }
        self.optional(parent, path, name, expected, is)
    }

    fn optional(
        &mut self,
        parent: &Value,
        path: &str,
        name: &'static str,
        expected: &'static str,
        is: fn(&Value) -> bool,
    ) -> bool {
        match parent.get(name) {
            Some(value) if !is(value) => {
                self.wrong_type(join(path, name), expected);
                false
            }
            _ => true,
        }
    }

    fn wrong_type(&mut self, field: String, expected: &'static str) {
        self.faults.push(Fault { code: "invalid_type", field, expected });
    }

    fn into_refusal(self) -> Refusal {
        let errors: Vec<Value> =
            self.faults.iter().map(|fault| json!({ "code": fault.code, "field": fault.field })).collect();
        let words: Vec<String> = self.faults.iter().map(Fault::words).collect();
        Refusal {
            body: json!({ "message": "Validation failed.", "errors": errors }),
            ..Refusal::message(422, "Validation failed.")
        }
        .because(words.join("; "), "Send these members as the API reference for create event has them.")
    }
}

impl Fault {
    fn words(&self) -> String {
        let Self { field, expected, .. } = self;
        match self.code {
            "required" => format!("`{field}` is missing: it must be {expected}"),
            _ => format!("`{field}` must be {expected}"),
        }
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// An integer as JSON Schema has it: 1.0 is one.
fn is_integer(value: &Value) -> bool {
    value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|n| n.fract() == 0.0)
}
