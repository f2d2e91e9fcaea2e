//! Bytes and what they mean: `docs/journal-format.md` in code. Nothing here does I/O.

use bytes::Bytes;
use ring::digest::{Context, SHA256};

use crate::outbox::{BurialReason, History, IdempotencyKey, Timestamp};

/// The version of the format that this code writes, and the newest that it reads.
pub(super) const VERSION: u16 = 1;
/// Records begin behind the header's page.
pub(super) const PAGE: u64 = 4096;
/// What a disk writes as a whole or not at all.
pub(super) const SECTOR: u64 = 512;
/// A record's bytes before its payload.
pub(super) const RECORD_HEADER: usize = 96;
/// One record's entry in a table.
pub(super) const SLOT: usize = 42;
/// No slot crosses a sector, so none is ever torn.
pub(super) const SLOTS_IN_SECTOR: u32 = 12;

const HEADER_COPY: usize = 2048;
const HEADER_LEN: usize = 76;
const SEAL_LEN: usize = 84;
const SEGMENT_MAGIC: &[u8; 8] = b"AUDITEDJ";
const TABLE_MAGIC: &[u8; 8] = b"AUDITEDT";

/// SHA-256 over a record and the chain before it.
pub(super) type Chain = [u8; 32];

/// Reads little-endian numbers at fixed places; a place behind the end reads as zeros, which no checksum accepts.
#[derive(Clone, Copy)]
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn bytes<const N: usize>(self, at: usize) -> [u8; N] {
        self.0.get(at..at + N).and_then(|bytes| bytes.try_into().ok()).unwrap_or([0; N])
    }
    fn u8(self, at: usize) -> u8 {
        self.bytes::<1>(at)[0]
    }
    fn u16(self, at: usize) -> u16 {
        u16::from_le_bytes(self.bytes(at))
    }
    fn u32(self, at: usize) -> u32 {
        u32::from_le_bytes(self.bytes(at))
    }
    fn u48(self, at: usize) -> u64 {
        let low: [u8; 6] = self.bytes(at);
        u64::from_le_bytes([low[0], low[1], low[2], low[3], low[4], low[5], 0, 0])
    }
    fn u64(self, at: usize) -> u64 {
        u64::from_le_bytes(self.bytes(at))
    }
}

fn put_u48(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(&value.min(MAX_U48).to_le_bytes()[..6]);
}

/// The largest number that six bytes hold.
pub(super) const MAX_U48: u64 = (1 << 48) - 1;

fn salted_crc(salt: u64, bytes: &[u8]) -> u32 {
    crc32c::crc32c_append(low(salt), bytes)
}

#[expect(clippy::cast_possible_truncation, reason = "the lower half is what is wanted")]
fn low(salt: u64) -> u32 {
    salt as u32
}

/// The first page of a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SegmentHeader {
    /// False: the file is spare.
    pub(super) in_use: bool,
    pub(super) files: u32,
    pub(super) sequence: u64,
    pub(super) salt: u64,
    pub(super) next_id: u64,
    pub(super) chain: Chain,
}

/// What the first page of a segment turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Page {
    Header(SegmentHeader),
    /// Written by a later release; to be left alone.
    Newer(u16),
    /// A file that was created and never begun.
    Blank,
    Damaged,
}

impl SegmentHeader {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut copy = Vec::with_capacity(HEADER_LEN);
        copy.extend_from_slice(SEGMENT_MAGIC);
        copy.extend_from_slice(&VERSION.to_le_bytes());
        copy.extend_from_slice(&[u8::from(self.in_use), 0]);
        copy.extend_from_slice(&self.files.to_le_bytes());
        for number in [self.sequence, self.salt, self.next_id] {
            copy.extend_from_slice(&number.to_le_bytes());
        }
        copy.extend_from_slice(&self.chain);
        copy.extend_from_slice(&crc32c::crc32c(&copy).to_le_bytes());
        let mut page = vec![0; PAGE as usize];
        page[..HEADER_LEN].copy_from_slice(&copy);
        page[HEADER_COPY..HEADER_COPY + HEADER_LEN].copy_from_slice(&copy);
        page
    }

    fn decode_copy(copy: &[u8]) -> Option<Page> {
        let fields = Fields(copy);
        if !copy.starts_with(SEGMENT_MAGIC) || fields.u32(72) != crc32c::crc32c(copy.get(..72)?) {
            return None;
        }
        if fields.u16(8) > VERSION {
            return Some(Page::Newer(fields.u16(8)));
        }
        Some(Page::Header(Self {
            in_use: fields.u8(10) == 1,
            files: fields.u32(12),
            sequence: fields.u64(16),
            salt: fields.u64(24),
            next_id: fields.u64(32),
            chain: fields.bytes(40),
        }))
    }
}

