//! Writes records: what queued up goes to disk in one write and one sync, and only then takes effect.

use std::collections::{BTreeMap, HashSet};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::errands::Errands;
use super::format::{Chain, Kind, Place, Record, Summary, Tie, encode_reason};
use super::index::{Index, Lease, OpenIntent};
use super::io::{DiskFile, Files, Name};
use super::recover::Segment;
use super::window::Window;
use crate::outbox::appending::Waiting;
use crate::outbox::{
    AppendTicket, BurialReason, IdempotencyKey, NewRecord, OutboxError, OutboxErrorKind, RecordId, Retry, Role,
};
use crate::planted::{self, Bug, planted};

/// A batch is written in pieces of about this size.
const PIECE: usize = 1024 * 1024;
/// A new file is filled with zeros this far ahead.
const FILL_AHEAD: u64 = 256 * 1024;
/// A dead letter's reason is cut to this.
const REASON_LIMIT: usize = 4096;

/// What the journal's thread is asked to write; a flush is done when all before it is on disk.
#[derive(Debug)]
pub(super) enum Op {
    Append { id: u64, record: NewRecord, ticket: Option<AppendTicket> },
    Bury { id: u64, fence: u64, reason: BurialReason, replacement: Option<(u64, NewRecord)>, ticket: AppendTicket },
    Rekey { id: u64, fence: u64, retry: Retry, ticket: AppendTicket },
    Redrive { id: u64, ticket: AppendTicket },
    Flush { ticket: AppendTicket },
}

impl Op {
    /// Whoever waits for it.
    pub(super) fn waiting(&self) -> Option<Waiting> {
        match self {
            Self::Append { ticket, .. } => ticket.as_ref().map(AppendTicket::waiting),
            Self::Bury { ticket, .. }
            | Self::Rekey { ticket, .. }
            | Self::Redrive { ticket, .. }
            | Self::Flush { ticket } => Some(ticket.waiting()),
        }
    }
}

/// How much a sub-journal may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) segment_bytes: u64,
    pub(super) files: u16,
    /// A segment that is begun while so many pending records are held in memory is looked at later.
    pub(super) held: usize,
}

/// The writing side of a sub-journal; owned by one thread.
#[derive(Debug)]
pub(super) struct Log {
    /// Upper 16 bits of the ids that are handed out.
    pub(super) number: u16,
    pub(super) limits: Limits,
    pub(super) files: Arc<Files>,
    pub(super) index: Arc<Mutex<Index>>,
    pub(super) segments: BTreeMap<u16, Segment>,
    /// Files without a segment; the last of them is a reserve for what makes room again.
    pub(super) spare: Vec<u16>,
    pub(super) highest_file: u16,
    pub(super) next_sequence: u64,
    pub(super) next_id: u64,
    pub(super) chain: Chain,
    /// The segment that was written to last, and how many records of it count.
    pub(super) before: (u64, u32),
    pub(super) active: Option<Active>,
    pub(super) unsynced_tables: HashSet<u16>,
    /// A table could not be synced.
    pub(super) marks_lost: bool,
    pub(super) staged: Vec<Staged>,
    buffer: Vec<u8>,
    /// Records that could not be written, and that nobody waits to hear of.
    pub(super) dropped: u64,
    /// The last write failed.
    pub(super) failing: bool,
    /// This process was not the one to be told how the one before ended: the sign of it stays.
    pub(super) leaves_unclean: bool,
    /// Who does what need not be waited for, once a segment is half full.
    pub(super) errands: Option<Errands>,
    pub(super) sends_errands: bool,
    /// Spare files of full length whose names are durable.
    pub(super) prepared: HashSet<u16>,
}

/// The segment that is written to.
#[derive(Debug)]
pub(super) struct Active {
    pub(super) file: u16,
    pub(super) log: Arc<dyn DiskFile>,
    /// The file's length: behind it every write changes metadata.
    pub(super) filled: u64,
}

/// A record that is encoded, but not on disk.
#[derive(Debug)]
pub(super) struct Staged {
    pub(super) record: Record,
    then: Then,
    ticket: Option<AppendTicket>,
    ordinal: u32,
    offset: u32,
}

/// What a record changes once it is on disk.
#[derive(Debug)]
pub(super) enum Then {
    Insert,
    Settle(OpenIntent),
    Bury(Lease),
    /// Where it was.
    Move(Place),
    /// A lent record waits once more, under a new key.
    Rekey(Lease, Retry),
    /// A dead letter is pending again; where it was.
    Redrive(Place),
}

impl Staged {
    pub(super) fn new(record: Record, then: Then, ticket: Option<AppendTicket>) -> Self {
        Self { record, then, ticket, ordinal: 0, offset: 0 }
    }
}

