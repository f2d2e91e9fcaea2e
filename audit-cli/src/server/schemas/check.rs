//! Whether an event fits a registered schema.
//!
//! That every target type of the schema must occur among the event's targets is read from a
//! recorded refusal (official Ruby SDK, `create_event_invalid.yml`): `targets` is checked by
//! `allOf` of `contains`. Metadata that is absent is not checked.

use jsonschema::Validator;
use jsonschema::error::ValidationErrorKind;
use serde_json::{Value, json};

use super::super::contract::{AjvError, Verbose, refuse};
use super::super::readings::Readings;
use super::super::refusal::Refusal;
use super::{Action, Schema};

/// Refuses an event that does not fit the version it names.
pub(crate) fn check(action: &Action, event: &Value, readings: &Readings) -> Result<(), Refusal> {
    let schema = version(action, event, readings)?;
    let mut errors = Vec::new();
    targets(action, schema, event, readings, &mut errors);
    let definition = &schema.definition;
    if let Some(validator) = &definition.actor {
        metadata(&event["actor"], "/actor", validator, &mut errors);
    }
    if let Some(validator) = &definition.metadata {
        metadata(event, "", validator, &mut errors);
    }
    if errors.is_empty() { Ok(()) } else { Err(refuse(&errors, readings)) }
}

/// The version that the event names, or the default one.
fn version<'a>(action: &'a Action, event: &Value, readings: &Readings) -> Result<&'a Schema, Refusal> {
    let found = match event.get("version") {
        None if readings.default_to_latest => action.versions.last(),
        None => action.versions.first(),
        Some(wanted) => {
            let wanted = wanted.as_f64();
            let mut versions = action.versions.iter();
            // Versions are small integers, exact as floating point numbers.
            versions.find(|schema| Some(schema.version as f64) == wanted)
        }
    };
    found.map(AsRef::as_ref).ok_or_else(|| {
        let latest = action.versions.last().map_or(0, |schema| schema.version);
        let error = AjvError {
            instance_path: "/version".into(),
            schema_path: "#/properties/version/enum".into(),
            keyword: "enum".into(),
            message: "must be equal to one of the allowed values".into(),
            params: json!({ "allowedValues":
                action.versions.iter().map(|schema| schema.version).collect::<Vec<_>>() }),
            reason: format!("`{}` has no schema of version {}", action.name, event["version"]),
            advice: format!("Its latest is version {latest}: send that, or register the new schema first."),
            ..AjvError::default()
        };
        refuse(&[error], readings)
    })
}

/// The refusal of an action that nobody registered. Its exact form is not published.
pub(crate) fn unregistered(name: &str, readings: &Readings) -> Refusal {
    let error = AjvError {
        instance_path: "/action".into(),
        schema_path: "#/properties/action/enum".into(),
        keyword: "enum".into(),
        params: json!({}),
        message: "must be equal to one of the allowed values".into(),
        reason: format!("the action `{name}` is not registered"),
        advice: "Register its schema first: POST /audit_logs/actions/NAME/schemas, or start with \
                 `--schemas FILE`; `--register-on-first-use` takes any action."
            .into(),
        ..AjvError::default()
    };
    refuse(&[error], readings)
}

fn targets(action: &Action, schema: &Schema, event: &Value, readings: &Readings, errors: &mut Vec<AjvError>) {
    let targets = event["targets"].as_array().map(Vec::as_slice);
    let targets = targets.unwrap_or_default();
    let definition = &schema.definition;
    for (index, rule) in definition.targets.iter().enumerate() {
        if !targets.iter().any(|target| target["type"] == rule.kind.as_str()) {
            missing_type(action, schema, index, targets, errors);
        }
    }
    for (index, target) in targets.iter().enumerate() {
        let kind = target["type"].as_str().unwrap_or_default();
        let mut rules = definition.targets.iter().filter(|rule| rule.kind == kind);
        match rules.next() {
            Some(rule) => {
                if let Some(validator) = &rule.metadata {
                    metadata(target, &format!("/targets/{index}"), validator, errors);
                }
            }
            None if readings.refuse_extra_targets => errors.push(AjvError {
                instance_path: format!("/targets/{index}/type"),
                schema_path: "#/properties/targets/items/properties/type/enum".into(),
                keyword: "enum".into(),
                params: json!({ "allowedValues": definition.target_types().collect::<Vec<_>>() }),
                message: "must be equal to one of the allowed values".into(),
                reason: format!("`event.targets.{index}` has the type `{kind}`, not in the schema"),
                advice: format!("Leave it out, or register a schema of `{}` with it.", action.name),
                ..AjvError::default()
            }),
            None => {}
        }
    }
}

