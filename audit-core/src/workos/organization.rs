//! Whether an event says whose it is.

use serde_json::Value;

/// Why WorkOS will not take `payload`, if it is an event without an organization: there is a log for each of them, and
/// no other. It would answer 422, so no request is made.
pub(super) fn missing(payload: &[u8]) -> Option<String> {
    if ends_with_organization(payload) {
        return None;
    }
    let sent: Value = serde_json::from_slice(payload).ok()?;
    let event = sent.get("event")?.as_object()?;
    if !matches!(sent.get("organization_id"), None | Some(Value::Null)) && sent["organization_id"] != "" {
        return None;
    }
    let action = event.get("action").and_then(Value::as_str).unwrap_or_default();
    Some(format!(
        "`{action}` has no organization, and WorkOS keeps a log for each and no other, so it was not sent: name it in the \
         attribute (`organization = …`), on the actor (`#[audit(organization)]`), in the context \
         (`Context::organization`), or for the whole program (`AuditLogBuilder::organization`, AUDITED_ORGANIZATION); a \
         warning in the program's log names the function"
    ))
}

/// Whether the last member is an organization, as in the events that this crate writes: told without reading the rest.
/// A quote within a string is escaped, so what looks like the key is one.
fn ends_with_organization(payload: &[u8]) -> bool {
    const KEY: &[u8] = b",\"organization_id\":\"";
    let Some(id) = payload.strip_suffix(b"\"}") else { return false };
    let Some(start) = id.iter().rposition(|&byte| byte == b'"') else { return false };
    start + 1 < id.len() && id[..=start].ends_with(KEY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_without_an_organization_is_told_with_its_action_and_what_to_do() {
        for payload in [
            r#"{"event":{"action":"invoice.paid"}}"#,
            r#"{"event":{"action":"invoice.paid","targets":[]},"organization_id":""}"#,
            r#"{"organization_id":null,"event":{"action":"invoice\u002epaid"}}"#,
        ] {
            let reason = missing(payload.as_bytes()).unwrap();
            assert!(reason.starts_with("`invoice.paid` has no organization"), "{reason}");
            assert!(reason.contains("organization = …") && reason.contains("AUDITED_ORGANIZATION"), "{reason}");
        }
    }

    #[test]
    fn everything_else_is_for_workos_to_judge() {
        for payload in [
            r#"{"event":{"action":"invoice.paid"},"organization_id":"org_1"}"#,
            r#"{"event":{"action":"invoice.paid"},"organization_id":7}"#,
            r#"{"event":7}"#,
            "{}",
            "",
            "\u{0}",
        ] {
            assert_eq!(missing(payload.as_bytes()), None, "{payload}");
        }
    }
}