impl Log {
    pub(super) fn new(number: u16, limits: Limits, files: Arc<Files>) -> Self {
        Self {
            number,
            limits,
            files,
            index: Arc::new(Mutex::new(Index::new(limits.held))),
            segments: BTreeMap::new(),
            spare: Vec::new(),
            highest_file: 0,
            next_sequence: 1,
            next_id: 1,
            chain: Chain::default(),
            before: (0, 0),
            active: None,
            unsynced_tables: HashSet::new(),
            marks_lost: false,
            staged: Vec::new(),
            buffer: Vec::new(),
            dropped: 0,
            failing: false,
            leaves_unclean: false,
            errands: None,
            sends_errands: false,
            prepared: HashSet::new(),
        }
    }

    pub(super) fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes a batch and finishes its tickets.
    pub(super) fn commit(&mut self, ops: Vec<Op>) {
        self.hear();
        let mut keys = match draw_keys(ops.len()) {
            Ok(keys) => keys.into_iter(),
            Err(error) => return self.refuse_all(ops, &error),
        };
        let mut flushes = Vec::new();
        for op in ops {
            let key = keys.next().unwrap_or_else(|| IdempotencyKey::from_bytes([0; 16]));
            match op {
                Op::Append { id, record, ticket } => self.append(id, key, record, ticket),
                Op::Bury { id, fence, reason, replacement, ticket } => {
                    self.bury(id, fence, key, &reason, replacement, ticket);
                }
                Op::Rekey { id, fence, retry, ticket } => self.rekey(id, fence, key, retry, ticket),
                Op::Redrive { id, ticket } => self.redrive(id, key, ticket),
                Op::Flush { ticket } => flushes.push(ticket),
            }
        }
        self.flush();
        for ticket in flushes {
            ticket.finish(Ok(RecordId(0)));
        }
        self.send_in_time();
    }

    fn append(&mut self, id: u64, key: IdempotencyKey, new: NewRecord, ticket: Option<AppendTicket>) {
        let Role::Settles(intent) = new.role else {
            let kind = if new.role == Role::Intent { Kind::Intent } else { Kind::Event };
            let staged = Staged::new(record(id, kind, key, new), Then::Insert, ticket);
            return self.place(vec![staged], false);
        };
        // The intent may be in the same batch.
        if self.staged.iter().any(|staged| staged.record.id == self.local(intent)) {
            self.flush();
        }
        let id = self.local(intent);
        let Some(open) = self.index().intents.get(&id).copied() else {
            return self.refuse(ticket, settled_before(), false);
        };
        let mut record = record(id, Kind::Event, open.key, new);
        (record.replaces, record.lane) = (Some(open.place), open.lane);
        self.place(vec![Staged::new(record, Then::Settle(open), ticket)], true);
    }

    fn bury(
        &mut self,
        id: u64,
        fence: u64,
        key: IdempotencyKey,
        reason: &BurialReason,
        replacement: Option<(u64, NewRecord)>,
        ticket: AppendTicket,
    ) {
        let read = self.index().lease(id, fence).and_then(|lease| Ok((lease, self.read(&lease)?)));
        let (lease, mut dead) = match read {
            Ok(read) => read,
            Err(error) => return self.refuse(Some(ticket), error, false),
        };
        (dead.kind, dead.replaces) = (Kind::Dead, Some(lease.place));
        dead.tie = if replacement.is_some() { Tie::WithNext } else { Tie::None };
        dead.reason = encode_reason(reason, REASON_LIMIT);
        let mut group = vec![Staged::new(dead, Then::Bury(lease), None)];
        if let Some((id, new)) = replacement {
            let mut minimal = record(id, Kind::Event, key, new);
            minimal.tie = Tie::WithPrevious;
            group.push(Staged::new(minimal, Then::Insert, None));
        }
        if let Some(last) = group.last_mut() {
            last.ticket = Some(ticket);
        }
        self.place(group, true);
    }

    /// Stages a copy of a record of another segment, if it can be read.
    pub(super) fn copy(&mut self, window: &mut Window, file: u16, record: &Summary) {
        let old = Place { file, ordinal: record.ordinal };
        if let Ok(mut record) = self.read_through(window, file, record.offset, record.id) {
            (record.replaces, record.tie) = (Some(old), Tie::None);
            self.place(vec![Staged::new(record, Then::Move(old), None)], true);
        }
    }

    pub(super) fn read(&self, lease: &Lease) -> Result<Record, OutboxError> {
        self.read_through(&mut Window::default(), lease.place.file, lease.offset, lease.id)
    }