/// One error for each target that is not of the wanted type, as in the recording.
fn missing_type(action: &Action, schema: &Schema, rule: usize, targets: &[Value], errors: &mut Vec<AjvError>) {
    let wanted = &schema.definition.targets[rule].kind;
    let all_of = format!("#/properties/targets/allOf/{rule}/contains");
    let reason = format!(
        "version {} of `{}` wants a target of the type `{wanted}`, and the event has none",
        schema.version, action.name
    );
    let advice = "Send a target of every type that the schema lists, or register a new version \
                  and send its number as `version`.";
    if targets.is_empty() {
        errors.push(AjvError {
            instance_path: "/targets".into(),
            schema_path: all_of,
            keyword: "contains".into(),
            params: json!({ "minContains": 1 }),
            message: "must contain at least 1 valid item(s)".into(),
            reason,
            advice: advice.into(),
            ..AjvError::default()
        });
        return;
    }
    for (index, target) in targets.iter().enumerate() {
        errors.push(AjvError {
            instance_path: format!("/targets/{index}/type"),
            schema_path: format!("{all_of}/properties/type/const"),
            keyword: "const".into(),
            params: json!({ "allowValues": [wanted] }),
            message: "must be equal to constant".into(),
            verbose: Some(Verbose {
                schema: json!(wanted),
                parent_schema: json!({ "enum": [wanted], "type": "string" }),
                data: target["type"].clone(),
            }),
            reason: reason.clone(),
            advice: advice.into(),
        });
    }
}

/// Holds the metadata of the event, its actor or a target against its JSON Schema.
fn metadata(parent: &Value, path: &str, validator: &Validator, errors: &mut Vec<AjvError>) {
    let Some(metadata) = parent.get("metadata") else {
        return;
    };
    for error in validator.iter_errors(metadata) {
        let place = format!("{path}/metadata");
        errors.push(AjvError {
            instance_path: format!("{place}{}", error.instance_path()),
            schema_path: format!("#{}{}", place.replace('/', "/properties/"), error.schema_path()),
            keyword: error.kind().keyword().to_owned(),
            params: params(error.kind()),
            message: message(&error),
            reason: format!(
                "`event{}{}` does not fit the metadata schema: {error}",
                place.replace('/', "."),
                error.instance_path().to_string().replace('/', ".")
            ),
            advice: "Send what the schema demands, or register a new version and send its number \
                     as `version`."
                .into(),
            ..AjvError::default()
        });
    }
}

fn params(kind: &ValidationErrorKind) -> Value {
    match kind {
        ValidationErrorKind::Required { property } => json!({ "missingProperty": property }),
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            json!({ "additionalProperty": unexpected.first() })
        }
        ValidationErrorKind::Enum { options } => json!({ "allowedValues": **options }),
        ValidationErrorKind::Pattern { pattern } => json!({ "pattern": pattern }),
        ValidationErrorKind::MaxLength { limit } | ValidationErrorKind::MinLength { limit } => {
            json!({ "limit": limit })
        }
        _ => json!({}),
    }
}

/// The message in Ajv's words where they are known.
fn message(error: &jsonschema::ValidationError<'_>) -> String {
    match error.kind() {
        ValidationErrorKind::Required { property } => {
            let property = property.as_str().unwrap_or_default();
            format!("must have required property '{property}'")
        }
        ValidationErrorKind::AdditionalProperties { .. } => "must NOT have additional properties".into(),
        ValidationErrorKind::Enum { .. } => "must be equal to one of the allowed values".into(),
        _ => error.to_string(),
    }
}
