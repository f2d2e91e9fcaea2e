//! A request in short and in full, for the page and for `audited tail`.

use serde_json::{Value, json};

use super::clock::iso;
use super::ledger::Entry;

/// Longer texts are cut for the short form, so that one row stays a row.
const SHORT: usize = 120;

/// One row.
pub(crate) fn short(entry: &Entry) -> Value {
    let request: Value = serde_json::from_slice(&entry.body).unwrap_or_default();
    let event = &request["event"];
    let targets = event["targets"].as_array().map(Vec::as_slice);
    let targets: Vec<Value> = targets.unwrap_or_default().iter().take(20).map(party).collect();
    json!({
        "number": entry.number,
        "received_at": iso(entry.at),
        "verdict": entry.verdict,
        "status": entry.status,
        "fault": entry.fault,
        "method": entry.method,
        "path": cut(&entry.path),
        "key": entry.key.as_deref().map(cut),
        "organization": text(&request["organization_id"]),
        "occurred_at": text(&event["occurred_at"]),
        "action": text(&event["action"]),
        "version": event["version"].as_u64(),
        "actor": party(&event["actor"]),
        "targets": targets,
        "location": text(&event["context"]["location"]),
        "outcome": text(&event["metadata"]["outcome"]),
        "reason": entry.refusal.as_ref().map(|refusal| &refusal.reason),
    })
}

/// Everything about a request, with the attempts that carried the same key and bytes.
pub(crate) fn full(entry: &Entry, all: &[std::sync::Arc<Entry>]) -> Value {
    let attempts: Vec<Value> = all
        .iter()
        .filter(|other| match entry.identity {
            Some(identity) => other.identity == Some(identity),
            None => other.number == entry.number,
        })
        .map(|attempt| {
            json!({
                "number": attempt.number,
                "received_at": iso(attempt.at),
                "verdict": attempt.verdict,
                "status": attempt.status,
                "fault": attempt.fault,
            })
        })
        .collect();
    let mut full = short(entry);
    full["key"] = json!(entry.key);
    full["path"] = json!(entry.path);
    full["attempts"] = Value::Array(attempts);
    full["body"] = json!(String::from_utf8_lossy(&entry.body));
    if let Some(refusal) = &entry.refusal {
        full["advice"] = json!(refusal.advice);
        full["answer"] = refusal.body.clone();
    }
    full
}

fn party(value: &Value) -> Value {
    json!({ "type": text(&value["type"]), "id": text(&value["id"]), "name": text(&value["name"]) })
}

fn text(value: &Value) -> Value {
    value.as_str().map_or(Value::Null, |text| json!(cut(text)))
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(SHORT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
