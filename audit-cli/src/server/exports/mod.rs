//! Exports: pending, ready, expired, each with a URL that lasts ten minutes.

mod filter;
mod table;

pub(crate) use filter::Filter;
pub(crate) use table::Table;

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::clock::iso;
use super::ids;

/// How long a URL lasts (WorkOS API description, get export).
const URL_LIFETIME: Duration = Duration::from_secs(10 * 60);
/// How long an export can be fetched. WorkOS does not publish it; this is this server's own.
const LIFETIME: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// So many exports are remembered.
const MAX_EXPORTS: usize = 1000;

/// One export.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Export {
    pub(crate) id: String,
    pub(crate) filter: Filter,
    created_ms: i64,
    ready_ms: i64,
}

/// All exports and the URLs given out.
#[derive(Debug, Default)]
pub(crate) struct Exports {
    exports: HashMap<String, Export>,
    urls: HashMap<String, (String, Timestamp)>,
}

impl Export {
    /// A new export, ready after the delay.
    pub(crate) fn new(filter: Filter, at: Timestamp, delay: Duration) -> Self {
        let ready = at.checked_add(delay).unwrap_or(Timestamp::MAX);
        Self {
            id: ids::new("audit_log_export_", at),
            filter,
            created_ms: at.as_millisecond(),
            ready_ms: ready.as_millisecond(),
        }
    }

    /// As it is answered when it is created.
    pub(crate) fn created(&self) -> Value {
        self.json("pending", self.created_ms, None)
    }

    fn json(&self, state: &str, updated_ms: i64, url: Option<String>) -> Value {
        let time = |ms| iso(Timestamp::from_millisecond(ms).unwrap_or_default());
        let mut json = json!({
            "object": "audit_log_export",
            "id": self.id,
            "state": state,
            "created_at": time(self.created_ms),
            "updated_at": time(updated_ms),
        });
        if let Some(url) = url {
            json["url"] = json!(url);
        }
        json
    }

    fn expires_ms(&self) -> i64 {
        self.created_ms + LIFETIME.as_millis() as i64
    }
}

impl Exports {
    /// Remembers an export; the oldest is forgotten when there are too many.
    pub(crate) fn add(&mut self, export: Export) {
        if self.exports.len() >= MAX_EXPORTS {
            let oldest = self.exports.values().min_by_key(|export| export.created_ms);
            if let Some(id) = oldest.map(|export| export.id.clone()) {
                self.exports.remove(&id);
            }
        }
        self.exports.insert(export.id.clone(), export);
    }

    /// The export as it is now, with a new URL if it is ready.
    pub(crate) fn show(&mut self, id: &str, now: Timestamp, base: &str) -> Option<Value> {
        let export = self.exports.get(id)?;
        let ms = now.as_millisecond();
        if ms < export.ready_ms {
            return Some(export.json("pending", export.created_ms, None));
        }
        if ms >= export.expires_ms() {
            return Some(export.json("expired", export.expires_ms(), None));
        }
        self.urls.retain(|_, (_, until)| *until > now);
        let token = format!("{:032x}", fastrand::u128(..));
        let url = format!("{base}/_audited/exports/{token}/audit-logs.csv");
        let until = now.checked_add(URL_LIFETIME).unwrap_or(Timestamp::MAX);
        let json = export.json("ready", export.ready_ms, Some(url));
        self.urls.insert(token, (id.to_owned(), until));
        Some(json)
    }

    /// The export behind a URL that has not expired.
    pub(crate) fn by_token(&self, token: &str, now: Timestamp) -> Option<&Export> {
        let (id, until) = self.urls.get(token)?;
        self.exports.get(id).filter(|_| *until > now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(ms).unwrap()
    }

    #[test]
    fn pending_then_ready_then_expired_and_a_url_lasts_ten_minutes() {
        let mut exports = Exports::default();
        let export = Export::new(Filter::default(), at(0), Duration::from_secs(2));
        let id = export.id.clone();
        assert_eq!(export.created()["state"], "pending");
        exports.add(export);
        let mut show = |ms| exports.show(&id, at(ms), "http://h").unwrap();
        assert_eq!(show(1_999)["state"], "pending");
        assert_eq!(show(1_999)["url"], Value::Null);
        let ready = show(2_000);
        assert_eq!(ready["state"], "ready");
        assert_eq!(show(7 * 24 * 3_600_000)["state"], "expired");
        let url = ready["url"].as_str().unwrap();
        let token = url.split('/').nth(5).unwrap();
        assert!(exports.by_token(token, at(601_999)).is_some());
        assert!(exports.by_token(token, at(602_000)).is_none());
        assert!(exports.by_token("0", at(2_000)).is_none());
        assert_eq!(exports.show("audit_log_export_0", at(0), ""), None);
    }
}
