//! One metadata object while it is written.

use super::limits::{METADATA_KEY_CHARS, METADATA_KEYS};
use super::out::Out;

/// What opens a metadata object behind another member.
pub(crate) const METADATA: &[u8] = b",\"metadata\":{";

/// Knows where each member of an open metadata object begins, so that a key can be found again. The object itself is in
/// the event's buffer, its members at offsets from the byte behind its `{`.
#[derive(Debug, Clone)]
pub(crate) struct Members {
    /// A bit for each key, which several keys can share: a key whose bit is not set is new.
    seen: u64,
    /// One more than keys may stay: a replacement is written before what it replaces is taken out.
    starts: [u16; METADATA_KEYS + 1],
    count: u8,
    /// How many members this object may have.
    most: u8,
    /// Up to which length of the buffer members may be added.
    room: u32,
}

/// What happens to a key that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnDuplicate {
    /// The new value takes the old one's place: what a developer names wins over what a body happened to have.
    Replace,
    /// The old value stays, and the new one is counted as dropped.
    Keep,
}

impl Members {
    pub(crate) fn new(most: usize, room: usize) -> Self {
        Self {
            seen: 0,
            starts: [0; METADATA_KEYS + 1],
            count: 0,
            most: most.min(METADATA_KEYS) as u8,
            room: room as u32,
        }
    }

    fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Ends the object that `METADATA` opened and whose members begin at `object`; one without any is taken out.
    pub(crate) fn close(&self, buf: &mut Vec<u8>, object: usize) {
        if self.is_empty() {
            buf.truncate(object - METADATA.len());
        } else {
            buf.push(b'}');
        }
    }

    pub(crate) fn is_full(&self, buf: &[u8]) -> bool {
        self.count >= self.most || buf.len() >= self.room as usize
    }

    /// Lets the object have all the keys and all the bytes that an event may have.
    pub(crate) fn lift_limits(&mut self) {
        self.most = METADATA_KEYS as u8;
        self.room = super::limits::EVENT_BYTES as u32;
    }

    /// Adds a member whose value `write` appends; `write` says whether there is a value at all, and does not panic.
    pub(crate) fn add(
        &mut self,
        out: &mut Out<'_>,
        object: usize,
        key: Key<'_>,
        on_duplicate: OnDuplicate,
        write: impl FnOnce(&mut Out<'_>) -> bool,
    ) {
        let mut fitted = Fitted::default();
        let key = key.fitted(&mut fitted);
        let bit = seen_bit(key);
        let old = if self.seen & bit == 0 { None } else { self.find(out.buf, object, key) };
        if old.is_some() && on_duplicate == OnDuplicate::Keep || old.is_none() && self.count >= self.most {
            out.mended.dropped += 1;
            return;
        }
        let start = out.buf.len();
        let before_key: &[u8] = if self.count > 0 { b",\"" } else { b"\"" };
        let member = start + before_key.len() - 1;
        out.buf.extend_from_slice(before_key);
        out.buf.extend_from_slice(key);
        out.buf.extend_from_slice(b"\":");
        if !write(out) {
            out.buf.truncate(start);
            return;
        }
        if out.buf.len() > self.room as usize {
            out.buf.truncate(start);
            out.mended.dropped += 1;
            return;
        }
        out.mended.renamed += u64::from(fitted.bytes.is_some_and(|(_, len)| len > 0));
        // Within `room`, which is at most EVENT_BYTES, so an offset fits.
        self.starts[usize::from(self.count)] = (member - object) as u16;
        self.count += 1;
        self.seen |= bit;
        if let Some(old) = old {
            self.remove(out.buf, object, old);
        }
    }

    /// Hands each key and its JSON value to `each`. `object` is all that stands behind the `{`.
    pub(crate) fn each(&self, object: &[u8], mut each: impl FnMut(&str, &[u8])) {
        let starts = &self.starts[..usize::from(self.count)];
        let ends = starts.iter().skip(1).map(|&next| usize::from(next) - 1).chain([object.len()]);
        for (&start, end) in starts.iter().zip(ends) {
            // `"key":value`, and no key has anything that would be escaped.
            let member = &object[usize::from(start) + 1..end];
            if let Some(quote) = member.iter().position(|&byte| byte == b'"')
                && let Ok(key) = str::from_utf8(&member[..quote])
            {
                each(key, &member[quote + 2..]);
            }
        }
    }

    fn find(&self, buf: &[u8], object: usize, key: &[u8]) -> Option<usize> {
        self.starts[..usize::from(self.count)].iter().position(|&start| {
            let member = &buf[object + usize::from(start) + 1..];
            member.len() > key.len() && member[key.len()] == b'"' && &member[..key.len()] == key
        })
    }

    /// Takes out a member that is not the last.
    fn remove(&mut self, buf: &mut Vec<u8>, object: usize, index: usize) {
        let (from, to) = (self.starts[index], self.starts[index + 1]);
        buf.drain(object + usize::from(from)..object + usize::from(to));
        self.starts.copy_within(index + 1..usize::from(self.count), index);
        self.count -= 1;
        for start in &mut self.starts[index..usize::from(self.count)] {
            *start -= to - from;
        }
    }
}

/// What a member is called: by whoever wrote it, and in an event.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Key<'a> {
    given: &'a str,
    /// It is known to match WorkOS' pattern.
    fits: bool,
}

