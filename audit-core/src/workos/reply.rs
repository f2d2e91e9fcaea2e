//! What WorkOS' answers mean.

use std::fmt::Write;

use serde_json::Value;

use crate::delivery::Said;

/// A reason is cut after so many characters: enough for what is wrong with twenty targets.
const LONGEST: usize = 1000;

/// So many of the errors in a body are told.
const ERRORS: usize = 8;

/// How WorkOS says of what a 404 is about (API reference, "Error codes"), beside the message.
const NO_SUCH_ENTITY: &str = "entity_not_found";

/// Judges a body. WorkOS answers `{"success": true}` to what it took, and `{"message", "code", "errors"}` to what it
/// refused (OpenAPI description, `POST /audit_logs/events`).
pub(super) fn judge(status: u16, body: &[u8]) -> Said {
    let Ok(Value::Object(body)) = serde_json::from_slice(body) else { return Said::Nothing };
    let succeeded = (200..=299).contains(&status);
    match body.get("success") {
        Some(Value::Bool(true)) if succeeded => return Said::Success,
        Some(Value::Bool(false)) => {}
        _ if succeeded => return Said::Nothing,
        _ => {}
    }
    let mut reason = String::new();
    for name in ["message", "error_description", "error"] {
        if reason.is_empty() {
            reason = body.get(name).map(words).unwrap_or_default();
        }
    }
    if let Some(code) = body.get("code").and_then(Value::as_str).filter(|code| !reason.contains(code)) {
        let _ = write!(reason, " ({code})");
    }
    let errors = body.get("errors").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    for error in errors.iter().take(ERRORS) {
        let _ = write!(reason, "; {}", detail(error));
    }
    if errors.len() > ERRORS {
        let _ = write!(reason, "; and {} more", errors.len() - ERRORS);
    }
    if status == 404 && !is_about_the_event(&reason) {
        return Said::Nothing;
    }
    let reason = reason.trim_start_matches([';', ' ']);
    if reason.is_empty() && !succeeded {
        return Said::Nothing;
    }
    Said::Refusal(format!("{}{}", readable(reason), next_step(status)))
}

/// Whether the reason of a 404 is about what the event names. Any other server, and WorkOS itself at an address that it
/// does not have, also says 404, mostly `Not Found` or `Cannot POST /…`.
fn is_about_the_event(reason: &str) -> bool {
    reason.contains(NO_SUCH_ENTITY) || reason.to_ascii_lowercase().contains("organization")
}

/// One of `errors`: `{"field", "code"}`, or what the validator Ajv says of an instance, or plain text. The offending
/// value itself, which Ajv quotes, is somebody's data and is left out; it stands in the event.
fn detail(error: &Value) -> String {
    let text = |name| error.get(name).and_then(Value::as_str);
    let place = text("field").or(text("instancePath")).filter(|place| !place.is_empty());
    let what = text("message").or(text("code"));
    let mut detail = match (place, what) {
        (Some(place), Some(what)) => format!("{place}: {what}"),
        (Some(place), None) => format!("{place}: wrong"),
        (None, Some(what)) => what.to_owned(),
        (None, None) => words(error),
    };
    let expected = ["allowedValue", "allowedValues", "allowValues", "missingProperty", "limit", "pattern"];
    if let Some(expected) = expected.iter().find_map(|name| error.get("params")?.get(name)) {
        let _ = write!(detail, " {expected}");
    }
    detail
}

/// Text, or several pieces of it.
fn words(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", "),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => String::new(),
    }
}

/// At most so long, and without anything that moves a terminal's cursor.
fn readable(reason: &str) -> String {
    let mut readable: String =
        reason.chars().take(LONGEST).map(|c| if is_invisible(c) { '\u{fffd}' } else { c }).collect();
    if readable.len() < reason.len() && reason.chars().nth(LONGEST).is_some() {
        readable.push('…');
    }
    readable
}

