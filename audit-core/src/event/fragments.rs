//! Metadata that is encoded once and given to many events.

use std::borrow::Cow;

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

    /// Whether `key` has a value.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.parts.iter().any(|(known, _)| known == key)
    }

    /// How many keys there are.
    pub(crate) fn len(&self) -> usize {
        self.parts.len()
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
}