    fn read_through(&self, window: &mut Window, file: u16, offset: u32, id: u64) -> Result<Record, OutboxError> {
        let segment = self.segments.get(&file).ok_or_else(settled_before)?;
        let log = self.files.get(Name::Segment(file)).map_err(storage)?;
        window.onto(file, segment.header.salt);
        let found = window.record(&*log, u64::from(offset), segment.end).map_err(storage)?;
        found
            .map(|found| found.record)
            .ok_or_else(|| OutboxError::new(OutboxErrorKind::Storage, format!("record {id} is damaged on disk")))
    }

    /// The id within this sub-journal; 0, which no record has, if it is another one's.
    fn local(&self, record: RecordId) -> u64 {
        if record.0 >> 48 == u64::from(self.number) { record.0 & super::format::MAX_U48 } else { 0 }
    }

    /// Stages records that belong into one segment. What makes room again is `essential`: it may use the reserve.
    pub(super) fn place(&mut self, group: Vec<Staged>, essential: bool) {
        let size: usize = group.iter().map(|staged| staged.record.size()).sum();
        if !self.fits(size) {
            self.flush();
            if let Err(error) = self.begin_segment(essential) {
                return self.fail(group, &error);
            }
            if !self.fits(size) {
                return self
                    .fail(group, &OutboxError::new(OutboxErrorKind::Full, "the event is larger than a segment"));
            }
        }
        for staged in group {
            self.stage(staged);
        }
        if self.buffer.len() >= PIECE {
            self.flush();
        }
    }

    fn fits(&self, size: usize) -> bool {
        let end = self.active.as_ref().and_then(|active| self.segments.get(&active.file)).map(|segment| segment.end);
        end.is_some_and(|end| end + (self.buffer.len() + size) as u64 <= self.limits.segment_bytes)
    }

    fn stage(&mut self, mut staged: Staged) {
        let Some(segment) = self.active.as_ref().and_then(|active| self.segments.get(&active.file)) else { return };
        staged.ordinal = segment.records + u32::try_from(self.staged.len()).unwrap_or(u32::MAX);
        staged.offset = u32::try_from(segment.end + self.buffer.len() as u64).unwrap_or(u32::MAX);
        staged.record.encode(&mut self.buffer, segment.header.salt, staged.ordinal, &mut self.chain);
        self.next_id = self.next_id.max(staged.record.id + 1);
        if planted(Bug::AckBeforeCommit)
            && let Some(ticket) = staged.ticket.take()
        {
            ticket.finish(Ok(RecordId(u64::from(self.number) << 48 | staged.record.id)));
        }
        self.staged.push(staged);
    }

    /// Writes and syncs what is staged, and lets it take effect.
    ///
    /// After a failed sync nothing is known about the file, and a second sync would succeed without having written
    /// anything. So that file is never written again, and the whole piece goes into another one.
    pub(super) fn flush(&mut self) {
        if self.staged.is_empty() {
            return;
        }
        if let Err(error) = self.write_out() {
            let staged = std::mem::take(&mut self.staged);
            self.spoil_active();
            if self.begin_segment(true).is_err() {
                return self.fail(staged, &storage(error));
            }
            // What the given-up file holds of them does not count: the new segment's header tells so.
            staged.into_iter().for_each(|staged| self.stage(staged));
            if let Err(error) = self.write_out() {
                let staged = std::mem::take(&mut self.staged);
                self.spoil_active();
                return self.fail(staged, &storage(error));
            }
        }
        self.take_effect();
    }

    fn write_out(&mut self) -> io::Result<()> {
        let place = self.active.as_mut().and_then(|active| Some((self.segments.get(&active.file)?.end, active)));
        let Some((start, active)) = place else { return Err(io::Error::other("no segment")) };
        let end = start + self.buffer.len() as u64;
        if end > active.filled {
            active.filled = end.next_multiple_of(FILL_AHEAD).min(self.limits.segment_bytes).max(end);
            self.buffer.resize(usize::try_from(active.filled - start).map_err(io::Error::other)?, 0);
        }
        let written = active.log.write_at(&self.buffer, start);
        self.buffer.truncate(usize::try_from(end - start).map_err(io::Error::other)?);
        written?;
        if planted(Bug::NoSync) { Ok(()) } else { active.log.sync() }
    }

    fn spoil_active(&mut self) {
        self.buffer.clear();
        let segment = self.active.as_ref().and_then(|active| self.segments.get_mut(&active.file));
        if let Some(segment) = segment {
            segment.spoilt = true;
            self.chain = segment.chain;
        }
    }

