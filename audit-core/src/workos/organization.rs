//! Whether an event says whose it is.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;

/// As much of an event as it takes to tell.
#[derive(Deserialize)]
struct Addressed<'a> {
    #[serde(borrow)]
    event: Event<'a>,
    #[serde(default)]
    organization_id: Option<Value>,
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(default, borrow)]
    action: Cow<'a, str>,
}

/// Why WorkOS will not take `payload`, if it is an event without an organization: there is a log for each of them, and
/// no other. It would answer 422, so no request is made.
pub(super) fn missing(payload: &[u8]) -> Option<String> {
    let addressed: Addressed<'_> = serde_json::from_slice(payload).ok()?;
    if addressed.organization_id.is_some_and(|organization| organization != "") {
        return None;
    }
    Some(format!(
        "`{}` has no organization, and WorkOS keeps a log for each and no other, so it was not sent: name it in the \
         attribute (`organization = …`), on the actor (`#[audit(organization)]`), in the context \
         (`Context::organization`), or for the whole program (`AuditLogBuilder::organization`, AUDITED_ORGANIZATION)",
        addressed.event.action
    ))
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
