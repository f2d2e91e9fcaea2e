//! Looks into a journal from outside, while an application may be writing to it.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::format::{Chain, Found, MAX_U48, PAGE, Page, SECTOR, Seal, SegmentHeader, State};
use super::index::{Index, Spot};
use super::io::{Directory, Files, Name, ReadOnly};
use super::lock;
use super::log::storage;
use super::recover::{LoadError, Loaded, load, read_headers, read_table, slot};
use super::shelf::dead_letter;
use super::window::Window;
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
        for (_, files) in &self.shares {
            let mut loaded = load(files).map_err(unreadable)?;
            sum.pending += loaded.index.pending;
            sum.dead += loaded.index.dead.len() as u64;
            sum.next_due = sum.next_due.into_iter().chain(loaded.index.next_due()).min();
        }
        sum.oldest = self.pending(None, 1)?.first().map(|oldest| oldest.accepted_at);
        Ok(sum)
    }

    /// Up to `max` pending records, oldest first, starting behind `after`.
    ///
    /// # Errors
    /// [`OutboxErrorKind::Storage`] when a file cannot be read or was written by a later release.
    pub fn pending(&self, after: Option<RecordId>, max: usize) -> Result<Vec<PendingRecord>, OutboxError> {
        let records = self.list(after, max, Index::list)?;
        let pending = records.into_iter().map(|(number, found)| PendingRecord {
            record: RecordId(u64::from(number) << 48 | found.record.id),
            key: found.record.key,
            payload: found.record.payload,
            accepted_at: found.record.accepted_at,
        });
        Ok(pending.collect())
    }

    /// Up to `max` dead letters, oldest first, starting behind `after`.
    ///
    /// # Errors
    /// [`OutboxErrorKind::Storage`] when a file cannot be read or was written by a later release.
    pub fn dead_letters(&self, after: Option<RecordId>, max: usize) -> Result<Vec<DeadLetter>, OutboxError> {
        let dead =
            |index: &Index, after: u64, max| index.dead.range(after + 1..).take(max).map(|(_, spot)| *spot).collect();
        let records = self.list(after, max, dead)?;
        Ok(records.into_iter().map(|(number, found)| dead_letter(number, found)).collect())
    }

    fn list(
        &self,
        after: Option<RecordId>,
        max: usize,
        choose: impl Fn(&Index, u64, usize) -> Vec<Spot>,
    ) -> Result<Vec<(u16, Found)>, OutboxError> {
        let after = after.map_or(0, |record| record.0);
        let mut records = Vec::new();
        for (number, files) in self.shares.iter().filter(|(number, _)| u64::from(*number) >= after >> 48) {
            let after = if after >> 48 == u64::from(*number) { after & MAX_U48 } else { 0 };
            let Loaded { index, .. } = load(files).map_err(unreadable)?;
            let mut window = Window::default();
            for spot in choose(&index, after, max - records.len()) {
                window.onto(spot.file, index.salts.get(&spot.file).copied().unwrap_or_default());
                let log = files.get(Name::Segment(spot.file)).map_err(storage)?;
                // One that is gone was delivered a moment ago, and its segment is used for something else.
                let found = window.record(&*log, u64::from(spot.offset), u64::from(u32::MAX)).map_err(storage)?;
                records.extend(found.map(|found| (*number, found)));
            }
        }
        Ok(records)
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
    for (file, header) in headers.in_use {
        let mut findings = Vec::new();
        if before.is_some_and(|(sequence, chain)| sequence + 1 == header.sequence && chain != header.chain) {
            findings.push(Finding::new(number, file, 0, Damage::Detached));
        }
        let (records, chain) = verify_segment(number, files, file, &header, &mut findings)?;
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
    findings: &mut Vec<Finding>,
) -> io::Result<(u64, Option<Chain>)> {
    // The table first: what it names was in the segment before.
    let table = read_table(files, file)?;
    let seal = Seal::decode(table.get(..SECTOR as usize).unwrap_or_default(), header);
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
            let told = slot(&table, found.ordinal, header.salt).filter(|slot| slot.state != State::Damaged);
            let in_place = found.ordinal == next || chain.is_none() && found.ordinal > next;
            let as_told = told.is_none_or(|slot| (slot.id, u64::from(slot.offset)) == (found.record.id, at));
            if in_place && as_told && chain.is_none_or(|chain| found.follows(&chain)) {
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
    let named = (next..).take_while(|ordinal| slot(&table, *ordinal, header.salt).is_some()).count();
    let cut_off = seal.as_ref().is_some_and(|seal| next < seal.records || chain != Some(seal.chain));
    if named > 0 || cut_off {
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