    fn take_effect(&mut self) {
        self.failing = false;
        let staged = std::mem::take(&mut self.staged);
        let Some(segment) = self.active.as_ref().and_then(|active| self.segments.get_mut(&active.file)) else { return };
        segment.end += self.buffer.len() as u64;
        segment.chain = self.chain;
        segment.records += u32::try_from(staged.len()).unwrap_or(u32::MAX);
        self.before = (segment.header.sequence, segment.records);
        let file = segment.file;
        self.buffer.clear();
        let mut index = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        for staged in &staged {
            let record = Summary::of(&staged.record, staged.offset, staged.ordinal);
            match &staged.then {
                Then::Insert => {
                    if record.kind == Kind::Intent {
                        let (key, place) = (staged.record.key, Place { file, ordinal: record.ordinal });
                        index.intents.insert(record.id, OpenIntent { key, lane: record.lane, place });
                    }
                    index.insert(file, &record);
                }
                Then::Settle(open) => {
                    index.intents.remove(&record.id);
                    index.renew(open.place, file, &record, None);
                }
                Then::Bury(lease) => index.bury(lease.place, file, &record),
                Then::Rekey(lease, retry) => {
                    index.renew(lease.place, file, &record, Some(*retry));
                    index.end_lease(record.id);
                }
                Then::Redrive(dead) => index.redrive(*dead, file, &record),
                Then::Move(old) => {
                    // What cannot be read is tried again at once.
                    let retry = index.states.wait(&self.files, *old).unwrap_or_default();
                    index.moved(*old, file, &record, retry);
                }
            }
        }
        drop(index);
        for staged in staged {
            if let Some(ticket) = staged.ticket {
                ticket.finish(Ok(RecordId(u64::from(self.number) << 48 | staged.record.id)));
            }
        }
    }

    fn fail(&mut self, staged: Vec<Staged>, error: &OutboxError) {
        self.failing = true;
        for staged in staged {
            // The others leave what they would have changed as it is.
            let is_new = matches!(staged.then, Then::Insert) && staged.record.tie == Tie::None;
            self.refuse(staged.ticket, again(error), is_new);
        }
    }

    pub(super) fn refuse(&mut self, ticket: Option<AppendTicket>, error: OutboxError, is_new: bool) {
        let heard = ticket.is_some_and(|ticket| ticket.finish(Err(error)));
        self.dropped += u64::from(is_new && !heard);
    }

    fn refuse_all(&mut self, ops: Vec<Op>, error: &OutboxError) {
        for op in ops {
            match op {
                Op::Append { ticket, record, .. } => {
                    self.refuse(ticket, again(error), !matches!(record.role, Role::Settles(_)));
                }
                Op::Bury { ticket, .. }
                | Op::Rekey { ticket, .. }
                | Op::Redrive { ticket, .. }
                | Op::Flush { ticket } => {
                    self.refuse(Some(ticket), again(error), false);
                }
            }
        }
    }
}

fn record(id: u64, kind: Kind, key: IdempotencyKey, new: NewRecord) -> Record {
    Record {
        id,
        kind,
        replaces: None,
        tie: Tie::None,
        lane: new.lane.0,
        accepted_at: new.accepted_at,
        key,
        payload: new.payload.into(),
        reason: bytes::Bytes::new(),
    }
}

/// All keys of a batch in one call: 64 ns each, where one at a time takes 472. No generator of our own, whose state a
/// forked child would share.
fn draw_keys(count: usize) -> Result<Vec<IdempotencyKey>, OutboxError> {
    let mut random = vec![0; count * 16];
    let fill = if planted(Bug::CopiedRandom) { planted::fill_from_memory } else { getrandom::fill };
    fill(&mut random).map_err(|error| {
        OutboxError::new(OutboxErrorKind::Storage, format!("the kernel gave no random bytes: {error}"))
    })?;
    Ok(random.as_chunks().0.iter().map(|key| IdempotencyKey::from_random(*key)).collect())
}

fn settled_before() -> OutboxError {
    OutboxError::new(OutboxErrorKind::Fenced, "the intent was settled already, or belongs to another process")
}

fn again(error: &OutboxError) -> OutboxError {
    OutboxError::new(error.kind(), error.to_string())
}

/// The disk's error in the outbox' words.
pub(super) fn storage(error: io::Error) -> OutboxError {
    let (kind, hint) = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            (OutboxErrorKind::Full, "the journal's disk is full")
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            (OutboxErrorKind::Storage, "the journal's directory cannot be written")
        }
        _ => (OutboxErrorKind::Storage, "the journal's disk failed"),
    };
    OutboxError::new(kind, format!("{hint}: {error}")).with_source(error)
}