impl Page {
    pub(super) fn decode(page: &[u8]) -> Self {
        let copies = [0, HEADER_COPY].map(|at| page.get(at..).and_then(SegmentHeader::decode_copy));
        match copies {
            [Some(Self::Header(a)), Some(Self::Header(b))] => {
                // Both copies of one segment: "free" is the later word.
                let second = (b.sequence, !b.in_use) > (a.sequence, !a.in_use);
                Self::Header(if second { b } else { a })
            }
            [Some(newer @ Self::Newer(_)), _] | [_, Some(newer @ Self::Newer(_))] => newer,
            [Some(one), None] | [None, Some(one)] => one,
            _ if page.iter().all(|byte| *byte == 0) => Self::Blank,
            _ => Self::Damaged,
        }
    }
}

/// What a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Event,
    Intent,
    Dead,
}

impl Kind {
    fn encode(self) -> u8 {
        match self {
            Self::Event => 1,
            Self::Intent => 2,
            Self::Dead => 3,
        }
    }

    fn decode(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::Event),
            2 => Some(Self::Intent),
            3 => Some(Self::Dead),
            _ => None,
        }
    }
}

/// Two records of one step: neither holds without the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tie {
    None,
    WithNext,
    WithPrevious,
}

impl Tie {
    fn encode(self) -> u8 {
        match self {
            Self::None => 0,
            Self::WithNext => 2,
            Self::WithPrevious => 4,
        }
    }

    fn decode(flags: u8) -> Self {
        match flags & 6 {
            2 => Self::WithNext,
            4 => Self::WithPrevious,
            _ => Self::None,
        }
    }
}

/// A record of a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) id: u64,
    pub(super) kind: Kind,
    /// A newer version of a record that was written before.
    pub(super) version: bool,
    /// Which neighbour it takes effect together with, or not at all.
    pub(super) tie: Tie,
    pub(super) lane: u64,
    pub(super) accepted_at: Timestamp,
    pub(super) key: IdempotencyKey,
    pub(super) payload: Bytes,
    pub(super) reason: Bytes,
}

/// The fixed part of a record on disk, before its checksum is known to be right.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lengths {
    payload: usize,
    reason: usize,
}

impl Lengths {
    /// Everything, padding included.
    pub(super) fn total(self) -> usize {
        padded(RECORD_HEADER + self.payload + self.reason)
    }
}

/// A record as it was found on disk.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) record: Record,
    pub(super) ordinal: u32,
    pub(super) chain: Chain,
    /// The bytes that the chain runs over besides payload and reason.
    chained: [u8; 56],
}

fn padded(len: usize) -> usize {
    len.next_multiple_of(8)
}

/// Marks the beginning of a record; never zero.
pub(super) fn mark(salt: u64) -> u32 {
    low(salt >> 32) | 1
}

fn link(previous: &Chain, chained: &[u8], payload: &[u8], reason: &[u8]) -> Chain {
    let mut context = Context::new(&SHA256);
    for part in [previous.as_slice(), chained, payload, reason] {
        context.update(part);
    }
    let mut chain = Chain::default();
    chain.copy_from_slice(context.finish().as_ref());
    chain
}

impl Record {
    pub(super) fn size(&self) -> usize {
        padded(RECORD_HEADER + self.payload.len() + self.reason.len())
    }

