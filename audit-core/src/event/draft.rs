//! An event while it is written.
//!
//! One buffer from the first byte to the request's body: sections are appended in the order in which they usually come,
//! and what comes later than usual is put in its place.
//!
//! ```text
//! {"event":{"action":"…","version":1,"occurred_at":"…","context":{…},"actor":{…},"targets":[…],"metadata":{…}},"organization_id":"…"}
//! ```

use std::ops::Range;

use super::changes::{self, Side};
use super::fragments::Fragments;
use super::json;
use super::limits::{ACTOR_BYTES, CAPTURE_BYTES, TARGETS, TEXT_CHARS, USER_METADATA_KEYS};
use super::members::{Key, METADATA, Members, OnDuplicate};
use super::mended::Mended;
use super::out::{Out, insert};
use super::redaction::{HashKey, Redaction};
use super::thing::{Describe, Thing};
use super::time::rfc3339;
use super::trace::Trace;
use super::value::{AuditValue, ValueWriter};
use crate::outbox::Timestamp;

const HEAD: &[u8] = b"{\"event\":{\"action\":\"";
const VERSION: &[u8] = b"\",\"version\":";
const OCCURRED_AT: &[u8] = b",\"occurred_at\":\"";

const TARGETS_KEY: &[u8] = b",\"targets\":[";

/// What most events need; a larger one grows.
const USUAL_BYTES: usize = 1_024;

/// The event of one scope, from its first line to its outcome.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    buf: Vec<u8>,
    mended: Mended,
    organization: Organization,
    action_len: usize,
    /// Where the sections before the actor end.
    head_end: usize,
    actor_len: usize,
    /// Where the next target belongs, if there are any.
    targets_end: Option<usize>,
    /// The `]` of the targets is still to be written: they are the last section.
    targets_are_open: bool,
    /// Where the last target that may be written begins.
    last_target: usize,
    targets: usize,
    /// The byte behind the `{` of the metadata, if there is any. It is the last section, open at its end.
    metadata: Option<usize>,
    members: Members,
}

/// A finished event.
#[derive(Debug)]
pub(crate) struct Encoded {
    /// The body of the request.
    pub(crate) payload: Vec<u8>,
    /// The organization as a JSON string; empty if there is none.
    pub(crate) organization: Organization,
    /// What had to be mended.
    pub(crate) mended: Mended,
    /// Nobody said who acted.
    pub(crate) actor_is_missing: bool,
}

/// What an event takes from where it happened, if its scope did not say it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Defaults<'a> {
    /// A JSON object.
    pub(crate) actor: Option<&'a [u8]>,
    /// A JSON string.
    pub(crate) organization: Option<&'a [u8]>,
    /// What each event has, unless it says otherwise under the same key.
    pub(crate) metadata: Option<&'a Fragments>,
}

/// What an event says about how its scope ended.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Ending {
    /// The reserved key `outcome`; absent on success.
    pub(crate) outcome: Option<&'static str>,
    /// Replaces the action.
    pub(crate) action: Option<&'static str>,
    /// The reserved keys `audited_id` and `audited_seq`.
    pub(crate) trace: Option<Trace>,
}

impl Draft {
    /// Begins an event. `push_context` appends a JSON object with a `location`.
    #[inline]
    pub(crate) fn begin(
        action: &str,
        version: u32,
        occurred_at: Timestamp,
        push_context: impl FnOnce(&mut Vec<u8>),
    ) -> Self {
        let mut buf = Vec::with_capacity(USUAL_BYTES);
        let mut mended = Mended::default();
        buf.extend_from_slice(HEAD);
        mended.truncated += u64::from(json::push_text(&mut buf, action, TEXT_CHARS));
        let action_len = buf.len() - HEAD.len();
        buf.extend_from_slice(VERSION);
        buf.extend_from_slice(itoa::Buffer::new().format(version).as_bytes());
        buf.extend_from_slice(OCCURRED_AT);
        buf.extend_from_slice(&rfc3339(occurred_at));
        buf.extend_from_slice(b"\",\"context\":");
        push_context(&mut buf);
        Self {
            head_end: buf.len(),
            buf,
            mended,
            organization: Organization::default(),
            action_len,
            actor_len: 0,
            targets_end: None,
            targets_are_open: false,
            last_target: 0,
            targets: 0,
            metadata: None,
            members: Members::new(USER_METADATA_KEYS, CAPTURE_BYTES),
        }
    }