impl<'a> Key<'a> {
    /// A key of anybody's.
    #[inline]
    pub(crate) fn new(given: &'a str) -> Self {
        Self { given, fits: false }
    }

    /// A key that was looked at when the program was compiled.
    #[inline]
    pub(crate) fn checked(given: &'static str) -> Self {
        debug_assert!(fits(given), "`{given}` is no key");
        Self { given, fits: true }
    }

    pub(crate) fn as_str(&self) -> &'a str {
        self.given
    }

    /// Itself or, where it does not match the pattern, what is made of it in `fitted`.
    #[inline]
    fn fitted<'f>(&self, fitted: &'f mut Fitted) -> &'f [u8]
    where
        'a: 'f,
    {
        if self.fits || fits(self.given) { self.given.as_bytes() } else { fitted.fit(self.given) }
    }
}

/// `key` as it stands in an event.
pub(crate) fn fitted(key: &str) -> String {
    String::from_utf8_lossy(Key::new(key).fitted(&mut Fitted::default())).into_owned()
}

#[inline]
fn fits(key: &str) -> bool {
    !key.is_empty() && key.len() <= METADATA_KEY_CHARS && key.bytes().fold(true, |fits, byte| fits & is_key_byte(byte))
}

/// Room for a key that matches WorkOS' pattern: other characters become `_`, more than 40 are cut. A body that is a single
/// value has no name of its own and is called `body`.
#[derive(Default)]
struct Fitted {
    bytes: Option<([u8; METADATA_KEY_CHARS], usize)>,
}

impl Fitted {
    #[cold]
    fn fit(&mut self, given: &str) -> &[u8] {
        let mut bytes = [b'_'; METADATA_KEY_CHARS];
        let mut len = 0;
        for (place, char) in bytes.iter_mut().zip(given.chars()) {
            *place = u8::try_from(char).ok().filter(|&byte| is_key_byte(byte)).unwrap_or(b'_');
            len += 1;
        }
        let (bytes, len) = self.bytes.insert((bytes, len));
        if *len == 0 { b"body" } else { &bytes[..*len] }
    }
}

#[inline]
fn is_key_byte(byte: u8) -> bool {
    KEY_BYTES[usize::from(byte)]
}

const KEY_BYTES: [bool; 256] = {
    let mut bytes = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        let it = byte as u8;
        bytes[byte] = it.is_ascii_alphanumeric() || it == b'_' || it == b'-';
        byte += 1;
    }
    bytes
};

/// Length and ends tell most keys of an event apart.
#[inline]
fn seen_bit(key: &[u8]) -> u64 {
    let (first, last) = (key.first().copied().unwrap_or(0), key.last().copied().unwrap_or(0));
    1 << ((key.len() ^ (usize::from(first) * 5) ^ (usize::from(last) * 3)) & 63)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::mended::Mended;

    fn object(build: impl FnOnce(&mut Members, &mut Out<'_>)) -> (serde_json::Value, Mended) {
        let (mut buf, mut mended) = (Vec::new(), Mended::default());
        buf.push(b'{');
        let mut members = Members::new(3, 128);
        build(&mut members, &mut Out { buf: &mut buf, mended: &mut mended, key: None });
        buf.push(b'}');
        (serde_json::from_slice(&buf).unwrap(), mended)
    }

    fn add(members: &mut Members, out: &mut Out<'_>, key: &str, json: &str, on_duplicate: OnDuplicate) {
        members.add(out, 1, Key::new(key), on_duplicate, |out| {
            out.buf.extend_from_slice(json.as_bytes());
            !json.is_empty()
        });
    }

    #[test]
    fn a_developers_value_replaces_and_a_bodys_does_not() {
        let (json, mended) = object(|members, out| {
            add(members, out, "a", "1", OnDuplicate::Replace);
            add(members, out, "b", "2", OnDuplicate::Replace);
            add(members, out, "a", "\"three\"", OnDuplicate::Replace);
            add(members, out, "b", "4", OnDuplicate::Keep);
            add(members, out, "b", "5", OnDuplicate::Replace);
            add(members, out, "ab", "6", OnDuplicate::Keep);
        });
        assert_eq!(json, serde_json::json!({"a": "three", "b": 5, "ab": 6}));
        assert_eq!(mended, Mended { dropped: 1, ..Mended::default() });
    }

    #[test]
    fn what_has_no_place_is_dropped_and_counted() {
        let (json, mended) = object(|members, out| {
            add(members, out, "long", &format!("\"{}\"", "x".repeat(140)), OnDuplicate::Replace);
            for key in ["a", "b", "none", "c", "d"] {
                add(members, out, key, if key == "none" { "" } else { "1" }, OnDuplicate::Replace);
            }
        });
        assert_eq!(json, serde_json::json!({"a": 1, "b": 1, "c": 1}));
        assert_eq!(mended, Mended { dropped: 2, ..Mended::default() });
    }

    #[test]
    fn keys_are_made_to_fit() {
        let (json, mended) = object(|members, out| {
            add(members, out, "größe in.m²", "1", OnDuplicate::Keep);
            add(members, out, "", "2", OnDuplicate::Keep);
            add(members, out, &"k".repeat(41), "3", OnDuplicate::Keep);
        });
        assert_eq!(json, serde_json::json!({"gr__e_in_m_": 1, "body": 2, "k".repeat(40): 3}));
        assert_eq!(mended.renamed, 2);
    }
}
