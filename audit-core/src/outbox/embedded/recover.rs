//! Finds out what a sub-journal holds. Writes nothing, so that a crash in here is a crash before it; a reader beside a
//! running application uses it as well.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::ops::Range;

use super::format::{
    Chain, PAGE, PUT_OFF, Page, Place, SECTOR, Seal, SegmentHeader, State, Summary, Tie, WAIT, decode_wait, wait_at,
};
use super::index::Index;
use super::io::{DiskFile, Files, Name};
use super::states::read_states;
use super::window::Window;
use crate::outbox::Retry;

/// A segment in use.
#[derive(Debug, Clone)]
pub(super) struct Segment {
    pub(super) file: u16,
    pub(super) header: SegmentHeader,
    pub(super) records: u32,
    pub(super) end: u64,
    /// The chain after the last record.
    pub(super) chain: Chain,
    /// Its seal is on disk.
    pub(super) sealed: bool,
    /// Some of it could not be read or synced: it stays as it is and is never used again.
    pub(super) spoilt: bool,
}

/// What a sub-journal holds.
#[derive(Debug)]
pub(super) struct Loaded {
    /// By sequence.
    pub(super) segments: Vec<Segment>,
    pub(super) spare: Vec<u16>,
    /// The highest number of a file.
    pub(super) files: u16,
    pub(super) next_sequence: u64,
    pub(super) next_id: u64,
    pub(super) chain: Chain,
    pub(super) index: Index,
    pub(super) report: Report,
    /// Damaged stretches, for the quarantine.
    pub(super) damaged: Vec<Stretch>,
}

/// What was found to be wrong.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Report {
    pub(super) unclean: bool,
    pub(super) open_intents: u64,
    pub(super) torn: u64,
    pub(super) lost: u64,
    pub(super) lost_files: u64,
}

/// Damaged bytes between two records.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stretch {
    pub(super) file: u16,
    pub(super) sequence: u64,
    pub(super) from: u64,
    pub(super) to: u64,
}

/// Why a sub-journal cannot be loaded. Damage is no reason.
#[derive(Debug)]
pub(super) enum LoadError {
    /// A later release wrote it.
    Newer(u16),
    Io(io::Error),
}

impl From<io::Error> for LoadError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// `held`: the most records that the index is to hold.
pub(super) fn load(files: &Files, held: usize) -> Result<Loaded, LoadError> {
    let headers = read_headers(files)?;
    let lost_files = headers.lost().count() as u64;
    let newest = headers.newest.as_ref();
    let mut loaded = Loaded {
        segments: Vec::new(),
        files: headers.highest_file,
        next_sequence: newest.map_or(1, |newest| newest.sequence + 1),
        next_id: newest.map_or(1, |newest| newest.next_id),
        chain: newest.map_or([0; 32], |newest| newest.chain),
        spare: headers.spare.iter().chain(&headers.gone).copied().collect(),
        index: Index::new(held),
        report: Report { lost_files, ..Report::default() },
        damaged: Vec::new(),
    };
    for (file, header) in &headers.in_use {
        load_segment(files, *file, header, &headers, &mut loaded)?;
    }
    loaded.report.open_intents = loaded.index.states.intents();
    Ok(loaded)
}

/// What the headers of all segments say.
#[derive(Debug)]
pub(super) struct Headers {
    /// By sequence.
    pub(super) in_use: Vec<(u16, SegmentHeader)>,
    spare: Vec<u16>,
    /// Files that are gone.
    gone: Vec<u16>,
    /// Files whose header is destroyed. They are left as they are.
    destroyed: Vec<u16>,
    highest_file: u16,
    /// The newest header, of a segment in use or not.
    newest: Option<SegmentHeader>,
    /// How many records count in a segment, by sequence, where a later one tells.
    counts: HashMap<u64, u32>,
}

impl Headers {
    pub(super) fn lost(&self) -> impl Iterator<Item = u16> {
        self.gone.iter().chain(&self.destroyed).copied()
    }

    /// The sequence of the segment in a file.
    fn sequence(&self, file: u16) -> Option<u64> {
        self.in_use.iter().find(|(of, _)| *of == file).map(|(_, header)| header.sequence)
    }

    /// How many records of a segment count. Those behind were given up when a write failed.
    pub(super) fn count(&self, header: &SegmentHeader) -> u32 {
        self.counts.get(&header.sequence).copied().unwrap_or(MAX_RECORDS)
    }
}

