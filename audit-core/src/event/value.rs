//! Values: what may stand behind a metadata key, an id or a name, and how anything else becomes one.

mod flatten;
mod listed;

use std::fmt;
use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::Serialize;

use super::changes::Compared;
use super::json::{self, CappedString};
use super::limits::{EXACT_INTEGER, METADATA_VALUE_CHARS, TEXT_CHARS};
use super::members::{Key, Members, OnDuplicate};
use super::out::Out;
use super::redaction::{Redaction, push_redacted};

/// How much of a text is compared.
const COMPARED_CHARS: usize = 64 * 1024;

/// Something that can be captured: as metadata, an id or a name.
///
/// Everything that implements [`serde::Serialize`] does, and goes as what it serializes to:
///
/// | value | captured as |
/// | --- | --- |
/// | strings, characters, unit enum variants | a string of at most 500 characters |
/// | `bool`, integers up to 2^53, finite floats up to 2^53 | itself |
/// | larger numbers, `i128`, `NaN`, infinities | a string |
/// | `None`, `()` | nothing: the key is absent |
/// | newtypes | what they wrap |
/// | structs, maps, enum variants with fields | their fields, each under `key_field`, at most 8 deep |
/// | sequences and tuples | one string of compact JSON |
/// | bytes | lower-case hex |
///
/// What only implements `Display` or `Debug` is captured with `%` or `?` before it, as in `tracing`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be captured as a value",
    label = "not a string, number or bool, and not `serde::Serialize`",
    note = "write `%value` to capture its `Display`, `?value` to capture its `Debug`, or derive `serde::Serialize` for it",
    note = "a secret of the `secrecy` crate is told with `hash`, `mask` or `redact`, and needs the feature `secrecy` of `audited`"
)]
pub trait AuditValue {
    /// Writes the value once.
    fn write(&self, to: ValueWriter<'_>);
}

#[diagnostic::do_not_recommend]
impl<T: Serialize + ?Sized> AuditValue for T {
    fn write(&self, mut to: ValueWriter<'_>) {
        // What was written before a failure stays.
        if self.serialize(flatten::Flatten { to: &mut to }) == Err(flatten::Stop::Failed) {
            to.out.mended.failed += 1;
        }
    }
}

/// Takes one value, and knows where it goes.
pub struct ValueWriter<'a> {
    out: Out<'a>,
    place: Place<'a>,
    redaction: Redaction,
    /// How many values this one is a part of.
    depth: usize,
}

enum Place<'a> {
    /// Behind `key` in an object of metadata.
    Member { members: &'a mut Members, object: usize, key: Key<'a>, on_duplicate: OnDuplicate },
    /// As a JSON string at the end of the buffer; whether one was written.
    Text { written: &'a mut bool },
    /// Whole and in the open, to be compared with another value of the same key.
    Compared { compared: &'a mut Compared, key: &'a str },
}

impl fmt::Debug for ValueWriter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ValueWriter").field("redaction", &self.redaction).finish_non_exhaustive()
    }
}

/// A value without parts.
#[derive(Clone, Copy)]
enum Scalar<'a> {
    Text(&'a str),
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
}

impl<'a> ValueWriter<'a> {
    pub(crate) fn member(
        out: Out<'a>,
        members: &'a mut Members,
        object: usize,
        key: Key<'a>,
        redaction: Redaction,
        on_duplicate: OnDuplicate,
    ) -> Self {
        Self { out, place: Place::Member { members, object, key, on_duplicate }, redaction, depth: 0 }
    }

    /// The same place, in which a value is redacted even if nothing said how; a comparison is no place to read it.
    pub(crate) fn never_in_the_open(mut self) -> Self {
        if self.redaction == Redaction::None && !matches!(self.place, Place::Compared { .. }) {
            self.redaction = Redaction::Redact;
        }
        self
    }

    pub(crate) fn compared(out: Out<'a>, compared: &'a mut Compared, key: &'a str) -> Self {
        Self { out, place: Place::Compared { compared, key }, redaction: Redaction::None, depth: 0 }
    }

    /// Writes `value` as a JSON string at the end of the buffer and tells whether there was a value: neither `None` nor
    /// an empty text is one.
    pub(crate) fn text(out: Out<'_>, value: &dyn AuditValue) -> bool {
        let mut written = false;
        let start = out.buf.len();
        let mut out = out;
        value.write(ValueWriter {
            out: out.reborrow(),
            place: Place::Text { written: &mut written },
            redaction: Redaction::None,
            depth: 0,
        });
        if &out.buf[start..] == b"\"\"" {
            out.buf.truncate(start);
            written = false;
        }
        written
    }

