//! Finds out what a sub-journal holds. Writes nothing, so that a crash in here is a crash before it; a reader beside a
//! running application uses it as well.

use std::collections::{BTreeMap, HashSet};
use std::io;
use std::sync::mpsc::sync_channel;
use std::thread;

use super::format::{Chain, Kind, PAGE, Page, SECTOR, Seal, SegmentHeader, Slot, State, Tie};
use super::index::{Index, Spot};
use super::io::{DiskFile, Files, Name};
use super::window::Window;

/// A segment in use.
#[derive(Debug, Clone)]
pub(super) struct Segment {
    pub(super) file: u16,
    pub(super) header: SegmentHeader,
    pub(super) records: u32,
    /// Records that still count: the segment is given up when none does.
    pub(super) kept: u32,
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
    /// Intents that nothing was found to settle so far.
    open_intents: HashSet<u64>,
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

/// One segment's records as its bytes or its table tell them.
#[derive(Debug)]
struct Contents {
    slots: Vec<Slot>,
    end: u64,
    chain: Chain,
    /// The table is as good as these slots.
    sealed: bool,
}

pub(super) fn load(files: &Files) -> Result<Loaded, LoadError> {
    let mut headers = read_headers(files)?;
    headers.spare.extend(&headers.gone);
    let (newest, lost_files) = (headers.newest.as_ref(), headers.lost().count() as u64);
    let mut loaded = Loaded {
        segments: Vec::new(),
        files: headers.highest_file,
        next_sequence: newest.map_or(1, |newest| newest.sequence + 1),
        next_id: newest.map_or(1, |newest| newest.next_id),
        chain: newest.map_or(Chain::default(), |newest| newest.chain),
        spare: headers.spare,
        index: Index::new(),
        report: Report { lost_files, ..Report::default() },
        open_intents: HashSet::new(),
        damaged: Vec::new(),
    };
    let mut stale = HashSet::new();
    if headers.in_use.len() < WORTH_A_THREAD {
        for (file, header) in headers.in_use {
            load_segment(files, read_told(files, file, header)?, &mut loaded, &mut stale)?;
        }
    } else {
        thread::scope(|scope| {
            let (send, told) = sync_channel(TOLD_AHEAD);
            let read_ahead = move || {
                let told = headers.in_use.into_iter().map(|(file, header)| read_told(files, file, header));
                told.map(|told| send.send(told).is_ok()).take_while(|sent| *sent).for_each(drop);
            };
            thread::Builder::new().spawn_scoped(scope, read_ahead)?;
            told.into_iter().try_for_each(|told| load_segment(files, told?, &mut loaded, &mut stale))
        })?;
    }
    supersede(files, &mut loaded, &stale)?;
    loaded.report.open_intents = loaded.open_intents.len() as u64;
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
}

impl Headers {
    pub(super) fn lost(&self) -> impl Iterator<Item = u16> {
        self.gone.iter().chain(&self.destroyed).copied()
    }
}

pub(super) fn read_headers(files: &Files) -> Result<Headers, LoadError> {
    let numbers = files.segments()?;
    let (mut in_use, mut spare, mut destroyed) = (Vec::new(), Vec::new(), Vec::new());
    let mut newest: Option<SegmentHeader> = None;
    for file in &numbers {
        let mut page = vec![0; PAGE as usize];
        let read = files.get(Name::Segment(*file))?.read_at(&mut page, 0)?;
        match Page::decode(&page[..read]) {
            Page::Newer(version) => return Err(LoadError::Newer(version)),
            Page::Blank => spare.push(*file),
            Page::Damaged => destroyed.push(*file),
            Page::Header(header) => {
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
    Ok(Headers { in_use, spare, gone, destroyed, highest_file, newest })
}

/// A long backlog's tables are read and checked by a thread of their own, so far ahead of what takes them in.
const TOLD_AHEAD: usize = 2;
const WORTH_A_THREAD: usize = 8;

/// What a segment's table tells.
#[derive(Debug)]
struct Told {
    file: u16,
    header: SegmentHeader,
    table: Vec<u8>,
    seal: Option<Seal>,
    /// Only of a sealed segment whose table is whole.
    contents: Option<Contents>,
}

fn read_told(files: &Files, file: u16, header: SegmentHeader) -> io::Result<Told> {
    let table = read_table(files, file)?;
    let seal = Seal::decode(table.get(..SECTOR as usize).unwrap_or_default(), &header);
    let contents = seal.as_ref().and_then(|seal| from_table(&table, seal));
    Ok(Told { file, header, table, seal, contents })
}

fn load_segment(files: &Files, told: Told, loaded: &mut Loaded, stale: &mut HashSet<Spot>) -> io::Result<()> {
    let Told { file, header, table, seal, contents } = told;
    let contents = match contents {
        Some(contents) => contents,
        None => from_records(files, file, &header, &table, seal.as_ref(), loaded)?,
    };
    // Segments come by sequence: the last one decides.
    loaded.report.unclean = !seal.as_ref().is_some_and(|seal| seal.clean);
    loaded.chain = contents.chain;
    if let Some(seal) = &seal {
        loaded.next_id = loaded.next_id.max(seal.next_id);
    }
    let mut kept = 0;
    for slot in &contents.slots {
        loaded.next_id = loaded.next_id.max(slot.id.saturating_add(1));
        take_in(loaded, file, slot, stale);
        // Slots that are still to be written are counted when they are.
        kept += u32::from(slot.state == State::Kept || !contents.sealed);
    }
    loaded.index.salts.insert(file, header.salt);
    loaded.segments.push(Segment {
        file,
        header,
        records: u32::try_from(contents.slots.len()).unwrap_or(u32::MAX),
        kept,
        end: contents.end,
        chain: contents.chain,
        sealed: contents.sealed,
        spoilt: false,
    });
    Ok(())
}

/// The newest version of a record counts.
fn take_in(loaded: &mut Loaded, file: u16, slot: &Slot, stale: &mut HashSet<Spot>) {
    let Loaded { index, open_intents, .. } = loaded;
    if slot.version && slot.state != State::Damaged {
        stale.extend(index.remove(slot.id, slot.lane));
        stale.extend(index.dead.remove(&slot.id));
        open_intents.remove(&slot.id);
    }
    if slot.state != State::Kept {
        return;
    }
    if slot.kind == Kind::Dead {
        index.dead.insert(slot.id, Spot { file, offset: slot.offset });
        return;
    }
    if slot.kind == Kind::Intent {
        open_intents.insert(slot.id);
    }
    index.insert(file, slot, false);
}

/// A table's bytes; none if the file is not there, since the records themselves are the truth.
pub(super) fn read_table(files: &Files, file: u16) -> io::Result<Vec<u8>> {
    let table = match files.get(Name::Table(file)) {
        Ok(table) => table,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut bytes = vec![0; usize::try_from(table.len()?).unwrap_or_default()];
    let read = table.read_at(&mut bytes, 0)?;
    bytes.truncate(read);
    Ok(bytes)
}

pub(super) fn slot(table: &[u8], ordinal: u32, salt: u64) -> Option<Slot> {
    let at = usize::try_from(Slot::place(ordinal)).ok()?;
    Slot::decode(table.get(at..at + super::format::SLOT)?, salt)
}

/// One slot, read by itself.
pub(super) fn read_slot(table: &dyn DiskFile, ordinal: u32, salt: u64) -> io::Result<Option<Slot>> {
    let mut bytes = [0; super::format::SLOT];
    let read = table.read_at(&mut bytes, Slot::place(ordinal))?;
    Ok(Slot::decode(&bytes[..read], salt))
}

/// A sealed segment is what its table says, if the table is whole.
fn from_table(table: &[u8], seal: &Seal) -> Option<Contents> {
    let mut slots = Vec::with_capacity(seal.records.min(MAX_RECORDS) as usize);
    for ordinal in 0..seal.records {
        slots.push(slot(table, ordinal, seal.salt)?);
    }
    Some(Contents { slots, end: seal.end, chain: seal.chain, sealed: true })
}

/// A segment that was not sealed, or whose table is damaged, is read in full; the table tells the states.
fn from_records(
    files: &Files,
    file: u16,
    header: &SegmentHeader,
    table: &[u8],
    seal: Option<&Seal>,
    loaded: &mut Loaded,
) -> io::Result<Contents> {
    let log = files.get(Name::Segment(file))?;
    // Behind a seal's end lies what was given up when the segment was.
    let limit = seal.map_or(log.len()?, |seal| seal.end);
    let mut window = Window::default();
    window.onto(file, header.salt);
    let scan = scan(&*log, &mut window, limit, header.chain)?;
    let sequence = header.sequence;
    loaded.damaged.extend(scan.damaged.iter().map(|&(from, to)| Stretch { file, sequence, from, to }));

    let mut by_ordinal: BTreeMap<u32, Slot> = scan.records.iter().map(|(ordinal, slot, _)| (*ordinal, *slot)).collect();
    let mut ignored = 0;
    for (ordinal, _, tie) in scan.records {
        let other = match tie {
            Tie::None => continue,
            Tie::WithNext => ordinal.checked_add(1),
            Tie::WithPrevious => ordinal.checked_sub(1),
        };
        let whole = other.is_some_and(|other| by_ordinal.contains_key(&other));
        let named = slot(table, ordinal, header.salt).is_some_and(|slot| slot.state != State::Damaged);
        if !whole && !named && seal.is_none() {
            by_ordinal.insert(ordinal, Slot::damaged());
            ignored += 1;
        }
    }
    let known = seal.map_or(0, |seal| seal.records);
    let slots_in_table = u32::try_from(table.len() / super::format::SLOT).unwrap_or(u32::MAX);
    for ordinal in 0..slots_in_table.min(MAX_RECORDS) {
        let Some(told) = slot(table, ordinal, header.salt) else { continue };
        match by_ordinal.get_mut(&ordinal) {
            Some(read) if (read.id, read.offset) == (told.id, told.offset) => *read = told,
            Some(_) => {}
            // Its bytes are gone, but it does not matter any more.
            None if told.state != State::Kept => drop(by_ordinal.insert(ordinal, told)),
            None => drop(by_ordinal.insert(ordinal, Slot::damaged())),
        }
    }
    let records = by_ordinal.last_key_value().map_or(0, |(last, _)| last + 1).max(known);
    let slots: Vec<Slot> =
        (0..records).map(|ordinal| by_ordinal.get(&ordinal).copied().unwrap_or_else(Slot::damaged)).collect();
    loaded.report.torn += ignored + u64::from(scan.torn);
    loaded.report.lost += slots.iter().filter(|slot| slot.state == State::Damaged).count() as u64 - ignored;
    for (ordinal, slot) in (0..).zip(&slots) {
        loaded.index.unwritten.insert((file, ordinal), *slot);
    }
    Ok(Contents { slots, end: scan.end, chain: scan.chain, sealed: false })
}

/// More records than any segment holds: keeps a damaged number from being believed.
const MAX_RECORDS: u32 = 1 << 22;

/// What reading a segment in full found.
#[derive(Debug)]
pub(super) struct Scan {
    pub(super) records: Vec<(u32, Slot, Tie)>,
    pub(super) damaged: Vec<(u64, u64)>,
    /// A record was begun behind the last one.
    pub(super) torn: bool,
    pub(super) end: u64,
    pub(super) chain: Chain,
}

/// Reads all records; `window` points at the segment.
pub(super) fn scan(log: &dyn DiskFile, window: &mut Window, limit: u64, chain: Chain) -> io::Result<Scan> {
    let mut scan = Scan { records: Vec::new(), damaged: Vec::new(), torn: false, end: PAGE, chain };
    let mut at = PAGE;
    while at < limit {
        if let Some(found) = window.record(log, at, limit)? {
            let offset = u32::try_from(at).map_err(io::Error::other)?;
            if found.ordinal < MAX_RECORDS {
                scan.records.push((found.ordinal, Slot::new(&found.record, offset), found.record.tie));
            }
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

/// Marks what was found to be superseded, in case the marks were lost.
fn supersede(files: &Files, loaded: &mut Loaded, stale: &HashSet<Spot>) -> io::Result<()> {
    let in_files: HashSet<u16> = stale.iter().map(|spot| spot.file).collect();
    for segment in loaded.segments.iter().filter(|segment| in_files.contains(&segment.file)) {
        let table = read_table(files, segment.file)?;
        for ordinal in 0..segment.records {
            let at = (segment.file, ordinal);
            let unwritten = loaded.index.unwritten.get(&at).copied();
            let Some(slot) = unwritten.or_else(|| slot(&table, ordinal, segment.header.salt)) else { continue };
            if stale.contains(&Spot { file: segment.file, offset: slot.offset }) && slot.state == State::Kept {
                loaded.index.unwritten.insert(at, slot.with_state(State::Superseded));
            }
        }
    }
    Ok(())
}
