//! Which events an export takes.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::refusal::Refusal;

/// Every list that is not empty must have the event's value; lists are joined by "and".
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Filter {
    pub(crate) organization: Option<String>,
    pub(crate) start: Option<Timestamp>,
    pub(crate) end: Option<Timestamp>,
    pub(crate) actions: Vec<String>,
    pub(crate) actor_names: Vec<String>,
    pub(crate) actor_ids: Vec<String>,
    /// Target types.
    pub(crate) targets: Vec<String>,
    /// Events received at this time or later; older ones are past their retention.
    pub(crate) received_from_ms: Option<i64>,
    /// Events received at this time or earlier.
    pub(crate) received_to_ms: Option<i64>,
}

impl Filter {
    /// Reads the body of create export.
    pub(crate) fn parse(body: &Value) -> Result<Self, Refusal> {
        let mut problems = Vec::new();
        let mut filter = Self::default();
        if !body.is_object() {
            return Err(bad_request(&["the body must be an object".into()]));
        }
        match &body["organization_id"] {
            Value::String(id) => filter.organization = Some(id.clone()),
            _ => problems.push("organization_id must be a string".to_owned()),
        }
        for (name, time) in [("range_start", &mut filter.start), ("range_end", &mut filter.end)] {
            *time = date_time(&body[name]);
            if time.is_none() {
                problems.push(format!("{name} must be a valid ISO 8601 date string"));
            }
        }
        // The deprecated name of `actor_names`.
        let mut actors = Vec::new();
        for (name, list) in [
            ("actions", &mut filter.actions),
            ("actors", &mut actors),
            ("actor_names", &mut filter.actor_names),
            ("actor_ids", &mut filter.actor_ids),
            ("targets", &mut filter.targets),
        ] {
            match strings(body.get(name)) {
                Some(strings) => list.extend(strings),
                None => problems.push(format!("each value in {name} must be a string")),
            }
        }
        filter.actor_names.append(&mut actors);
        if !problems.is_empty() {
            return Err(bad_request(&problems));
        }
        if filter.start >= filter.end {
            return Err(Refusal {
                body: json!({ "message": "Invalid date range",
                    "code": "invalid_audit_log_export_range_date" }),
                ..Refusal::message(400, "Invalid date range")
            }
            .because("`range_start` is not before `range_end`", "Send a range that is not empty."));
        }
        Ok(filter)
    }

    /// Whether the request that stored an event is taken.
    pub(crate) fn takes(&self, received_ms: i64, request: &Value) -> bool {
        let event = &request["event"];
        let occurred = event["occurred_at"].as_str().and_then(|t| t.parse::<Timestamp>().ok());
        let wanted = |list: &[String], value: &Value| {
            list.is_empty() || value.as_str().is_some_and(|v| list.iter().any(|w| w == v))
        };
        let targets = event["targets"].as_array().map(Vec::as_slice).unwrap_or_default();
        self.organization.as_deref().is_none_or(|id| request["organization_id"] == id)
            && self.received_from_ms.is_none_or(|from| received_ms >= from)
            && self.received_to_ms.is_none_or(|to| received_ms <= to)
            && self.start.is_none_or(|start| occurred.is_some_and(|at| at >= start))
            && self.end.is_none_or(|end| occurred.is_some_and(|at| at <= end))
            && wanted(&self.actions, &event["action"])
            && wanted(&self.actor_names, &event["actor"]["name"])
            && wanted(&self.actor_ids, &event["actor"]["id"])
            && (self.targets.is_empty() || targets.iter().any(|target| wanted(&self.targets, &target["type"])))
    }
}

fn bad_request(problems: &[String]) -> Refusal {
    Refusal {
        body: json!({ "message": problems, "error": "Bad Request" }),
        ..Refusal::message(400, problems.join("; "))
    }
}

/// A time with an offset; a date alone is none.
fn date_time(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}

/// The strings of a list; none of an absent one; nothing if it is not a list of strings.
fn strings(value: Option<&Value>) -> Option<Vec<String>> {
    let list = match value {
        None => return Some(Vec::new()),
        Some(value) => value.as_array()?,
    };
    list.iter().map(|item| item.as_str().map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> Value {
        json!({"organization_id": "org_1", "event": {"action": "a.b",
            "occurred_at": "2026-01-02T00:00:00Z",
            "actor": {"id": "u1", "type": "user", "name": "Jon"},
            "targets": [{"type": "team", "id": "t"}, {"type": "user", "id": "u"}]}})
    }

    fn body(extra: &Value) -> Value {
        let mut body = json!({"organization_id": "org_1", "range_start": "2026-01-01T00:00:00Z",
            "range_end": "2026-01-03T00:00:00Z"});
        for (name, value) in extra.as_object().unwrap() {
            body[name] = value.clone();
        }
        body
    }

    #[test]
    fn each_filter_takes_and_leaves() {
        for (extra, takes) in [
            (json!({}), true),
            (json!({"organization_id": "org_2"}), false),
            (json!({"range_start": "2026-01-02T00:00:00.001Z"}), false),
            (json!({"range_end": "2026-01-02T00:00:00Z"}), true),
            (json!({"range_end": "2026-01-01T23:59:59Z"}), false),
            (json!({"actions": ["x", "a.b"]}), true),
            (json!({"actions": ["x"]}), false),
            (json!({"actors": ["Jon"]}), true),
            (json!({"actor_names": ["Ann"]}), false),
            (json!({"actor_ids": ["u1"]}), true),
            (json!({"actor_ids": ["u2"]}), false),
            (json!({"targets": ["user"]}), true),
            (json!({"targets": ["invoice"]}), false),
            (json!({"actions": ["a.b"], "targets": ["invoice"]}), false),
        ] {
            let filter = Filter::parse(&body(&extra)).unwrap();
            assert_eq!(filter.takes(0, &request()), takes, "{extra}");
        }
    }

    #[test]
    fn what_is_wrong_is_400_with_all_problems() {
        let refusal = Filter::parse(&json!({"actions": "a"})).unwrap_err();
        assert_eq!(refusal.status, 400);
        assert_eq!(refusal.body["error"], "Bad Request");
        assert_eq!(refusal.body["message"].as_array().unwrap().len(), 4);
        let same = body(&json!({"range_start": "2026-01-03T00:00:00Z"}));
        assert_eq!(
            Filter::parse(&same).unwrap_err().body,
            json!({"message": "Invalid date range", "code": "invalid_audit_log_export_range_date"})
        );
    }
}
