//! Bytes and what they mean: `docs/journal-format.md` in code. Nothing here does I/O.

use bytes::Bytes;
use ring::digest::{Context, SHA256};

use crate::outbox::{BurialReason, History, IdempotencyKey, Retry, Timestamp};

/// The version of the format that this code writes, and the newest that it reads.
pub(super) const VERSION: u16 = 1;
/// Records begin behind the header's page.
pub(super) const PAGE: u64 = 4096;
/// What a disk writes as a whole or not at all.
pub(super) const SECTOR: u64 = 512;
/// A record's bytes before its payload.
pub(super) const RECORD_HEADER: usize = 96;
/// So many records' states are in one sector, and the waits of as many in the sectors behind it.
pub(super) const GROUP: u32 = 504;

/// No wait crosses a sector, so none is ever torn.
const WAITS_IN_SECTOR: u32 = 21;
pub(super) const WAIT: usize = 24;
const HEADER_COPY: usize = 2048;
const HEADER_LEN: usize = 88;
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
    /// The sequence of the segment that was written to before this one, and how many records of it count.
    pub(super) before: (u64, u32),
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
        copy.extend_from_slice(&self.before.0.to_le_bytes());
        copy.extend_from_slice(&self.before.1.to_le_bytes());
        copy.extend_from_slice(&crc32c::crc32c(&copy).to_le_bytes());
        let mut page = vec![0; PAGE as usize];
        page[..HEADER_LEN].copy_from_slice(&copy);
        page[HEADER_COPY..HEADER_COPY + HEADER_LEN].copy_from_slice(&copy);
        page
    }

    fn decode_copy(copy: &[u8]) -> Option<Page> {
        let fields = Fields(copy);
        if !copy.starts_with(SEGMENT_MAGIC) || fields.u32(HEADER_LEN - 4) != crc32c::crc32c(copy.get(..HEADER_LEN - 4)?)
        {
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
            before: (fields.u64(72), fields.u32(80)),
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

/// Names a record by where it is: the segment in this file, and its position among the segment's records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) file: u16,
    pub(super) ordinal: u32,
}

/// A record of a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) id: u64,
    pub(super) kind: Kind,
    /// Where the version is whose place this one takes.
    pub(super) replaces: Option<Place>,
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
        out.extend_from_slice(&[self.kind.encode(), u8::from(self.replaces.is_some()) | self.tie.encode()]);
        out.extend_from_slice(&u16::try_from(self.reason.len()).unwrap_or(u16::MAX).to_le_bytes());
        let replaces = self.replaces.unwrap_or(Place { file: 0, ordinal: 0 });
        out.extend_from_slice(&replaces.ordinal.to_le_bytes());
        put_u48(out, self.id);
        out.extend_from_slice(&replaces.file.to_le_bytes());
        for number in [self.lane, self.accepted_at.0] {
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
        Some(Lengths { payload: fields.u32(8) as usize, reason: fields.u16(18).into() })
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
            id: fields.u48(24),
            kind: Kind::decode(fields.u8(16))?,
            replaces: (flags & 1 != 0).then(|| Place { file: fields.u16(30), ordinal: fields.u32(20) }),
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
    Kept(Kind),
    /// Arrived, or there is a newer version of it.
    Gone,
    Damaged,
}

/// Set in a state's byte when the record was put off, and the table tells until when.
pub(super) const PUT_OFF: u8 = 0x10;

impl State {
    /// In one byte, which is never 0.
    pub(super) fn encode(self) -> u8 {
        match self {
            Self::Kept(kind) => kind.encode(),
            Self::Gone => 4,
            Self::Damaged => 5,
        }
    }

    /// `None`: nothing is told of this record.
    pub(super) fn decode(byte: u8) -> Option<Self> {
        match byte & !PUT_OFF {
            4 => Some(Self::Gone),
            5 => Some(Self::Damaged),
            kind => Kind::decode(kind).map(Self::Kept),
        }
    }
}

/// Where a group of states is in a table: its sector, with the sectors of their waits behind it.
pub(super) fn group_at(group: u32) -> u64 {
    SECTOR + u64::from(group) * (1 + u64::from(GROUP / WAITS_IN_SECTOR)) * SECTOR
}

/// The sector of a group of states.
pub(super) fn encode_states(group: u32, states: &[u8], salt: u64) -> Vec<u8> {
    let mut sector = states.to_vec();
    sector.resize(GROUP as usize, 0);
    sector.extend_from_slice(&group.to_le_bytes());
    sector.extend_from_slice(&salted_crc(salt, &sector).to_le_bytes());
    sector
}

/// The states in a sector; none if it is not one of this group, in this life of the file.
pub(super) fn decode_states(group: u32, sector: &[u8], salt: u64) -> Option<&[u8]> {
    let end = GROUP as usize;
    let fields = Fields(sector);
    let right = fields.u32(end) == group && fields.u32(end + 4) == salted_crc(salt, sector.get(..end + 4)?);
    right.then(|| sector.get(..end))?
}

/// Where a record's wait is in a table.
pub(super) fn wait_at(ordinal: u32) -> u64 {
    let (sector, in_sector) = (ordinal % GROUP / WAITS_IN_SECTOR, ordinal % GROUP % WAITS_IN_SECTOR);
    group_at(ordinal / GROUP) + u64::from(1 + sector) * SECTOR + u64::from(in_sector) * WAIT as u64
}

/// Until when a record was put off, and what is remembered of it.
pub(super) fn encode_wait(retry: &Retry, ordinal: u32, salt: u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(WAIT);
    out.extend_from_slice(&retry.history.attempts.to_le_bytes());
    put_u48(&mut out, retry.due.0);
    put_u48(&mut out, retry.history.first_ambiguous.map_or(0, |first| first.0.max(1)));
    out.extend_from_slice(&[u8::from(retry.history.rekeyed), 0, 0, 0]);
    let crc = salted_crc(salt, &out) ^ ordinal;
    out.extend_from_slice(&crc.to_le_bytes());
    out
}

/// The wait that `bytes` tell; a damaged one counts as none, so that the record is tried again at once.
pub(super) fn decode_wait(bytes: &[u8; WAIT], ordinal: u32, salt: u64) -> Option<Retry> {
    let fields = Fields(bytes);
    if fields.u32(WAIT - 4) != salted_crc(salt, &bytes[..WAIT - 4]) ^ ordinal {
        return None;
    }
    let history = History {
        attempts: fields.u32(0),
        first_ambiguous: Some(Timestamp(fields.u48(10))).filter(|first| first.0 != 0),
        rekeyed: fields.u8(16) != 0,
    };
    Some(Retry { due: Timestamp(fields.u48(4)), history })
}

/// What the index needs to know of a record on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Summary {
    pub(super) id: u64,
    pub(super) lane: u64,
    pub(super) offset: u32,
    pub(super) ordinal: u32,
    pub(super) kind: Kind,
    pub(super) tie: Tie,
    pub(super) replaces: Option<Place>,
    pub(super) accepted_at: Timestamp,
}

impl Summary {
    pub(super) fn of(record: &Record, offset: u32, ordinal: u32) -> Self {
        Self {
            id: record.id,
            lane: record.lane,
            offset,
            ordinal,
            kind: record.kind,
            tie: record.tie,
            replaces: record.replaces,
            accepted_at: record.accepted_at,
        }
    }
}