    /// Says another version than the one it began with.
    pub(crate) fn set_version(&mut self, version: u32) {
        let digits = self.version_at();
        let (mut digits_of, old) = (itoa::Buffer::new(), digits.len());
        let new = digits_of.format(version);
        self.buf.splice(digits, new.bytes());
        let by = new.len() as isize - old as isize;
        self.head_end = self.head_end.wrapping_add_signed(by);
        self.shift(by);
    }

    /// Says another time than the one it began at.
    pub(crate) fn set_occurred_at(&mut self, at: Timestamp) {
        let (start, time) = (self.version_at().end + OCCURRED_AT.len(), rfc3339(at));
        if let Some(old) = self.buf.get_mut(start..start + time.len()) {
            old.copy_from_slice(&time);
        }
    }

    /// Where the digits of the version are.
    fn version_at(&self) -> Range<usize> {
        let start = HEAD.len() + self.action_len + VERSION.len();
        start..start + self.buf[start..].iter().take_while(|byte| byte.is_ascii_digit()).count()
    }

    /// Sets the actor, in the place of one that was set before.
    pub(crate) fn actor(&mut self, key: Option<&HashKey>, kind: &str, describe: &mut Describe<'_>) {
        self.remove_actor();
        let at = self.head_end;
        let room = self.buf.len() + ACTOR_BYTES;
        let mut out = Out { buf: &mut self.buf, mended: &mut self.mended, key };
        let written = insert(&mut out, at, |out| {
            out.buf.extend_from_slice(b",\"actor\":");
            Thing::write(out.reborrow(), room, kind, Some(&mut self.organization), describe);
            true
        });
        self.actor_len = written;
        self.shift(written as isize);
    }

    fn remove_actor(&mut self) {
        if self.actor_len > 0 {
            self.buf.drain(self.head_end..self.head_end + self.actor_len);
            self.shift(-(self.actor_len as isize));
            self.actor_len = 0;
        }
    }

    /// Moves what stands behind the actor.
    fn shift(&mut self, by: isize) {
        let moved = |at: usize| at.wrapping_add_signed(by);
        self.targets_end = self.targets_end.map(moved);
        self.last_target = moved(self.last_target);
        self.metadata = self.metadata.map(moved);
    }

    /// Sets the organization, unless `value` is empty.
    pub(crate) fn organization(&mut self, key: Option<&HashKey>, value: &dyn AuditValue) {
        let out = Out { buf: &mut self.buf, mended: &mut self.mended, key };
        self.organization.set(out, value);
    }

    /// Adds a target. The twentieth and those behind it are told by one that counts them.
    pub(crate) fn target(&mut self, key: Option<&HashKey>, kind: &str, describe: &mut Describe<'_>) {
        if self.targets >= TARGETS {
            return self.extra_target(kind);
        }
        let before = self.buf.len();
        let begin = self.begin_targets();
        let first = self.targets == 0;
        let mut out = Out { buf: &mut self.buf, mended: &mut self.mended, key };
        let written = insert(&mut out, begin, |out| {
            if !first {
                out.buf.push(b',');
            }
            Thing::write(out.reborrow(), CAPTURE_BYTES, kind, None, describe);
            true
        });
        if !first && before + written > CAPTURE_BYTES {
            self.buf.drain(begin..begin + written);
            return self.extra_target(kind);
        }
        self.last_target = begin;
        self.after_target(begin, written);
        self.targets += 1;
    }

