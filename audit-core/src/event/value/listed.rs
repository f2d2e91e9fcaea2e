//! A sequence: one string of compact JSON, of no more elements than fit.

use serde::Serialize;
use serde::ser::{SerializeSeq, SerializeTuple, SerializeTupleStruct, SerializeTupleVariant};

use super::flatten::{Done, Stop};
use super::{Place, Scalar, ValueWriter};
use crate::event::redaction::{Redaction, looks_secret};

/// A sequence, as one string of compact JSON.
pub(super) struct Listed<'w, 'a> {
    to: &'w mut ValueWriter<'a>,
    variant: Option<&'static str>,
    json: CappedBytes,
}

impl<'w, 'a> Listed<'w, 'a> {
    pub(super) fn new(to: &'w mut ValueWriter<'a>, variant: Option<&'static str>) -> Self {
        // Bytes enough that what they hold is more than the value may have when they are full.
        let most = 4 * to.max_chars() + 4;
        Self { to, variant, json: CappedBytes { bytes: vec![b'['], most } }
    }

    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Done {
        if self.json.bytes.len() > 1 {
            self.json.bytes.push(b',');
        }
        let Err(error) = serde_json::to_writer(&mut self.json, value) else { return Ok(()) };
        if error.is_io() {
            self.tell();
            return Err(Stop::Full);
        }
        self.json.bytes.extend_from_slice(b"null");
        self.to.out.mended.failed += 1;
        Ok(())
    }

    fn tell(&mut self) {
        let in_the_open = self.to.redaction == Redaction::None && !matches!(self.to.place, Place::Compared { .. });
        let hidden = if in_the_open { hide_secrets(&self.json.bytes) } else { None };
        if let Some((json, redacted)) = hidden {
            self.json.bytes = json;
            self.to.out.mended.redacted += redacted;
        }
        let json = String::from_utf8_lossy(&self.json.bytes);
        self.to.within(self.variant, |to| {
            // Which elements of a list are alike is nobody's business when the list is hidden.
            if to.redaction != Redaction::None {
                to.redaction = Redaction::Redact;
            }
            to.scalar(Scalar::Text(&json));
        });
    }

    fn finish(mut self) -> Done {
        self.json.bytes.push(b']');
        self.tell();
        Ok(())
    }
}

impl SerializeSeq for Listed<'_, '_> {
    type Ok = ();
    type Error = Stop;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Done {
        self.element(value)
    }

    fn end(self) -> Done {
        self.finish()
    }
}

impl SerializeTuple for Listed<'_, '_> {
    type Ok = ();
    type Error = Stop;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Done {
        self.element(value)
    }

    fn end(self) -> Done {
        self.finish()
    }
}

impl SerializeTupleStruct for Listed<'_, '_> {
    type Ok = ();
    type Error = Stop;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Done {
        self.element(value)
    }

    fn end(self) -> Done {
        self.finish()
    }
}

impl SerializeTupleVariant for Listed<'_, '_> {
    type Ok = ();
    type Error = Stop;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Done {
        self.element(value)
    }

    fn end(self) -> Done {
        self.finish()
    }
}

/// Takes so many bytes and then fails, which is what stops whoever serializes into it.
pub(super) struct CappedBytes {
    pub(super) bytes: Vec<u8>,
    pub(super) most: usize,
}

impl std::io::Write for CappedBytes {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let room = self.most.saturating_sub(self.bytes.len());
        self.bytes.extend_from_slice(&bytes[..bytes.len().min(room)]);
        if bytes.len() > room { Err(std::io::ErrorKind::StorageFull.into()) } else { Ok(bytes.len()) }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Compact JSON with each value hidden whose key has the name of a secret, and how many these are; nothing if there is none.
/// The JSON may end early.
fn hide_secrets(json: &[u8]) -> Option<(Vec<u8>, u64)> {
    let (mut hidden, mut redacted) = (Vec::new(), 0);
    let (mut at, mut kept) = (0, 0);
    while at < json.len() {
        if json[at] != b'"' {
            at += 1;
            continue;
        }
        let end = string_end(json, at);
        let is_key = json.get(end) == Some(&b':');
        if is_key && str::from_utf8(&json[at + 1..end - 1]).is_ok_and(looks_secret) {
            hidden.extend_from_slice(&json[kept..=end]);
            hidden.extend_from_slice(b"\"[redacted]\"");
            redacted += 1;
            kept = value_end(json, end + 1);
        }
        at = if is_key { kept.max(end) } else { end };
    }
    hidden.extend_from_slice(&json[kept..]);
    (redacted > 0).then_some((hidden, redacted))
}

/// Where the string that begins at `at` ends, its quote included.
fn string_end(json: &[u8], at: usize) -> usize {
    let mut escaped = false;
    for (index, &byte) in json.iter().enumerate().skip(at + 1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return index + 1,
            _ => {}
        }
    }
    json.len()
}

/// Where the value that begins at `at` ends.
fn value_end(json: &[u8], at: usize) -> usize {
    let (mut index, mut depth) = (at, 0_usize);
    while let Some(&byte) = json.get(index) {
        match byte {
            b'"' => {
                index = string_end(json, index);
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth > 0 => depth -= 1,
            b',' | b'}' | b']' if depth == 0 => return index,
            _ => {}
        }
        index += 1;
    }
    json.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hidden(json: &str) -> Option<String> {
        hide_secrets(json.as_bytes()).map(|(json, _)| String::from_utf8(json).unwrap())
    }

    #[test]
    fn secrets_in_a_list_are_hidden_whole() {
        for (json, expected) in [
            (r#"[{"password":"hunter2"}]"#, r#"[{"password":"[redacted]"}]"#),
            (r#"[{"a":1,"token":[1,{"b":"]"}],"c":2}]"#, r#"[{"a":1,"token":"[redacted]","c":2}]"#),
            (r#"[{"pin":1},{"pin":{"x":"}"}}]"#, r#"[{"pin":"[redacted]"},{"pin":"[redacted]"}]"#),
            (r#"[{"q\"":"\\","api_key":null}]"#, r#"[{"q\"":"\\","api_key":"[redacted]"}]"#),
            (r#"[{"password":"hunter2 without an e"#, r#"[{"password":"[redacted]""#),
        ] {
            assert_eq!(hidden(json).as_deref(), Some(expected));
        }
    }

    #[test]
    fn what_is_no_secret_stays() {
        for json in [r#"["password","token:"]"#, "[1,2]", "[]", r#"[{"a":"password"}]"#, r#"[{"passw"#, r#"[""#, "[\""]
        {
            assert_eq!(hidden(json), None, "{json}");
        }
    }
}