pub(super) fn read_headers(files: &Files) -> Result<Headers, LoadError> {
    let numbers = files.segments()?;
    let (mut in_use, mut spare, mut destroyed) = (Vec::new(), Vec::new(), Vec::new());
    let mut newest: Option<SegmentHeader> = None;
    let mut counts = HashMap::new();
    for file in &numbers {
        let mut page = vec![0; PAGE as usize];
        let read = files.get(Name::Segment(*file))?.read_at(&mut page, 0)?;
        match Page::decode(&page[..read]) {
            Page::Newer(version) => return Err(LoadError::Newer(version)),
            Page::Blank => spare.push(*file),
            Page::Damaged => destroyed.push(*file),
            Page::Header(header) => {
                counts.insert(header.before.0, header.before.1);
                if newest.as_ref().is_none_or(|newest| header.sequence >= newest.sequence) {
                    newest = Some(header.clone());
                }
                if header.in_use {
                    in_use.push((*file, header));
                } else {
                    spare.push(*file);
                }
            }
        }
    }
    in_use.sort_by_key(|(_, header)| header.sequence);
    let told = newest.as_ref().map_or(0, |newest| u16::try_from(newest.files).unwrap_or(u16::MAX));
    let highest_file = numbers.last().copied().unwrap_or(0).max(told);
    let gone: Vec<u16> = (1..=highest_file).filter(|file| numbers.binary_search(file).is_err()).collect();
    Ok(Headers { in_use, spare, gone, destroyed, highest_file, newest, counts })
}

fn load_segment(
    files: &Files,
    file: u16,
    header: &SegmentHeader,
    headers: &Headers,
    loaded: &mut Loaded,
) -> io::Result<()> {
    let Told { seal, states } = read_told(files, file, header)?;
    // Segments come by sequence: the last one decides.
    loaded.report.unclean = !seal.as_ref().is_some_and(|seal| seal.clean);
    let whole = |seal: &&Seal| states.len() == seal.records as usize && !states.contains(&0);
    let (end, chain, sealed) = if let Some(seal) = seal.as_ref().filter(whole) {
        loaded.index.found(file, header.salt, states);
        (seal.end, seal.chain, true)
    } else {
        loaded.index.found(file, header.salt, Vec::new());
        let (end, chain) = from_records(files, file, header, headers, seal.as_ref(), &states, loaded)?;
        (end, chain, false)
    };
    loaded.chain = chain;
    if let Some(seal) = &seal {
        loaded.next_id = loaded.next_id.max(seal.next_id);
    }
    let records = loaded.index.states.len(file);
    loaded.segments.push(Segment { file, header: header.clone(), records, end, chain, sealed, spoilt: false });
    Ok(())
}

/// What a segment's table tells; nothing if there is none, since the records themselves are the truth.
pub(super) struct Told {
    pub(super) seal: Option<Seal>,
    pub(super) states: Vec<u8>,
}

pub(super) fn read_told(files: &Files, file: u16, header: &SegmentHeader) -> io::Result<Told> {
    let table = match files.get(Name::Table(file)) {
        Ok(table) => table,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Told { seal: None, states: Vec::new() }),
        Err(error) => return Err(error),
    };
    let mut sector = [0; SECTOR as usize];
    let read = table.read_at(&mut sector, 0)?;
    let seal = Seal::decode(&sector[..read], header);
    let mut states = read_states(&*table, header.salt)?;
    // What lies behind a seal was given up when the segment was.
    states.truncate(seal.as_ref().map_or(usize::MAX, |seal| seal.records as usize));
    Ok(Told { seal, states })
}

