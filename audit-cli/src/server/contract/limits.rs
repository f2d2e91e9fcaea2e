//! The limits on metadata (WorkOS API description, create event) and on the number of targets
//! (a limit met in production; not in the description).

use serde_json::{Map, Value, json};

use super::super::readings::Readings;
use super::super::refusal::Refusal;
use super::ajv::{AjvError, refuse};

const MAX_KEYS: usize = 50;
const MAX_KEY_CHARS: usize = 40;
const MAX_VALUE_CHARS: usize = 500;
const MAX_TARGETS: usize = 20;

/// Refuses an event that exceeds a limit. Its form was checked before.
pub(crate) fn check(event: &Value, readings: &Readings) -> Result<(), Refusal> {
    let mut errors = Vec::new();
    metadata(&event["actor"], "/actor", readings, &mut errors);
    if let Some(targets) = event["targets"].as_array() {
        if targets.len() > MAX_TARGETS {
            errors.push(AjvError {
                instance_path: "/targets".into(),
                schema_path: "#/properties/targets/maxItems".into(),
                keyword: "maxItems".into(),
                params: json!({ "limit": MAX_TARGETS }),
                message: format!("must NOT have more than {MAX_TARGETS} items"),
                advice: format!("Send one event for every {MAX_TARGETS} targets."),
                ..AjvError::default()
            });
        }
        for (index, target) in targets.iter().enumerate() {
            metadata(target, &format!("/targets/{index}"), readings, &mut errors);
        }
    }
    metadata(event, "", readings, &mut errors);
    if errors.is_empty() { Ok(()) } else { Err(refuse(&errors, readings)) }
}

/// Checks the `metadata` of the event, its actor or a target.
fn metadata(parent: &Value, path: &str, readings: &Readings, errors: &mut Vec<AjvError>) {
    let Some(Value::Object(metadata)) = parent.get("metadata") else {
        return;
    };
    let path = format!("{path}/metadata");
    if metadata.len() > MAX_KEYS {
        errors.push(AjvError {
            instance_path: path.clone(),
            schema_path: format!("#{}/maxProperties", schema_path(&path)),
            keyword: "maxProperties".into(),
            params: json!({ "limit": MAX_KEYS }),
            message: format!("must NOT have more than {MAX_KEYS} properties"),
            advice: format!("Keep the {MAX_KEYS} keys that matter most."),
            ..AjvError::default()
        });
    }
    entries(metadata, &path, readings, errors);
}

fn entries(metadata: &Map<String, Value>, path: &str, readings: &Readings, errors: &mut Vec<AjvError>) {
    for (key, value) in metadata {
        if !is_key(key) {
            errors.push(AjvError {
                instance_path: path.to_owned(),
                schema_path: format!("#{}/additionalProperties", schema_path(path)),
                keyword: "additionalProperties".into(),
                params: json!({ "additionalProperty": key }),
                message: "must NOT have additional properties".into(),
                advice: format!(
                    "Rename the key {}: at most {MAX_KEY_CHARS} of A-Z, a-z, 0-9, `_` and `-`.",
                    shown(key)
                ),
                ..AjvError::default()
            });
            continue;
        }
        match value {
            Value::String(text) if readings.limit_values && text.chars().nth(MAX_VALUE_CHARS).is_some() => {
                errors.push(AjvError {
                    instance_path: format!("{path}/{key}"),
                    schema_path: format!("#{}/anyOf/0/maxLength", schema_path(path)),
                    keyword: "maxLength".into(),
                    params: json!({ "limit": MAX_VALUE_CHARS }),
                    message: format!("must NOT have more than {MAX_VALUE_CHARS} characters"),
                    advice: format!("Cut the value at {MAX_VALUE_CHARS} characters."),
                    ..AjvError::default()
                });
            }
            Value::String(_) | Value::Number(_) | Value::Bool(_) => {}
            Value::Null | Value::Array(_) | Value::Object(_) => errors.push(AjvError {
                instance_path: format!("{path}/{key}"),
                schema_path: format!("#{}/type", schema_path(path)),
                keyword: "type".into(),
                params: json!({ "type": ["string", "number", "boolean"] }),
                message: "must be string,number,boolean".into(),
                advice: "Leave out what is null, and flatten lists and objects.".into(),
                ..AjvError::default()
            }),
        }
    }
}

fn is_key(key: &str) -> bool {
    key.len() <= MAX_KEY_CHARS && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

/// `/targets/0/metadata` of an event is `/properties/targets/items/properties/metadata` of its
/// schema.
fn schema_path(instance_path: &str) -> String {
    let mut path = String::new();
    for part in instance_path.split('/').skip(1) {
        if part.bytes().all(|b| b.is_ascii_digit()) {
            path.push_str("/items");
        } else {
            path.push_str("/properties/");
            path.push_str(part);
        }
    }
    path
}

/// A key as it is shown to a person: quoted, and not longer than a line.
fn shown(key: &str) -> String {
    let head: String = key.chars().take(60).collect();
    format!("{head:?}")
}
