//! A record's parts, for a person and as JSON.

use audit_core::outbox::{DeadLetter, IdempotencyKey, PendingRecord, RecordId, Timestamp};
use serde_json::{Value, json};

/// What pending records and dead letters have in common.
pub(super) struct Record {
    pub(super) id: RecordId,
    pub(super) key: IdempotencyKey,
    pub(super) accepted_at: Timestamp,
    /// What is sent, or its text if it is no JSON.
    pub(super) payload: Value,
}

impl Record {
    pub(super) fn pending(record: PendingRecord) -> Self {
        let PendingRecord { record: id, key, payload, accepted_at, .. } = record;
        Self { id, key, accepted_at, payload: parse(&payload) }
    }

    pub(super) fn dead(letter: &DeadLetter) -> Self {
        let DeadLetter { record: id, key, payload, accepted_at, .. } = letter;
        Self { id: *id, key: *key, accepted_at: *accepted_at, payload: parse(payload) }
    }

    pub(super) fn action(&self) -> &str {
        self.text("/event/action")
    }

    pub(super) fn organization(&self) -> &str {
        self.text("/organization_id")
    }

    fn text(&self, pointer: &str) -> &str {
        self.payload.pointer(pointer).and_then(Value::as_str).unwrap_or("-")
    }

    pub(super) fn to_json(&self) -> Value {
        json!({
            "record": self.id.0,
            "accepted_at": time(self.accepted_at),
            "idempotency_key": self.key.to_string(),
            "payload": self.payload,
        })
    }
}

fn parse(payload: &[u8]) -> Value {
    serde_json::from_slice(payload).unwrap_or_else(|_| String::from_utf8_lossy(payload).into())
}

/// UTC, to the millisecond.
pub(super) fn time(at: Timestamp) -> String {
    let at = i64::try_from(at.0).ok().and_then(|at| jiff::Timestamp::from_millisecond(at).ok());
    at.map_or_else(|| "-".to_owned(), |at| format!("{at:.3}"))
}

/// "1 record", "2 records".
pub(super) fn count(number: u64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
