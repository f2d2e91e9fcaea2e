//! Metadata that is encoded once and given to many events.

use std::borrow::Cow;

use super::limits::USER_METADATA_KEYS;
use super::members::{Key, Members, OnDuplicate};
use super::mended::Mended;
use super::out::Out;
use super::redaction::Redaction;
use super::value::{AuditValue, ValueWriter};

/// How many bytes one value with parts may have.
const VALUE_BYTES: usize = 16 * 1024;

/// JSON values, each under its key, in one buffer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fragments {
    json: Vec<u8>,
    /// The keys, and where the value of each ends; it begins where the one before ends.
    parts: Vec<(Cow<'static, str>, usize)>,
}

impl Fragments {
    /// Sets the value under `key` to what `write` appends, unless that is nothing.
    pub(crate) fn set(&mut self, key: impl Into<Cow<'static, str>>, write: impl FnOnce(&mut Vec<u8>)) {
        let key = key.into();
        self.remove(&key);
        let before = self.json.len();
        write(&mut self.json);
        if self.json.len() > before {
            self.parts.push((key, self.json.len()));
        }
    }

    /// Sets what `value` serializes to: one value under `key`, or its parts under keys that begin with it.
    pub(crate) fn set_value(&mut self, key: &str, value: &dyn AuditValue) {
        let (mut buf, mut mended) = (Vec::new(), Mended::default());
        let mut members = Members::new(USER_METADATA_KEYS, VALUE_BYTES);
        let out = Out { buf: &mut buf, mended: &mut mended, key: None };
        value.write(ValueWriter::member(out, &mut members, 0, Key::new(key), Redaction::None, OnDuplicate::Replace));
        members.each(&buf, |key, json| self.set(key.to_owned(), |buf| buf.extend_from_slice(json)));
    }

    /// Takes all of it out, and keeps the room.
    pub(crate) fn clear(&mut self) {
        self.json.clear();
        self.parts.clear();
    }

    /// How much room there is, in bytes.
    pub(crate) fn capacity(&self) -> usize {
        self.json.capacity() + self.parts.capacity() * size_of::<(Cow<'static, str>, usize)>()
    }

    /// Whether `key` has a value.
    #[cfg(any(test, feature = "request"))]
    pub(crate) fn has(&self, key: &str) -> bool {
        self.parts.iter().any(|(known, _)| known == key)
    }

    /// The keys and their values, in the order in which they were set.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let mut start = 0;
        self.parts.iter().map(move |(key, end)| {
            let value = &self.json[start..*end];
            start = *end;
            (&**key, value)
        })
    }

    fn remove(&mut self, key: &str) {
        let Some(index) = self.parts.iter().position(|(known, _)| known == key) else { return };
        let start = index.checked_sub(1).map_or(0, |before| self.parts[before].1);
        let (_, end) = self.parts.remove(index);
        self.json.drain(start..end);
        for (_, later) in &mut self.parts[index..] {
            *later -= end - start;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_the_value_it_was_given_last_and_nothing_is_left_of_the_others() {
        let mut fragments = Fragments::default();
        for (key, value) in [("a", "1"), ("b", "\"two\""), ("c", "3"), ("b", "4"), ("a", "\"five\""), ("d", "")] {
            fragments.set(key, |json| json.extend_from_slice(value.as_bytes()));
        }
        let told: Vec<_> = fragments.iter().map(|(key, json)| (key, str::from_utf8(json).unwrap())).collect();
        assert_eq!(told, [("c", "3"), ("b", "4"), ("a", "\"five\"")]);
        assert_eq!(fragments.json.len(), "34\"five\"".len());
        assert!(fragments.has("a") && !fragments.has("d"));
    }

    #[test]
    fn a_value_keeps_its_type_and_one_with_parts_has_a_key_for_each() {
        #[derive(serde::Serialize)]
        struct Plan {
            name: &'static str,
            seats: u32,
            password: &'static str,
        }
        let mut fragments = Fragments::default();
        fragments.set_value("attempt", &3);
        fragments.set_value("plan", &Plan { name: "a \"b\"", seats: 2, password: "hunter2" });
        fragments.set_value("nothing", &None::<u8>);
        let told: Vec<_> = fragments.iter().map(|(key, json)| (key, str::from_utf8(json).unwrap())).collect();
        let parts = [("plan_name", r#""a \"b\"""#), ("plan_seats", "2"), ("plan_password", "\"[redacted]\"")];
        assert_eq!(told[0], ("attempt", "3"));
        assert_eq!(told[1..], parts);
    }
}
