//! Every parser of bytes that come from somewhere else, as a function of bytes that panics when a promise is broken.
//! `fuzz/` runs each under libFuzzer; a test here gives each its seeds and what is made of them, so that none of them rots.

#![allow(clippy::expect_used, missing_docs, reason = "nobody's process but a fuzzer's")]

use crate::context::Context;
use crate::event::limits;

#[cfg(feature = "request")]
pub use crate::context::request::fuzz::client_address;
#[cfg(unix)]
pub use crate::outbox::embedded::fuzz::journal;
pub use crate::workos::fuzz::{endpoint, minimal, reply, retry_after};

/// A parser, by its name and with what it finds right.
pub type Target = (&'static str, fn(&[u8]), &'static [&'static [u8]]);

pub const TARGETS: &[Target] = &[
    #[cfg(unix)]
    ("journal", journal, &[&[7; 600], b"\x00\x02 a table and a segment of no sense"]),
    ("retry_after", retry_after, &[b"120", b"0.5", b"Fri, 27 Nov 2026 12:00:00 GMT", b"1e30", b"inf"]),
    (
        "reply",
        reply,
        &[
            b"\x01\xa6{\"message\":\"Validation failed\",\"errors\":[{\"field\":\"event.action\",\"code\":\"required\"}]}",
            b"\x00\xc8{\"success\":true}",
            b"\x01\x94{\"message\":\"Organization not found: 'org_1'.\",\"code\":\"entity_not_found\"}",
        ],
    ),
    ("endpoint", endpoint, &[b"https://api.workos.com", b"http://127.0.0.1:8080/base/", b"http://[::1]:1?q#f"]),
    (
        "minimal",
        minimal,
        &[br#"{"organization_id":"org_1","event":{"action":"a.b","occurred_at":"2026-01-15T12:00:00.000Z","actor":{"id":"1","type":"user","metadata":{"a":1}},"targets":[{"id":"2","type":"t","name":"n"}],"context":{"location":"1.1.1.1"},"metadata":{"k":"v"}}}"#],
    ),
    (
        "context_message",
        context_message,
        &[br#"{"context":{"location":"1.1.1.1","user_agent":"x"},"actor":{"type":"user","id":"1","name":"n","metadata":{"a b":[1,{"c":null}]}},"organization":"org_1","metadata":{"k":"v","deep":{"x":[true,2.5,"y"]}}}"#],
    ),
    #[cfg(feature = "request")]
    (
        "client_address",
        client_address,
        &[b"203.0.113.7, 10.0.0.2", b"for=\"[2001:db8::7]:80\";proto=https, for=10.0.0.2", b"for=_hidden\n10.0.0.1"],
    ),
];

/// What a queue's message says is within the limits of an event, and says the same when it is written and read again.
pub fn context_message(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(context) = Context::from_json(text) else { return };
    let json = context.to_json();
    let value: serde_json::Value = serde_json::from_str(&json).expect("JSON is written");
    let metadata = value["metadata"].as_object().expect("an object");
    assert!(metadata.len() <= limits::METADATA_KEYS, "{} keys", metadata.len());
    for (key, value) in metadata {
        let known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        assert!(!key.is_empty() && key.len() <= limits::METADATA_KEY_CHARS && key.bytes().all(known), "{key:?}");
        assert!(value.as_str().is_none_or(|text| text.chars().count() <= limits::METADATA_VALUE_CHARS), "{key}");
        assert!(!value.is_object() && !value.is_array(), "{key} is flat");
    }
    let again = Context::from_json(&json).expect("it is a message").to_json();
    assert_eq!(serde_json::from_str::<serde_json::Value>(&again).expect("JSON"), value, "written, read and written");
}

#[cfg(test)]
mod tests {
    use super::TARGETS;

    /// Numbers that are the same at each run.
    struct Random(u64);

    impl Random {
        fn below(&mut self, limit: usize) -> usize {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            usize::try_from(self.0 >> 16).unwrap() % limit.max(1)
        }
    }

    #[test]
    fn what_is_made_of_the_seeds_breaks_no_promise() {
        let mut random = Random(4711);
        for (name, run, seeds) in TARGETS {
            for seed in *seeds {
                run(seed);
                for _ in 0..500 {
                    let mut bytes = seed.to_vec();
                    for _ in 0..=random.below(4) {
                        let at = random.below(bytes.len());
                        match random.below(4) {
                            0 => bytes.truncate(at),
                            1 => bytes.insert(at.min(bytes.len()), u8::try_from(random.below(256)).unwrap()),
                            2 => bytes.extend_from_within(at.min(bytes.len())..),
                            _ => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << random.below(8)),
                        }
                    }
                    run(&bytes);
                }
            }
            assert!(!seeds.is_empty(), "{name} has no seed");
        }
    }
}