/// Control characters, and those that turn the direction of text.
fn is_invisible(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn next_step(status: u16) -> &'static str {
    match status {
        404 => ": see that the organization exists in the WorkOS environment of this API key",
        400 | 422 => ": compare the event with the schema of its action and version in the WorkOS dashboard",
        413 => ": the event is too large for WorkOS; record less in it",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn reason(status: u16, body: &str) -> String {
        match judge(status, body.as_bytes()) {
            Said::Refusal(reason) => reason,
            said => panic!("{said:?}"),
        }
    }

    #[test]
    fn success_is_what_the_contract_says_and_nothing_else() {
        assert_eq!(judge(200, br#"{"success":true}"#), Said::Success);
        assert_eq!(judge(201, br#"{"success":true,"more":1}"#), Said::Success);
        for body in ["", "{}", "null", "OK", "<html>", "{\"success\":1}", "{\"success\":\"true\"}", "\u{0}", "[true]"] {
            assert_eq!(judge(200, body.as_bytes()), Said::Nothing, "{body}");
        }
        assert!(matches!(judge(200, br#"{"success":false}"#), Said::Refusal(_)));
        assert_ne!(judge(500, br#"{"success":true}"#), Said::Success);
    }

    #[test]
    fn both_forms_of_errors_become_readable() {
        let fields = r#"{"message":"Validation failed.","errors":[{"code":"required","field":"event.action"},
            {"code":"too_long","field":"event.metadata.note"}]}"#;
        assert_eq!(
            reason(422, fields),
            "Validation failed.; event.action: required; event.metadata.note: too_long: compare the event with the \
             schema of its action and version in the WorkOS dashboard"
        );
        let ajv = r##"{"code":"invalid_audit_log","message":"Invalid Audit Log event","errors":[{"instancePath":
            "/targets/0/type","schemaPath":"#/x","keyword":"const","params":{"allowValues":["team"]},
            "message":"must be equal to constant","schema":"team","data":"canary"}]}"##;
        let ajv = reason(400, ajv);
        assert!(
            ajv.starts_with(
                "Invalid Audit Log event (invalid_audit_log); /targets/0/type: must be equal to constant [\"team\"]"
            ),
            "{ajv}"
        );
        assert!(!ajv.contains("canary"), "the value itself is not quoted");
    }

    #[test]
    fn other_bodies_of_workos_are_understood() {
        let missing = r#"{"message":"Organization not found: 'org_1'."}"#;
        assert!(reason(404, missing).starts_with("Organization not found: 'org_1'.: see that the organization exists"));
        let nest = r#"{"message":["a must be x","b must be y"],"error":"Bad Request"}"#;
        assert!(reason(400, nest).starts_with("a must be x, b must be y"));
        let oauth = r#"{"error":"invalid","error_description":"Bad thing."}"#;
        assert_eq!(reason(418, oauth), "Bad thing.");
        assert!(reason(400, r#"{"errors":["plain"]}"#).starts_with("plain"));
        for body in ["", "<html>Bad Gateway</html>", "{}", "{\"message\":\"\"}", "{\"message\":7}"] {
            assert_eq!(judge(502, body.as_bytes()), Said::Nothing, "{body}");
        }
    }

    #[test]
    fn a_404_is_believed_only_about_the_event() {
        let entity = r#"{"message":"Could not find it.","code":"entity_not_found","entity_id":"org_1"}"#;
        assert!(reason(404, entity).starts_with("Could not find it. (entity_not_found)"));
        for body in [
            "",
            "<html>404</html>",
            "{}",
            r#"{"message":"Not Found"}"#,
            r#"{"statusCode":404,"message":"Cannot POST /v1/audit_logs/events","error":"Not Found"}"#,
            r#"{"message":"no Route matched with those values"}"#,
        ] {
            assert_eq!(judge(404, body.as_bytes()), Said::Nothing, "{body}");
        }
    }

    #[test]
    fn long_and_hostile_reasons_are_tamed() {
        let body = serde_json::json!({ "message": format!("\u{1b}[2J\r\n\u{202e}{}", "x".repeat(5000)) });
        let reason = reason(418, &body.to_string());
        assert_eq!(reason.chars().count(), LONGEST + 1);
        assert!(!reason.contains(['\u{1b}', '\n', '\r', '\u{202e}']));

        let errors = vec![serde_json::json!({ "field": "f", "code": "c" }); 100];
        let Said::Refusal(reason) = judge(418, serde_json::json!({ "errors": errors }).to_string().as_bytes()) else {
            panic!("no reason")
        };
        assert!(reason.ends_with("; and 92 more"), "{reason}");
    }

    proptest! {
        #[test]
        fn never_panics(status in 100..600_u16, body in proptest::collection::vec(any::<u8>(), 0..200)) {
            judge(status, &body);
        }

        #[test]
        fn never_panics_on_json(status in 100..600_u16, text in ".{0,40}", number in any::<f64>()) {
            let nested = serde_json::json!({ &text: [&text] });
            for value in [serde_json::json!(text), serde_json::json!(number), serde_json::json!([text]), nested] {
                for name in ["message", "errors", "code", "success", "error"] {
                    let body = serde_json::json!({ name: value });
                    judge(status, body.to_string().as_bytes());
                }
            }
        }
    }
}