/// A segment that was not sealed, or whose states are damaged, is read in full; the table tells what became of the
/// records. Returns where they end, and the chain there.
fn from_records(
    files: &Files,
    file: u16,
    header: &SegmentHeader,
    headers: &Headers,
    seal: Option<&Seal>,
    states: &[u8],
    loaded: &mut Loaded,
) -> io::Result<(u64, Chain)> {
    let log = files.get(Name::Segment(file))?;
    let limit = seal.map_or(log.len()?, |seal| seal.end);
    let mut window = Window::default();
    window.onto(file, header.salt);
    let scan = scan(&*log, &mut window, PAGE, limit, 0..headers.count(header), header.chain)?;
    let sequence = header.sequence;
    loaded.damaged.extend(scan.damaged.iter().map(|&(from, to)| Stretch { file, sequence, from, to }));

    let told = |ordinal: u32| State::decode(states.get(ordinal as usize).copied().unwrap_or(0));
    let by_ordinal: BTreeMap<u32, &Summary> = scan.records.iter().map(|record| (record.ordinal, record)).collect();
    let stands_alone = |record: &Summary| {
        let other = match record.tie {
            Tie::None => return false,
            Tie::WithNext => record.ordinal.checked_add(1),
            Tie::WithPrevious => record.ordinal.checked_sub(1),
        };
        let whole = other.is_some_and(|other| by_ordinal.contains_key(&other));
        match told(record.ordinal) {
            // So it was found to be before.
            Some(State::Damaged) => true,
            Some(_) => false,
            None => !whole && seal.is_none(),
        }
    };
    let told_of = u32::try_from(states.len()).unwrap_or(u32::MAX).min(headers.count(header));
    let records = by_ordinal.last_key_value().map_or(0, |(last, _)| last + 1);
    let records = records.max(seal.map_or(0, |seal| seal.records)).max(told_of).min(MAX_RECORDS);
    loaded.report.torn += u64::from(scan.torn);
    for ordinal in 0..records {
        let place = Place { file, ordinal };
        let state = match (by_ordinal.get(&ordinal), told(ordinal)) {
            (Some(record), _) if stands_alone(record) => {
                loaded.report.torn += 1;
                State::Damaged
            }
            // Its bytes may be gone, but it does not matter any more.
            (_, Some(State::Gone)) => State::Gone,
            (Some(record), _) => State::Kept(record.kind),
            (None, _) => {
                loaded.report.lost += 1;
                State::Damaged
            }
        };
        loaded.index.states.push(file, state);
        let Some(record) = by_ordinal.get(&ordinal) else { continue };
        loaded.next_id = loaded.next_id.max(record.id.saturating_add(1));
        let put_off = states.get(ordinal as usize).is_some_and(|byte| byte & PUT_OFF != 0);
        if put_off && let Some(retry) = read_wait(files, place, header.salt)? {
            loaded.index.states.put_off(place, retry);
        }
        // The older version's mark may be lost.
        if let Some(old) = record.replaces.filter(|old| *old != place && !stands_alone(record))
            && headers.sequence(old.file).is_some_and(|sequence| sequence <= header.sequence)
        {
            loaded.index.states.gone(old);
        }
    }
    Ok((scan.end, scan.chain))
}

fn read_wait(files: &Files, place: Place, salt: u64) -> io::Result<Option<Retry>> {
    let mut bytes = [0; WAIT];
    files.get(Name::Table(place.file))?.read_at(&mut bytes, wait_at(place.ordinal))?;
    Ok(decode_wait(&bytes, place.ordinal, salt))
}

/// More records than any segment holds: keeps a damaged number from being believed.
const MAX_RECORDS: u32 = 1 << 22;

/// What reading a segment in full found.
#[derive(Debug)]
pub(super) struct Scan {
    pub(super) records: Vec<Summary>,
    pub(super) damaged: Vec<(u64, u64)>,
    /// A record was begun behind the last one.
    pub(super) torn: bool,
    pub(super) end: u64,
    pub(super) chain: Chain,
}

/// Reads the records numbered `numbers`, of which the first is at `from`; `window` points at the segment.
pub(super) fn scan(
    log: &dyn DiskFile,
    window: &mut Window,
    from: u64,
    limit: u64,
    numbers: Range<u32>,
    chain: Chain,
) -> io::Result<Scan> {
    let mut scan = Scan { records: Vec::new(), damaged: Vec::new(), torn: false, end: from, chain };
    let (mut at, mut next) = (from, numbers.start);
    while at < limit && next < numbers.end {
        if let Some(found) = window.record(log, at, limit)? {
            if found.ordinal >= numbers.end {
                break;
            }
            next = found.ordinal + 1;
            let offset = u32::try_from(at).map_err(io::Error::other)?;
            scan.records.push(Summary::of(&found.record, offset, found.ordinal));
            at += found.record.size() as u64;
            (scan.end, scan.chain) = (at, found.chain);
        } else if let Some(next) = window.search(log, at + 8, limit)? {
            scan.damaged.push((at, next));
            at = next;
        } else {
            scan.torn = window.begins(log, at, limit)?;
            break;
        }
    }
    Ok(scan)
}
