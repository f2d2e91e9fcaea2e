//! The smallest form of an event that WorkOS takes.

use bytes::Bytes;
use serde_json::{Map, Value, json};

/// WorkOS refuses an event with more targets than this.
const TARGETS: usize = 20;

/// WorkOS publishes no limit for ids and types; a metadata value may have 500 characters (OpenAPI description).
const ID: usize = 500;

/// WorkOS publishes no limit for a location either: room for an address or a place.
const LOCATION: usize = 100;

/// What an event has to have, and nothing else: who did what to what, when and from where. `None` if `payload` is that
/// already, or is not an event.
///
/// What a user controls is not in it, or is capped: text that makes WorkOS refuse an event must not keep the deed out
/// of the log.
pub(super) fn minimal(payload: &[u8]) -> Option<Bytes> {
    let full: Value = serde_json::from_slice(payload).ok()?;
    let event = full.get("event")?;
    let mut least = Map::new();
    for name in ["action", "occurred_at", "version"] {
        if let Some(value) = event.get(name) {
            least.insert(name.to_owned(), value.clone());
        }
    }
    let targets = event.get("targets")?.as_array()?.iter().take(TARGETS).map(who_or_what);
    least.insert("actor".to_owned(), who_or_what(event.get("actor")?)?);
    least.insert("targets".to_owned(), targets.collect::<Option<_>>()?);
    let location = event.pointer("/context/location")?.as_str()?;
    least.insert("context".to_owned(), json!({ "location": capped(location, LOCATION) }));

    let least = json!({ "organization_id": full.get("organization_id")?, "event": least });
    if least == full {
        return None;
    }
    Some(least.to_string().into())
}

fn who_or_what(full: &Value) -> Option<Value> {
    let text = |name| Some(capped(full.get(name)?.as_str()?, ID));
    Some(json!({ "id": text("id")?, "type": text("type")? }))
}

/// The first `most` characters. JSON escapes the control characters among them.
fn capped(text: &str, most: usize) -> &str {
    text.char_indices().nth(most).map_or(text, |(end, _)| &text[..end])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn full() -> Value {
        json!({
            "organization_id": "org_1",
            "event": {
                "action": "user.signed_in", "version": 2, "occurred_at": "2022-09-02T16:35:39.317Z",
                "actor": { "type": "user", "id": "u", "name": "Jon", "metadata": { "role": "admin" } },
                "targets": [{ "type": "team", "id": "t", "name": "x", "metadata": {} }],
                "context": { "location": "1.1.1.1", "user_agent": "evil" },
                "metadata": { "extra": "data" },
            },
        })
    }

    fn minimal_of(full: &Value) -> Option<Value> {
        minimal(full.to_string().as_bytes()).map(|bytes| serde_json::from_slice(&bytes).unwrap())
    }

    #[test]
    fn keeps_who_did_what_to_what_when_and_from_where() {
        let expected = json!({
            "organization_id": "org_1",
            "event": {
                "action": "user.signed_in", "version": 2, "occurred_at": "2022-09-02T16:35:39.317Z",
                "actor": { "type": "user", "id": "u" },
                "targets": [{ "type": "team", "id": "t" }],
                "context": { "location": "1.1.1.1" },
            },
        });
        assert_eq!(minimal_of(&full()), Some(expected.clone()));
        assert_eq!(minimal_of(&expected), None, "it is minimal already");
    }

    #[test]
    fn caps_what_a_user_controls() {
        let mut event = full();
        event["event"]["actor"]["id"] = "ä\n".repeat(1000).into();
        event["event"]["context"]["location"] = "l".repeat(10_000).into();
        event["event"]["targets"] = vec![json!({ "type": "team", "id": "t" }); 50].into();
        let least = minimal_of(&event).unwrap();
        assert_eq!(least["event"]["actor"]["id"], "ä\n".repeat(250));
        assert_eq!(least["event"]["context"]["location"], "l".repeat(100));
        assert_eq!(least["event"]["targets"].as_array().unwrap().len(), 20);
    }

    #[test]
    fn is_nothing_for_what_is_no_event() {
        for payload in ["", "{}", "[]", "null", "\u{0}", r#"{"event":{}}"#, r#"{"organization_id":"o","event":7}"#] {
            assert_eq!(minimal(payload.as_bytes()), None, "{payload}");
        }
        let deep = "[".repeat(100_000);
        assert_eq!(minimal(deep.as_bytes()), None, "nor a stack overflow");
    }

    proptest! {
        /// Otherwise a refused event would be replaced again and again.
        #[test]
        fn has_no_smaller_form(id in ".{0,600}", location in ".{0,200}", targets in 0..30_usize) {
            let mut event = full();
            event["event"]["actor"]["id"] = id.into();
            event["event"]["context"]["location"] = location.into();
            event["event"]["targets"] = vec![json!({ "type": "team", "id": "t", "name": "n" }); targets].into();
            let least = minimal(event.to_string().as_bytes()).unwrap();
            prop_assert_eq!(minimal(&least), None);
        }
    }
}
