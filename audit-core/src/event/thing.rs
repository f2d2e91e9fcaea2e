//! An actor or a target while it is written: `{"id":"…","name":"…","metadata":{…},"type":"…"}`.

use super::changes::Compared;
use super::draft::Organization;
use super::json;
use super::limits::{EVENT_BYTES, METADATA_KEYS, TEXT_CHARS};
use super::members::{Key, METADATA, Members, OnDuplicate};
use super::out::{Out, insert};
use super::redaction::Redaction;
use super::value::{AuditValue, ValueWriter};

/// What tells an actor or a target. Behind a pointer, so that all that it calls is compiled once and not for each handler.
pub(crate) type Describe<'a> = dyn for<'t> FnMut(Thing<'t>) + 'a;

/// Whoever acts, or what is acted upon. May be told in any order; what is told first stays.
pub(crate) struct Thing<'a> {
    out: Out<'a>,
    told: &'a mut Told,
    /// Where an actor's organization goes; a target has none.
    organization: Option<&'a mut Organization>,
    /// Where its values go a second time, in the open, while it is compared with another.
    compared: Option<&'a mut Compared>,
}

/// What a [`Thing`] has been told so far. Stays where it is while a `Thing` is handed on.
struct Told {
    /// In the place of what its type says.
    kind: Option<&'static str>,
    /// Where the members before the metadata end.
    fields_end: usize,
    has_id: bool,
    has_name: bool,
    /// The byte behind the `{` of the metadata, if there is any.
    metadata: Option<usize>,
    members: Members,
}

/// A member before the metadata: its key as it is written first, and behind another.
#[derive(Clone, Copy)]
struct Field {
    first: &'static [u8],
    next: &'static [u8],
}

const ID: Field = Field { first: b"\"id\":", next: b",\"id\":" };
const NAME: Field = Field { first: b"\"name\":", next: b",\"name\":" };

impl Told {
    #[inline]
    fn new(fields_end: usize, room: usize) -> Self {
        let members = Members::new(METADATA_KEYS, room);
        Self { kind: None, fields_end, has_id: false, has_name: false, metadata: None, members }
    }
}

impl Thing<'_> {
    /// Writes one at the end of the buffer, with metadata up to `room` bytes of buffer.
    pub(crate) fn write(
        mut out: Out<'_>,
        room: usize,
        kind: &str,
        organization: Option<&mut Organization>,
        describe: &mut Describe<'_>,
    ) {
        out.buf.push(b'{');
        let mut told = Told::new(out.buf.len(), room);
        describe(Thing { out: out.reborrow(), told: &mut told, organization, compared: None });
        Thing { out, told: &mut told, organization: None, compared: None }.end(kind);
    }

    /// Hands each member of the metadata that `describe` tells to `each`, as JSON, and their values to `compared`.
    pub(crate) fn compare(
        mut out: Out<'_>,
        compared: &mut Compared,
        describe: &mut Describe<'_>,
        each: impl FnMut(&str, &[u8]),
    ) {
        let mut told = Told::new(out.buf.len(), EVENT_BYTES);
        describe(Thing { out: out.reborrow(), told: &mut told, organization: None, compared: Some(compared) });
        if let Some(start) = told.metadata {
            told.members.each(&out.buf[start..], each);
        }
    }

    fn end(mut self, kind: &str) {
        if !self.told.has_id {
            self.out.mended.unknown_ids += 1;
            self.field(ID, |out| {
                out.buf.extend_from_slice(b"\"unknown\"");
                true
            });
        }
        if let Some(start) = self.told.metadata {
            self.told.members.close(self.out.buf, start);
        }
        self.out.buf.extend_from_slice(b",\"type\":");
        let kind = self.told.kind.unwrap_or(kind);
        let kind = if kind.is_empty() { "unknown" } else { kind };
        self.out.mended.truncated += u64::from(json::push_string(self.out.buf, kind, TEXT_CHARS));
        self.out.buf.push(b'}');
    }

    /// What kind of thing this is, in the place of what its type says.
    pub(crate) fn kind(&mut self, kind: &'static str) {
        self.told.kind = Some(kind);
    }

    pub(crate) fn id(&mut self, value: &dyn AuditValue) {
        if !self.told.has_id {
            self.told.has_id = self.field(ID, |out| ValueWriter::text(out.reborrow(), value));
        }
    }

    pub(crate) fn name(&mut self, value: &dyn AuditValue) {
        if !self.told.has_name {
            self.told.has_name = self.field(NAME, |out| ValueWriter::text(out.reborrow(), value));
        }
    }

    /// Writes a member before the metadata, if it has a value.
    #[inline]
    fn field(&mut self, field: Field, write: impl FnOnce(&mut Out<'_>) -> bool) -> bool {
        let key = if self.told.has_id || self.told.has_name { field.next } else { field.first };
        let written = insert(&mut self.out, self.told.fields_end, |out| {
            out.buf.extend_from_slice(key);
            write(out)
        });
        self.told.fields_end += written;
        self.told.metadata = self.told.metadata.map(|start| start + written);
        written > 0
    }

    pub(crate) fn metadata(&mut self, key: Key<'_>, value: &dyn AuditValue, redaction: Redaction) {
        self.member(key, value, redaction, OnDuplicate::Replace);
    }

    /// Metadata that a part of this thing tells: a key that is there already keeps its value.
    pub(crate) fn flatten(&mut self, key: Key<'_>, value: &dyn AuditValue, redaction: Redaction) {
        self.member(key, value, redaction, OnDuplicate::Keep);
    }

    fn member(&mut self, key: Key<'_>, value: &dyn AuditValue, redaction: Redaction, on_duplicate: OnDuplicate) {
        let object = *self.told.metadata.get_or_insert_with(|| {
            self.out.buf.extend_from_slice(METADATA);
            self.out.buf.len()
        });
        if let Some(compared) = &mut self.compared {
            value.write(ValueWriter::compared(self.out.reborrow(), compared, key.as_str()));
        }
        let out = self.out.reborrow();
        value.write(ValueWriter::member(out, &mut self.told.members, object, key, redaction, on_duplicate));
    }

    pub(crate) fn organization(&mut self, value: &dyn AuditValue) {
        if let Some(organization) = &mut self.organization
            && organization.is_none()
        {
            organization.set(self.out.reborrow(), value);
        }
    }

    /// Tells who acts in this one's name, in its metadata.
    pub(crate) fn impersonated_by(&mut self, kind: &str, describe: &mut Describe<'_>) {
        let mut buf = Vec::new();
        let out = Out { buf: &mut buf, mended: self.out.mended, key: self.out.key };
        Thing::write(out, 0, kind, None, describe);
        // Our own JSON, so it reads back.
        let told: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(&buf).unwrap_or_default();
        for (key, member) in
            [("impersonated_by_id", "id"), ("impersonated_by_type", "type"), ("impersonated_by_name", "name")]
        {
            self.metadata(Key::checked(key), &told.get(member), Redaction::None);
        }
    }
}