    /// Appends the record to `out` and moves `chain` on.
    pub(super) fn encode(&self, out: &mut Vec<u8>, salt: u64, ordinal: u32, chain: &mut Chain) {
        let start = out.len();
        out.extend_from_slice(&mark(salt).to_le_bytes());
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&len32(&self.payload));
        out.extend_from_slice(&ordinal.to_le_bytes());
        out.extend_from_slice(&[self.kind.encode(), u8::from(self.version) | self.tie.encode(), 0, 0]);
        out.extend_from_slice(&len32(&self.reason));
        for number in [self.id, self.lane, self.accepted_at.0] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out.extend_from_slice(self.key.as_bytes());
        *chain = link(chain, &out[start + 8..start + 64], &self.payload, &self.reason);
        out.extend_from_slice(chain);
        out.extend_from_slice(&self.payload);
        out.extend_from_slice(&self.reason);
        let crc = salted_crc(salt, &out[start + 8..]);
        out[start + 4..start + 8].copy_from_slice(&crc.to_le_bytes());
        out.resize(start + self.size(), 0);
    }

    /// How long the record is that seems to begin here.
    pub(super) fn lengths(header: &[u8], salt: u64) -> Option<Lengths> {
        let fields = Fields(header);
        if header.len() < RECORD_HEADER || fields.u32(0) != mark(salt) {
            return None;
        }
        Some(Lengths { payload: fields.u32(8) as usize, reason: fields.u32(20) as usize })
    }

    /// The record that begins here, if every byte of it is right.
    pub(super) fn decode(bytes: &Bytes, salt: u64) -> Option<Found> {
        let lengths = Self::lengths(bytes, salt)?;
        let reason_at = RECORD_HEADER.checked_add(lengths.payload)?;
        let end = reason_at.checked_add(lengths.reason)?;
        let fields = Fields(bytes);
        if salted_crc(salt, bytes.get(8..end)?) != fields.u32(4) {
            return None;
        }
        let flags = fields.u8(17);
        let record = Self {
            id: fields.u64(24),
            kind: Kind::decode(fields.u8(16))?,
            version: flags & 1 != 0,
            tie: Tie::decode(flags),
            lane: fields.u64(32),
            accepted_at: Timestamp(fields.u64(40)),
            key: IdempotencyKey::from_bytes(fields.bytes(48)),
            payload: bytes.slice(RECORD_HEADER..reason_at),
            reason: bytes.slice(reason_at..end),
        };
        Some(Found { record, ordinal: fields.u32(12), chain: fields.bytes(64), chained: fields.bytes(8) })
    }
}

impl Found {
    /// Whether the record follows on a record that ended with `previous`.
    pub(super) fn follows(&self, previous: &Chain) -> bool {
        link(previous, &self.chained, &self.record.payload, &self.record.reason) == self.chain
    }
}

fn len32(bytes: &Bytes) -> [u8; 4] {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes()
}

/// A dead letter's reason in bytes.
pub(super) fn encode_reason(reason: &BurialReason, limit: usize) -> Bytes {
    let mut end = reason.message.len().min(limit);
    while !reason.message.is_char_boundary(end) {
        end -= 1;
    }
    let mut out = Vec::with_capacity(10 + end);
    out.extend_from_slice(&reason.status.unwrap_or(0).to_le_bytes());
    out.extend_from_slice(&reason.at.0.to_le_bytes());
    out.extend_from_slice(&reason.message.as_bytes()[..end]);
    out.into()
}

/// A dead letter's reason from its bytes.
pub(super) fn decode_reason(bytes: &[u8]) -> BurialReason {
    let fields = Fields(bytes);
    BurialReason {
        status: Some(fields.u16(0)).filter(|status| *status != 0),
        message: String::from_utf8_lossy(bytes.get(10..).unwrap_or_default()).into_owned(),
        at: Timestamp(fields.u64(2)),
    }
}

/// Sector 0 of a table: the segment's footer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seal {
    /// The process stopped in order.
    pub(super) clean: bool,
    pub(super) records: u32,
    pub(super) sequence: u64,
    pub(super) salt: u64,
    pub(super) end: u64,
    pub(super) next_id: u64,
    pub(super) chain: Chain,
}

