//! Looks into a journal from outside, while an application may be writing to it.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use super::format::{Chain, PAGE, Page, SegmentHeader};
use super::io::{Directory, Files, Name, ReadOnly};
use super::log::storage;
use super::recover::{Headers, LoadError, Told, load, read_headers, read_told};
use super::shelf::Shelf;
use super::window::Window;
use super::{both, lock};
use crate::outbox::{Contents, DeadLetter, IdempotencyKey, OutboxError, OutboxErrorKind, RecordId, Timestamp};

/// Reads a journal's directory, all processes' shares of it, without locking or changing anything.
#[derive(Debug)]
pub struct JournalReader {
    shares: Vec<(u16, Arc<Files>)>,
}

/// A record that waits for its delivery.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PendingRecord {
    /// The record.
    pub record: RecordId,
    /// The key that it is sent under.
    pub key: IdempotencyKey,
    /// What is sent.
    pub payload: bytes::Bytes,
    /// When it was accepted.
    pub accepted_at: Timestamp,
}

/// What [`JournalReader::verify`] found.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Verification {
    /// Segments that were read.
    pub segments: u64,
    /// Records whose checksum, place and chain are right.
    pub records: u64,
    /// What is wrong; empty if nothing is.
    pub findings: Vec<Finding>,
}

/// Something in a journal that is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// The file, within the journal's directory.
    pub file: String,
    /// Where in it, in bytes.
    pub offset: u64,
    /// What is wrong there.
    pub damage: Damage,
}

/// What can be wrong in a journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Damage {
    /// These bytes are no record, and there are records behind them.
    Unreadable,
    /// A record is whole, but not the one that was written in this place: changed, swapped, or one before it was removed.
    Unchained,
    /// Records that were there are not any more.
    Missing,
    /// The segment's file is gone, or its header is destroyed.
    NoSegment,
    /// The segment does not follow on the one before it.
    Detached,
}

impl JournalReader {
    /// Looks into the journal in `dir`.
    ///
    /// # Errors
    /// [`OutboxErrorKind::Storage`] when the directory cannot be read.
    pub fn open(dir: impl Into<PathBuf>) -> Result<Self, OutboxError> {
        let shares = lock::all(&dir.into()).map_err(storage)?;
        let files = |path| Arc::new(Files::new(Arc::new(ReadOnly(Directory::at(path)))));
        Ok(Self { shares: shares.into_iter().map(|(number, path)| (number, files(path))).collect() })
    }

    /// How much waits, and how much is dead.
    ///
    /// # Errors
    /// [`OutboxErrorKind::Storage`] when a file cannot be read or was written by a later release.
    pub fn contents(&self) -> Result<Contents, OutboxError> {
        let mut sum = Contents::default();
        for shelf in self.shelves(RecordId(0)) {
            sum = both(sum, shelf?.contents());
        }
        Ok(sum)
    }

    /// Up to `max` pending records, oldest first, starting behind `after`.
    ///
    /// # Errors
    /// [`OutboxErrorKind::Storage`] when a file cannot be read or was written by a later release.
    pub fn pending(&self, after: Option<RecordId>, max: usize) -> Result<Vec<PendingRecord>, OutboxError> {
        let after = after.unwrap_or(RecordId(0));
        let mut pending = Vec::new();
        for shelf in self.shelves(after) {
            let shelf = shelf?;
            let records = shelf.pending(after, max - pending.len())?;
            pending.extend(records.into_iter().map(|found| PendingRecord {
                record: shelf.global(found.record.id),
                key: found.record.key,
                payload: found.record.payload,
                accepted_at: found.record.accepted_at,
            }));
        }
        Ok(pending)
    }

    /// Up to `max` dead letters, oldest first, starting behind `after`.
    ///
    /// # Errors
    /// [`OutboxErrorKind::Storage`] when a file cannot be read or was written by a later release.
    pub fn dead_letters(&self, after: Option<RecordId>, max: usize) -> Result<Vec<DeadLetter>, OutboxError> {
        let after = after.unwrap_or(RecordId(0));
        let mut letters = Vec::new();
        for shelf in self.shelves(after) {
            letters.extend(shelf?.dead_letters(after, max - letters.len())?);
        }
        Ok(letters)
    }

