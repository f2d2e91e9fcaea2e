//! The parsers of this room, for `crate::fuzz`.
#![allow(clippy::expect_used, reason = "nobody's process but a fuzzer's")]

use std::time::{Duration, UNIX_EPOCH};

use http::header::{HeaderMap, HeaderValue, RETRY_AFTER};

use super::endpoint::Endpoint;
use crate::delivery::Said;

/// A wait is of a year at most.
pub fn retry_after(data: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(data) else { return };
    let now = UNIX_EPOCH + Duration::from_secs(1_790_000_000);
    let wait = super::retry_after::retry_after(&HeaderMap::from_iter([(RETRY_AFTER, value)]), now);
    assert!(wait.is_none_or(|wait| wait <= Duration::from_secs(366 * 86_400)), "{wait:?}");
}

/// A reason is short and cannot command a terminal. The first two bytes are the status.
pub fn reply(data: &[u8]) {
    let Some((status, body)) = data.split_first_chunk() else { return };
    if let Said::Refusal(reason) = super::reply::judge(u16::from_be_bytes(*status), body) {
        assert!(reason.chars().count() <= 2_000, "{} characters", reason.chars().count());
        assert!(!reason.chars().any(char::is_control), "{reason:?}");
    }
}

/// A key goes nowhere but to https or this machine.
pub fn endpoint(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(endpoint) = Endpoint::parse(text) {
        assert!(endpoint.events.scheme_str() == Some("https") || endpoint.is_loopback, "{}", endpoint.events);
        assert!(endpoint.events.path().ends_with("/audit_logs/events"), "{}", endpoint.events);
        let authority = endpoint.events.authority().map_or("", |authority| authority.as_str());
        assert!(!authority.contains('@') && endpoint.events.query().is_none(), "{}", endpoint.events);
    }
}

/// The smallest form is JSON, is no larger, and has no smaller one.
pub fn minimal(data: &[u8]) {
    let _ = super::organization::missing(data);
    if let Some(smaller) = super::minimal::minimal(data) {
        assert!(serde_json::from_slice::<serde_json::Value>(&smaller).is_ok());
        assert_eq!(super::minimal::minimal(&smaller).filter(|smallest| *smallest != smaller), None);
    }
}