    /// Opens the list of targets if need be and returns where its next one belongs.
    fn begin_targets(&mut self) -> usize {
        if let Some(end) = self.targets_end {
            return end;
        }
        let at = self.head_end + self.actor_len;
        let end = at + TARGETS_KEY.len();
        self.targets_end = Some(end);
        if at == self.buf.len() {
            self.buf.extend_from_slice(TARGETS_KEY);
            self.targets_are_open = true;
        } else {
            let list = [TARGETS_KEY, b"]"].concat();
            self.metadata = self.metadata.map(|start| start + list.len());
            self.buf.splice(at..at, list);
        }
        end
    }

    fn after_target(&mut self, begin: usize, written: usize) {
        self.targets_end = Some(begin + written);
        self.metadata = self.metadata.map(|start| start + written);
    }

    /// Tells of targets that have no place by a last one that counts them. It takes the place of a real one, save the
    /// first, and is of the kind that had no place, since a schema knows that kind.
    #[cold]
    fn extra_target(&mut self, kind: &str) {
        let Some(end) = self.targets_end else { return };
        let counted_before = self.targets > TARGETS;
        let begin = if self.targets == 1 { end } else { self.last_target };
        self.mended.extra_targets += if counted_before || begin == end { 1 } else { 2 };
        let name = format!("and {} more", self.mended.extra_targets);
        self.buf.drain(begin..end);
        self.metadata = self.metadata.map(|start| start - (end - begin));
        let comma = self.buf[begin - 1] != b'[';
        let mut out = Out { buf: &mut self.buf, mended: &mut self.mended, key: None };
        let written = insert(&mut out, begin, |out| {
            if comma {
                out.buf.push(b',');
            }
            Thing::write(out.reborrow(), 0, kind, None, &mut |mut target| {
                target.id(&"more");
                target.name(&name);
            });
            true
        });
        self.last_target = begin;
        self.after_target(begin, written);
        self.targets = TARGETS + 1;
    }

    /// Adds metadata under a name that the developer wrote.
    pub(crate) fn metadata(
        &mut self,
        hash_key: Option<&HashKey>,
        key: Key<'_>,
        value: &dyn AuditValue,
        redaction: Redaction,
    ) {
        self.write_metadata(hash_key, key, value, redaction, OnDuplicate::Replace);
    }

    /// Adds all that `value` serializes to, under its own names.
    pub(crate) fn body(&mut self, hash_key: Option<&HashKey>, value: &dyn AuditValue) {
        self.write_metadata(hash_key, Key::new(""), value, Redaction::None, OnDuplicate::Keep);
    }

    /// Adds metadata under a name that a type says. A key that is there already keeps its value.
    pub(crate) fn described(
        &mut self,
        hash_key: Option<&HashKey>,
        key: Key<'_>,
        value: &dyn AuditValue,
        redaction: Redaction,
    ) {
        self.write_metadata(hash_key, key, value, redaction, OnDuplicate::Keep);
    }

    /// Adds what differs between the metadata of two things. A key that is there already keeps its value.
    pub(crate) fn changes(&mut self, hash_key: Option<&HashKey>, before: &mut Describe<'_>, after: &mut Describe<'_>) {
        let before = Side::of(hash_key, &mut self.mended, before);
        let after = Side::of(hash_key, &mut self.mended, after);
        changes::each(&before, &after, |key, json| self.add_json(key, json));
    }

    fn write_metadata(
        &mut self,
        hash_key: Option<&HashKey>,
        key: Key<'_>,
        value: &dyn AuditValue,
        redaction: Redaction,
        on_duplicate: OnDuplicate,
    ) {
        let object = self.begin_metadata();
        let out = Out { buf: &mut self.buf, mended: &mut self.mended, key: hash_key };
        value.write(ValueWriter::member(out, &mut self.members, object, key, redaction, on_duplicate));
    }

    fn begin_metadata(&mut self) -> usize {
        if let Some(start) = self.metadata {
            return start;
        }
        self.close_targets();
        self.buf.extend_from_slice(METADATA);
        *self.metadata.insert(self.buf.len())
    }

    fn close_targets(&mut self) {
        if std::mem::take(&mut self.targets_are_open) {
            self.buf.push(b']');
        }
    }