    /// Writes a text that is made while it is written, capped.
    pub(crate) fn format(&mut self, args: fmt::Arguments<'_>) {
        self.write_text(|string| string.write_fmt(args).is_ok());
    }

    fn max_chars(&self) -> usize {
        match self.place {
            Place::Member { .. } => METADATA_VALUE_CHARS,
            Place::Text { .. } => TEXT_CHARS,
            Place::Compared { .. } => COMPARED_CHARS,
        }
    }

    fn scalar(&mut self, value: Scalar<'_>) {
        if self.redaction != Redaction::None {
            return self.redacted(value);
        }
        match &mut self.place {
            Place::Member { members, object, key, on_duplicate } => {
                members.add(&mut self.out, *object, *key, *on_duplicate, |out| {
                    value.push(out, METADATA_VALUE_CHARS);
                    true
                });
            }
            // A value with parts offers several texts; the first is taken.
            Place::Text { written } => {
                if !std::mem::replace(*written, true) {
                    value.push_as_text(&mut self.out);
                }
            }
            Place::Compared { .. } => self.put(|out| {
                value.push(out, COMPARED_CHARS);
                true
            }),
        }
    }

    #[cold]
    fn redacted(&mut self, value: Scalar<'_>) {
        let redaction = self.redaction;
        self.put(|out| {
            value.with_text(|text| push_redacted(out.buf, text, redaction, out.key));
            out.mended.redacted += 1;
            true
        });
    }