    /// What the shares hold at this moment, of those that may have something behind `after`.
    fn shelves(&self, after: RecordId) -> impl Iterator<Item = Result<Shelf, OutboxError>> {
        let shares = self.shares.iter().filter(move |(number, _)| u64::from(*number) >= after.0 >> 48);
        shares.map(|(number, files)| {
            let index = load(files, 0).map_err(unreadable)?.index;
            Ok(Shelf::over(*number, Arc::new(Mutex::new(index)), Arc::clone(files)))
        })
    }

    /// Computes every checksum and the chain anew.
    ///
    /// # Errors
    /// [`OutboxErrorKind::Storage`] when a file cannot be read or was written by a later release.
    pub fn verify(&self) -> Result<Verification, OutboxError> {
        let mut verification = Verification::default();
        for (number, files) in &self.shares {
            verify_share(*number, files, &mut verification).map_err(unreadable)?;
        }
        Ok(verification)
    }
}

fn verify_share(number: u16, files: &Files, verification: &mut Verification) -> Result<(), LoadError> {
    let headers = read_headers(files)?;
    for file in headers.lost() {
        verification.findings.push(Finding::new(number, file, 0, Damage::NoSegment));
    }
    let mut before: Option<(u64, Chain)> = None;
    for (file, header) in headers.in_use.clone() {
        let mut findings = Vec::new();
        if before.is_some_and(|(sequence, chain)| sequence + 1 == header.sequence && chain != header.chain) {
            findings.push(Finding::new(number, file, 0, Damage::Detached));
        }
        let (records, chain) = verify_segment(number, files, file, &header, &headers, &mut findings)?;
        // The application may have begun something else in this file meanwhile.
        let mut page = vec![0; PAGE as usize];
        let read = files.get(Name::Segment(file))?.read_at(&mut page, 0)?;
        if Page::decode(&page[..read]) == Page::Header(header.clone()) {
            verification.segments += 1;
            verification.records += records;
            verification.findings.append(&mut findings);
            before = chain.map(|chain| (header.sequence, chain));
        }
    }
    Ok(())
}

/// Tells how many records are right, and the chain behind the last one of a sealed segment.
fn verify_segment(
    number: u16,
    files: &Files,
    file: u16,
    header: &SegmentHeader,
    headers: &Headers,
    findings: &mut Vec<Finding>,
) -> io::Result<(u64, Option<Chain>)> {
    // The table first: what it names was in the segment before.
    let Told { seal, states } = read_told(files, file, header)?;
    let log = files.get(Name::Segment(file))?;
    let limit = match &seal {
        Some(seal) => seal.end,
        None => log.len()?,
    };
    let mut window = Window::default();
    window.onto(file, header.salt);
    let mut complain = |offset, damage| findings.push(Finding::new(number, file, offset, damage));
    let (mut at, mut next, mut right) = (PAGE, 0, 0);
    let mut chain = Some(header.chain);
    while at < limit {
        if let Some(found) = window.record(&*log, at, limit)? {
            if found.ordinal >= headers.count(header) {
                break;
            }
            let in_place = found.ordinal == next || chain.is_none() && found.ordinal > next;
            if in_place && chain.is_none_or(|chain| found.follows(&chain)) {
                right += 1;
            } else {
                complain(at, Damage::Unchained);
            }
            next = found.ordinal.saturating_add(1);
            chain = Some(found.chain);
            at += found.record.size() as u64;
        } else if let Some(behind) = window.search(&*log, at + 8, limit)? {
            complain(at, Damage::Unreadable);
            (at, chain) = (behind, None);
        } else {
            break;
        }
    }
    let named = u32::try_from(states.len()).unwrap_or(u32::MAX).min(headers.count(header));
    let cut_off = seal.as_ref().is_some_and(|seal| next < seal.records || chain != Some(seal.chain));
    if named > next || cut_off {
        complain(at, Damage::Missing);
    }
    Ok((right, seal.map(|seal| seal.chain)))
}

impl Finding {
    fn new(number: u16, file: u16, offset: u64, damage: Damage) -> Self {
        Self { file: format!("journal-{number}/{}", Name::Segment(file)), offset, damage }
    }
}

fn unreadable(error: LoadError) -> OutboxError {
    match error {
        LoadError::Newer(version) => OutboxError::new(
            OutboxErrorKind::Storage,
            format!("the journal was written in format {version} by a later release; use that release to read it"),
        ),
        LoadError::Io(error) => storage(error),
    }
}