    fn add_json(&mut self, key: &str, json: &[u8]) {
        let object = self.begin_metadata();
        let mut out = Out { buf: &mut self.buf, mended: &mut self.mended, key: None };
        self.members.add(&mut out, object, Key::new(key), OnDuplicate::Keep, |out| {
            out.buf.extend_from_slice(json);
            true
        });
    }

    /// Counts a value that was lost to a panic in the caller's code.
    pub(crate) fn count_failed(&mut self) {
        self.mended.failed += 1;
    }

    /// Adds the keys that are kept for us, whatever else the event says.
    fn reserved(&mut self, ending: Ending) {
        self.members.lift_limits();
        if let Some(outcome) = ending.outcome {
            self.metadata(None, Key::checked("outcome"), &outcome, Redaction::None);
        }
        if let Some(trace) = ending.trace {
            self.metadata(None, Key::checked("audited_id"), &trace.id(), Redaction::None);
            self.metadata(None, Key::checked("audited_seq"), &trace.sequence.get(), Redaction::None);
        }
    }

    /// Ends the event. Nothing is left to be written to.
    pub(crate) fn finish(&mut self, defaults: Defaults<'_>, ending: Ending) -> Encoded {
        for (key, json) in defaults.metadata.iter().flat_map(|metadata| metadata.iter()) {
            self.add_json(key, json);
        }
        if ending.outcome.is_some() || ending.trace.is_some() {
            self.reserved(ending);
        }
        if self.targets == 0 {
            self.target(None, "none", &mut |mut target| target.id(&"none"));
        }
        self.close_targets();
        let actor_is_missing = self.actor_len == 0 && defaults.actor.is_none();
        if let Some(start) = self.metadata {
            self.members.close(&mut self.buf, start);
        }
        if self.actor_len == 0 {
            self.buf.extend_from_slice(b",\"actor\":");
            self.buf.extend_from_slice(defaults.actor.unwrap_or(b"{\"type\":\"unknown\",\"id\":\"unknown\"}"));
        }
        self.buf.push(b'}');
        if let (true, Some(organization)) = (self.organization.is_none(), defaults.organization) {
            self.organization.set_json(organization);
        }
        if !self.organization.is_none() {
            self.buf.extend_from_slice(b",\"organization_id\":");
            self.buf.extend_from_slice(self.organization.as_json());
        }
        self.buf.push(b'}');
        if let Some(action) = ending.action {
            self.buf.splice(HEAD.len()..HEAD.len() + self.action_len, action.bytes());
        }
        Encoded {
            payload: std::mem::take(&mut self.buf),
            organization: std::mem::take(&mut self.organization),
            mended: self.mended,
            actor_is_missing,
        }
    }
}

/// An organization's id as a JSON string, without an allocation for those of WorkOS' own length (30 characters).
#[derive(Debug, Clone)]
pub(crate) struct Organization {
    short: [u8; Self::SHORT],
    len: u8,
    long: Option<Box<[u8]>>,
}

impl Default for Organization {
    fn default() -> Self {
        Self { short: [0; Self::SHORT], len: 0, long: None }
    }
}

impl Organization {
    const SHORT: usize = 47;

    fn set_json(&mut self, json: &[u8]) {
        match self.short.get_mut(..json.len()) {
            Some(short) => {
                short.copy_from_slice(json);
                self.len = json.len() as u8;
                self.long = None;
            }
            None => self.long = Some(json.into()),
        }
    }

    /// Takes `value` unless it is empty, using the end of the buffer for a moment.
    pub(crate) fn set(&mut self, out: Out<'_>, value: &dyn AuditValue) {
        let mut out = out;
        let start = out.buf.len();
        if ValueWriter::text(out.reborrow(), value) {
            self.set_json(&out.buf[start..]);
        }
        out.buf.truncate(start);
    }

    pub(crate) fn is_none(&self) -> bool {
        self.len == 0 && self.long.is_none()
    }

    /// The JSON string, quotes included; nothing if there is no organization.
    pub(crate) fn as_json(&self) -> &[u8] {
        self.long.as_deref().unwrap_or(&self.short[..usize::from(self.len)])
    }
}