impl Seal {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(SECTOR as usize);
        out.extend_from_slice(TABLE_MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&[u8::from(self.clean), 0]);
        out.extend_from_slice(&self.records.to_le_bytes());
        for number in [self.sequence, self.salt, self.end, self.next_id] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out.extend_from_slice(&self.chain);
        out.extend_from_slice(&crc32c::crc32c(&out).to_le_bytes());
        out.resize(SECTOR as usize, 0);
        out
    }

    /// The seal, if it is one and belongs to this life of the segment's file.
    pub(super) fn decode(sector: &[u8], header: &SegmentHeader) -> Option<Self> {
        let fields = Fields(sector);
        let seal = Self {
            clean: fields.u8(10) == 1,
            records: fields.u32(12),
            sequence: fields.u64(16),
            salt: fields.u64(24),
            end: fields.u64(32),
            next_id: fields.u64(40),
            chain: fields.bytes(48),
        };
        let right = sector.starts_with(TABLE_MAGIC)
            && fields.u32(SEAL_LEN - 4) == crc32c::crc32c(sector.get(..SEAL_LEN - 4)?)
            && (seal.sequence, seal.salt) == (header.sequence, header.salt);
        right.then_some(seal)
    }
}

/// What became of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Still to be delivered, or kept as a dead letter.
    Kept,
    Acknowledged,
    Superseded,
    Damaged,
}

/// One record's entry in a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) id: u64,
    pub(super) lane: u64,
    pub(super) offset: u32,
    pub(super) kind: Kind,
    pub(super) version: bool,
    pub(super) state: State,
    /// Due at, if it was rescheduled; else when it was accepted.
    pub(super) due: Timestamp,
    pub(super) history: Option<History>,
}

impl Slot {
    /// The slot of a record that was just written.
    pub(super) fn new(record: &Record, offset: u32) -> Self {
        Self {
            id: record.id,
            lane: record.lane,
            offset,
            kind: record.kind,
            version: record.version,
            state: State::Kept,
            due: record.accepted_at,
            history: None,
        }
    }

    /// Stands for a record that could not be read.
    pub(super) fn damaged() -> Self {
        Self {
            id: 0,
            lane: 0,
            offset: 0,
            kind: Kind::Event,
            version: false,
            state: State::Damaged,
            due: Timestamp(0),
            history: None,
        }
    }

    pub(super) fn with_state(self, state: State) -> Self {
        Self { state, ..self }
    }

    pub(super) fn place(ordinal: u32) -> u64 {
        SECTOR + u64::from(ordinal / SLOTS_IN_SECTOR) * SECTOR + u64::from(ordinal % SLOTS_IN_SECTOR) * SLOT as u64
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>, salt: u64) {
        let start = out.len();
        let history = self.history.unwrap_or_default();
        out.extend_from_slice(&self.id.to_le_bytes());
        out.extend_from_slice(&self.lane.to_le_bytes());
        out.extend_from_slice(&self.offset.to_le_bytes());
        out.extend_from_slice(&history.attempts.to_le_bytes());
        put_u48(out, self.due.0);
        put_u48(out, history.first_ambiguous.map_or(0, |first| first.0.max(1)));
        let bits = self.kind.encode()
            | u8::from(self.version) << 4
            | u8::from(self.history.is_some()) << 5
            | u8::from(history.rekeyed) << 6;
        let state = match self.state {
            State::Kept => 1,
            State::Acknowledged => 2,
            State::Superseded => 3,
            State::Damaged => 4,
        };
        out.extend_from_slice(&[bits, state]);
        let crc = salted_crc(salt, &out[start..]);
        out.extend_from_slice(&crc.to_le_bytes());
    }

    pub(super) fn decode(bytes: &[u8], salt: u64) -> Option<Self> {
        let fields = Fields(bytes);
        if fields.u32(SLOT - 4) != salted_crc(salt, bytes.get(..SLOT - 4)?) {
            return None;
        }
        let bits = fields.u8(36);
        let first = fields.u48(30);
        let history = History {
            attempts: fields.u32(20),
            first_ambiguous: Some(Timestamp(first)).filter(|first| first.0 != 0),
            rekeyed: bits & 0x40 != 0,
        };
        Some(Self {
            id: fields.u64(0),
            lane: fields.u64(8),
            offset: fields.u32(16),
            kind: Kind::decode(bits & 0x0f)?,
            version: bits & 0x10 != 0,
            state: match fields.u8(37) {
                1 => State::Kept,
                2 => State::Acknowledged,
                3 => State::Superseded,
                4 => State::Damaged,
                _ => return None,
            },
            due: Timestamp(fields.u48(24)),
            history: (bits & 0x20 != 0).then_some(history),
        })
    }
}