    /// Writes one string whose text comes in pieces. `write` may fail because the string is full (it was cut) or by
    /// itself, in which case what was written stays and the failure is counted.
    fn write_text(&mut self, write: impl FnOnce(&mut CappedString<'_>) -> bool) {
        if self.redaction != Redaction::None {
            return self.redacted_text(write);
        }
        let max_chars = self.max_chars();
        self.put(|out| {
            let start = out.buf.len();
            let mut string = CappedString::begin(out.buf, max_chars);
            let result = catch_unwind(AssertUnwindSafe(|| write(&mut string)));
            let cut = string.end();
            out.mended.truncated += u64::from(cut);
            match result {
                Ok(done) => {
                    out.mended.failed += u64::from(!done && !cut);
                    true
                }
                Err(_panic) => {
                    out.buf.truncate(start);
                    out.mended.failed += 1;
                    false
                }
            }
        });
    }

    /// A hash needs the whole text, so it is written in full first, up to a bound beyond which the value is redacted.
    #[cold]
    fn redacted_text(&mut self, write: impl FnOnce(&mut CappedString<'_>) -> bool) {
        const MOST: usize = 64 * 1024;
        let mut json = Vec::new();
        let mut string = CappedString::begin(&mut json, MOST);
        let written = catch_unwind(AssertUnwindSafe(|| write(&mut string))).unwrap_or(false);
        string.end();
        match serde_json::from_slice::<String>(&json) {
            Ok(text) if written => self.scalar(Scalar::Text(&text)),
            _ => {
                self.redaction = Redaction::Redact;
                self.scalar(Scalar::Text(""));
            }
        }
    }

    /// Puts what `write` appends where it belongs; `write` says whether it is a value.
    fn put(&mut self, write: impl FnOnce(&mut Out<'_>) -> bool) {
        match &mut self.place {
            Place::Member { members, object, key, on_duplicate } => {
                members.add(&mut self.out, *object, *key, *on_duplicate, write);
            }
            Place::Text { written } if !**written => **written = write(&mut self.out),
            Place::Text { .. } => {}
            Place::Compared { compared, key } => {
                let start = self.out.buf.len();
                if write(&mut self.out) {
                    compared.note(key, &self.out.buf[start..]);
                }
                self.out.buf.truncate(start);
            }
        }
    }

    /// A writer for the part `name` of this value.
    fn part<'b>(&'b mut self, name: &'b str, key: &'b mut String) -> ValueWriter<'b> {
        let in_the_open = self.redaction == Redaction::None && !matches!(self.place, Place::Compared { .. });
        let redaction =
            if in_the_open && super::redaction::looks_secret(name) { Redaction::Redact } else { self.redaction };
        let place = match &mut self.place {
            Place::Member { members, object, key: parent, .. } => {
                let key = Key::new(joined(parent.as_str(), name, key));
                Place::Member { members, object: *object, key, on_duplicate: OnDuplicate::Keep }
            }
            Place::Text { written } => Place::Text { written },
            Place::Compared { compared, key: parent } => Place::Compared { compared, key: joined(parent, name, key) },
        };
        ValueWriter { out: self.out.reborrow(), place, redaction, depth: self.depth + 1 }
    }

    /// Hands on the writer of an enum variant's fields, or this one.
    fn within<R>(&mut self, variant: Option<&str>, then: impl FnOnce(&mut ValueWriter<'_>) -> R) -> R {
        match variant {
            Some(variant) => then(&mut self.part(variant, &mut String::new())),
            None => then(self),
        }
    }

    /// Whether nothing more can be added.
    fn is_full(&self) -> bool {
        match &self.place {
            Place::Member { members, .. } => members.is_full(self.out.buf),
            Place::Text { written } => **written,
            Place::Compared { compared, .. } => compared.is_full(),
        }
    }

    /// Says that there was more, nested deeper than events are flattened.
    fn too_deep(&mut self) {
        self.out.mended.truncated += 1;
        self.scalar(Scalar::Text("…"));
    }
}

/// `parent_name`, made in `key`; a value without a name lends its parts theirs.
fn joined<'k>(parent: &str, name: &'k str, key: &'k mut String) -> &'k str {
    if parent.is_empty() {
        return name;
    }
    key.push_str(parent);
    key.push('_');
    key.push_str(name);
    key
}

impl Scalar<'_> {
    /// Appends the value as a JSON string.
    fn push_as_text(self, out: &mut Out<'_>) {
        match self {
            Self::Text(text) => out.mended.truncated += u64::from(json::push_string(out.buf, text, TEXT_CHARS)),
            other => other.with_text(|text| _ = json::push_string(out.buf, text, TEXT_CHARS)),
        }
    }

    fn with_text(self, then: impl FnOnce(&str)) {
        match self {
            Self::Text(text) => then(text),
            Self::Bool(value) => then(if value { "true" } else { "false" }),
            Self::Unsigned(value) => then(itoa::Buffer::new().format(value)),
            Self::Signed(value) => then(itoa::Buffer::new().format(value)),
            Self::Float(value) => then(&value.to_string()),
        }
    }

    /// Appends the value as JSON of its own type, or as a string where a number would lose digits.
    #[inline]
    fn push(self, out: &mut Out<'_>, max_chars: usize) {
        match self {
            Self::Text(text) => out.mended.truncated += u64::from(json::push_string(out.buf, text, max_chars)),
            Self::Bool(value) => out.buf.extend_from_slice(if value { b"true" } else { b"false" }),
            Self::Unsigned(value) if value <= EXACT_INTEGER => {
                out.buf.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
            }
            Self::Signed(value) if value.unsigned_abs() <= EXACT_INTEGER => {
                out.buf.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
            }
            // `{:?}` of a finite float is a JSON number with the fewest digits that read back as the same float.
            Self::Float(value) if value.abs() <= EXACT_INTEGER as f64 => {
                let _ = std::io::Write::write_fmt(out.buf, format_args!("{value:?}"));
            }
            exact => exact.with_text(|text| {
                json::push_string(out.buf, text, max_chars);
            }),
        }
    }
}

/// `%value`: captured as its `Display`, as long as the cap allows.
#[derive(Debug)]
pub(crate) struct DisplayValue<'a, T: ?Sized>(pub(crate) &'a T);

/// `?value`: captured as its `Debug`, as long as the cap allows.
#[derive(Debug)]
pub(crate) struct DebugValue<'a, T: ?Sized>(pub(crate) &'a T);

#[diagnostic::do_not_recommend]
impl<T: fmt::Display + ?Sized> AuditValue for DisplayValue<'_, T> {
    fn write(&self, mut to: ValueWriter<'_>) {
        to.format(format_args!("{}", self.0));
    }
}

#[diagnostic::do_not_recommend]
impl<T: fmt::Debug + ?Sized> AuditValue for DebugValue<'_, T> {
    fn write(&self, mut to: ValueWriter<'_>) {
        to.format(format_args!("{:?}", self.0));
    }
}
