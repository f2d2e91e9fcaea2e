//! What is set for an organization: how long its events are kept.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::refusal::Refusal;

/// Until another is set. WorkOS' answer may be null; its configuration's may not.
const DEFAULT_DAYS: u32 = 30;

/// The retention of every organization for which one was set.
#[derive(Debug, Default)]
pub(crate) struct Retentions {
    days: HashMap<String, u32>,
}

impl Retentions {
    /// The days that events are kept.
    pub(crate) fn days(&self, organization: &str) -> u32 {
        self.days.get(organization).copied().unwrap_or(DEFAULT_DAYS)
    }

    /// Sets them.
    pub(crate) fn set(&mut self, organization: &str, days: u32) {
        self.days.insert(organization.to_owned(), days);
    }
}

/// Reads the body of set retention: the older days, or the newer periods.
pub(crate) fn parse_retention(body: &Value) -> Result<u32, Refusal> {
    if let Some(period) = body.get("retention_period") {
        return period
            .as_str()
            .and_then(period_days)
            .ok_or_else(|| wrong("retention_period", "1_MONTH to 11_MONTHS or 1_YEAR to 10_YEARS"));
    }
    match body.get("retention_period_in_days") {
        Some(days) if days.as_f64() == Some(30.0) => Ok(30),
        Some(days) if days.as_f64() == Some(365.0) => Ok(365),
        _ => Err(wrong("retention_period_in_days", "30 or 365")),
    }
}

fn wrong(field: &str, expected: &str) -> Refusal {
    let message = format!("Validation failed: {field} must be {expected}.");
    Refusal {
        body: json!({ "message": message, "errors": [{ "code": "invalid", "field": field }] }),
        ..Refusal::message(422, message)
    }
}

/// `1_MONTH` to `11_MONTHS` and `1_YEAR` to `10_YEARS`, as newer SDKs send them.
fn period_days(period: &str) -> Option<u32> {
    let (number, unit) = period.split_once('_')?;
    let number: u32 = number.parse().ok()?;
    match (number, unit) {
        (1, "MONTH") | (2..=11, "MONTHS") => Some(number * 30),
        (1, "YEAR") | (2..=10, "YEARS") => Some(number * 365),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_periods() {
        for (body, days) in [
            (json!({"retention_period_in_days": 30}), Some(30)),
            (json!({"retention_period_in_days": 365}), Some(365)),
            (json!({"retention_period_in_days": 31}), None),
            (json!({"retention_period_in_days": "30"}), None),
            (json!({}), None),
            (json!(null), None),
            (json!({"retention_period": "1_MONTH"}), Some(30)),
            (json!({"retention_period": "11_MONTHS"}), Some(330)),
            (json!({"retention_period": "1_YEAR"}), Some(365)),
            (json!({"retention_period": "10_YEARS"}), Some(3650)),
            (json!({"retention_period": "12_MONTHS"}), None),
            (json!({"retention_period": "1_YEARS"}), None),
            (json!({"retention_period": 1}), None),
        ] {
            assert_eq!(parse_retention(&body).ok(), days, "{body}");
        }
    }
}
