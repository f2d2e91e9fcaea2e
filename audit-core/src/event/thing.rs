//! An actor or a target while it is written: `{"id":"…","name":"…","metadata":{…},"type":"…"}`.

use super::changes::Compared;
use super::draft::Organization;
use super::json;
use super::limits::{EVENT_BYTES, METADATA_KEYS, TEXT_CHARS};
use super::members::{Members, OnDuplicate};
use super::out::{Out, insert};
use super::redaction::Redaction;
use super::value::{AuditValue, ValueWriter};

/// What tells an actor or a target. Behind a pointer, so that all that it calls is compiled once and not for each handler.
pub(crate) type Describe<'a> = dyn for<'t> FnMut(Thing<'t>) -> Thing<'t> + 'a;

/// Whoever acts, or what is acted upon. May be told in any order; what is told first stays.
pub(crate) struct Thing<'a> {
    out: Out<'a>,
    kind: &'a str,
    /// Where the members before the metadata end.
    fields_end: usize,
    has_id: bool,
    has_name: bool,
    /// The byte behind the `{` of the metadata, if there is any.
    metadata: Option<usize>,
    members: Members,
    /// Where an actor's organization goes; a target has none.
    organization: Option<&'a mut Organization>,
    /// Where its values go a second time, in the open, while it is compared with another.
    compared: Option<&'a mut Compared>,
}

impl<'a> Thing<'a> {
    /// Writes one at the end of the buffer, with metadata up to `room` bytes of buffer.
    pub(crate) fn write(
        out: Out<'a>,
        room: usize,
        kind: &'a str,
        organization: Option<&'a mut Organization>,
        describe: impl FnOnce(Thing<'a>) -> Thing<'a>,
    ) {
        out.buf.push(b'{');
        let fields_end = out.buf.len();
        let members = Members::new(METADATA_KEYS, room);
        let thing = Thing {
            out,
            kind,
            fields_end,
            has_id: false,
            has_name: false,
            metadata: None,
            members,
            organization,
            compared: None,
        };
        describe(thing).end();
    }

    /// Hands each member of the metadata that `describe` tells to `each`, as JSON, and their values to `compared`.
    pub(crate) fn compare(
        out: Out<'a>,
        compared: &'a mut Compared,
        describe: impl FnOnce(Thing<'a>) -> Thing<'a>,
        each: impl FnMut(&str, &[u8]),
    ) {
        let (fields_end, members) = (out.buf.len(), Members::new(METADATA_KEYS, EVENT_BYTES));
        let thing = describe(Thing {
            out,
            kind: "",
            fields_end,
            has_id: false,
            has_name: false,
            metadata: None,
            members,
            organization: None,
            compared: Some(compared),
        });
        if let Some(start) = thing.metadata {
            thing.members.each(&thing.out.buf[start..], each);
        }
    }

    fn end(mut self) {
        if !self.has_id {
            self.out.mended.unknown_ids += 1;
            self.field("id", |out| {
                out.buf.extend_from_slice(b"\"unknown\"");
                true
            });
        }
        if let Some(start) = self.metadata {
            if self.members.is_empty() {
                self.out.buf.truncate(start - b",\"metadata\":{".len());
            } else {
                self.out.buf.push(b'}');
            }
        }
        self.out.buf.extend_from_slice(b",\"type\":");
        let kind = if self.kind.is_empty() { "unknown" } else { self.kind };
        self.out.mended.truncated += u64::from(json::push_string(self.out.buf, kind, TEXT_CHARS));
        self.out.buf.push(b'}');
    }

    /// What kind of thing this is, in the place of what its type says.
    pub(crate) fn kind(&mut self, kind: &'a str) {
        self.kind = kind;
    }

    pub(crate) fn id(&mut self, value: &dyn AuditValue) {
        if !self.has_id {
            self.has_id = self.field("id", |out| ValueWriter::text(out.reborrow(), value));
        }
    }

    pub(crate) fn name(&mut self, value: &dyn AuditValue) {
        if !self.has_name {
            self.has_name = self.field("name", |out| ValueWriter::text(out.reborrow(), value));
        }
    }

    /// Writes a member before the metadata, if it has a value.
    fn field(&mut self, name: &str, write: impl FnOnce(&mut Out<'_>) -> bool) -> bool {
        let first = !self.has_id && !self.has_name;
        let written = insert(&mut self.out, self.fields_end, |out| {
            if !first {
                out.buf.push(b',');
            }
            out.buf.push(b'"');
            out.buf.extend_from_slice(name.as_bytes());
            out.buf.extend_from_slice(b"\":");
            write(out)
        });
        self.fields_end += written;
        self.metadata = self.metadata.map(|start| start + written);
        written > 0
    }

    pub(crate) fn metadata(&mut self, key: &str, value: &dyn AuditValue, redaction: Redaction) {
        self.member(key, value, redaction, OnDuplicate::Replace);
    }

    /// Metadata that a part of this thing tells: a key that is there already keeps its value.
    pub(crate) fn flatten(&mut self, key: &str, value: &dyn AuditValue, redaction: Redaction) {
        self.member(key, value, redaction, OnDuplicate::Keep);
    }

    fn member(&mut self, key: &str, value: &dyn AuditValue, redaction: Redaction, on_duplicate: OnDuplicate) {
        let object = *self.metadata.get_or_insert_with(|| {
            self.out.buf.extend_from_slice(b",\"metadata\":{");
            self.out.buf.len()
        });
        if let Some(compared) = &mut self.compared {
            value.write(ValueWriter::compared(self.out.reborrow(), compared, key));
        }
        let out = self.out.reborrow();
        value.write(ValueWriter::member(out, &mut self.members, object, key, redaction, on_duplicate));
    }

    pub(crate) fn organization(&mut self, value: &dyn AuditValue) {
        if let Some(organization) = &mut self.organization
            && organization.is_none()
        {
            organization.set(self.out.reborrow(), value);
        }
    }

    /// Tells who acts in this one's name, in its metadata.
    pub(crate) fn impersonated_by(&mut self, kind: &str, describe: impl for<'t> FnOnce(Thing<'t>) -> Thing<'t>) {
        let mut buf = Vec::new();
        let out = Out { buf: &mut buf, mended: self.out.mended, key: self.out.key };
        Thing::write(out, 0, kind, None, describe);
        // Our own JSON, so it reads back.
        let told: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(&buf).unwrap_or_default();
        for (key, member) in
            [("impersonated_by_id", "id"), ("impersonated_by_type", "type"), ("impersonated_by_name", "name")]
        {
            self.metadata(key, &told.get(member), Redaction::None);
        }
    }
}
