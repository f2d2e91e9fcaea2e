//! The life of a segment: begun, sealed, given up and begun anew, in the same file.

use std::io;
use std::sync::{Arc, Mutex};

use super::errands::Errands;
use super::format::{PAGE, Place, Seal, SegmentHeader, Summary};
use super::io::{Files, Name, quarantine};
use super::log::{Active, Limits, Log, storage};
use super::recover::{LoadError, Report, Segment, Stretch, load, scan};
use super::store::Health;
use super::window::Window;
use crate::outbox::{OutboxError, OutboxErrorKind};
use crate::planted::{Bug, planted};

/// Spare files beyond this are cut to one page.
pub(super) const SPARE_IN_FULL: usize = 2;
/// Of a damaged stretch this much is kept aside.
const QUARANTINE_LIMIT: u64 = 1024 * 1024;

impl Log {
    /// Opens a sub-journal. What is found is sealed as it is and never written to again; new records go into a new
    /// segment. If that cannot be begun now, it is tried again at each append.
    pub(super) fn open(number: u16, limits: Limits, files: Arc<Files>) -> Result<(Self, Report), LoadError> {
        Self::open_as(false, number, limits, files)
    }

    /// Opens a sub-journal that is another's. What tells its process, at its next start, how it ended is left: a segment that
    /// is not sealed, and an unclean seal.
    pub(super) fn visit(number: u16, limits: Limits, files: Arc<Files>) -> Result<(Self, Report), LoadError> {
        Self::open_as(true, number, limits, files)
    }

    fn open_as(visiting: bool, number: u16, limits: Limits, files: Arc<Files>) -> Result<(Self, Report), LoadError> {
        let loaded = load(&files, limits.held)?;
        let mut log = Self::new(number, limits, files);
        log.index = Arc::new(Mutex::new(loaded.index));
        log.segments = loaded.segments.into_iter().map(|segment| (segment.file, segment)).collect();
        (log.spare, log.highest_file) = (loaded.spare, loaded.files);
        (log.next_sequence, log.next_id, log.chain) = (loaded.next_sequence, loaded.next_id, loaded.chain);
        log.before = log.segments.values().map(|last| (last.header.sequence, last.records)).max().unwrap_or_default();
        for stretch in loaded.damaged {
            log.set_aside(stretch);
        }
        let unsealed: Vec<u16> = log.segments.values().filter(|found| !found.sealed).map(|found| found.file).collect();
        log.leaves_unclean = visiting && loaded.report.unclean;
        for file in unsealed.into_iter().filter(|_| !visiting) {
            // Without its seal the segment is read in full once more, and the same is found.
            let _ = log.seal(file, false);
        }
        let _ = log.begin_segment(true);
        log.tidy();
        Ok((log, loaded.report))
    }

    fn set_aside(&self, stretch: Stretch) {
        let len = (stretch.to - stretch.from).min(QUARANTINE_LIMIT);
        let mut bytes = vec![0; usize::try_from(len).unwrap_or_default()];
        let read = self.files.get(Name::Segment(stretch.file)).and_then(|log| log.read_at(&mut bytes, stretch.from));
        let name = format!("quarantine-{}-{}", stretch.sequence, stretch.from);
        quarantine(self.files.disk(), &name, &bytes[..read.unwrap_or(0)]);
    }

    /// Seals the segment that is written to and begins the next.
    pub(super) fn begin_segment(&mut self, essential: bool) -> Result<(), OutboxError> {
        if let Some(active) = self.active.take() {
            // Without its seal the segment is read in full at the next start.
            let _ = self.seal_aside(active.file);
        }
        self.give_up_empty();
        let file = self.take_file(essential)?;
        let begun = self.begin_in(file).map_err(|error| {
            // Nobody relies on that file yet: beginning in it once more writes all that matters anew.
            self.spare.push(file);
            storage(error)
        });
        self.prepare_ahead();
        begun
    }

    fn begin_in(&mut self, file: u16) -> io::Result<()> {
        let header = SegmentHeader {
            in_use: true,
            files: u32::from(self.highest_file),
            sequence: self.next_sequence,
            salt: getrandom::u64().map_err(io::Error::other)?,
            next_id: self.next_id,
            chain: self.chain,
            before: self.before,
        };
        // A sequence is never used twice, whatever of this reaches the disk.
        self.next_sequence += 1;
        self.files.forget(Name::Segment(file));
        let log = self.files.create(Name::Segment(file))?;
        // A shorter one is not what was prepared, but new: somebody removed that.
        let is_prepared = self.prepared.remove(&file) && log.len()? >= self.limits.segment_bytes;
        log.reserve(self.limits.segment_bytes)?;
        // Synced together with the first records: until then the file counts as spare.
        log.write_at(&header.encode(), 0)?;
        if !is_prepared {
            self.files.create(Name::Table(file))?;
            self.files.sync_names()?;
        }
        let filled = log.len()?;
        self.index().begin(file, header.salt);
        self.before = (header.sequence, 0);
        let (end, chain) = (PAGE, header.chain);
        let segment = Segment { file, header, records: 0, end, chain, sealed: false, spoilt: false };
        self.segments.insert(file, segment);
        self.active = Some(Active { file, log, filled });
        Ok(())
    }

    /// A file for the next segment. The first spare one is a reserve for what is essential.
    fn take_file(&mut self, essential: bool) -> Result<u16, OutboxError> {
        // One that is nearly ready is not made a second time.
        while self.spare.len() <= 1 && self.errands.as_ref().is_some_and(Errands::is_preparing) {
            self.await_errand();
        }
        if self.spare.len() > 1 {
            return self.spare.pop().ok_or_else(full);
        }
        if essential && !self.spare.is_empty() {
            return Ok(self.spare.remove(0));
        }
        self.add_file().map_err(storage)?.ok_or_else(full)
    }

    /// One more file, if the budget allows it.
    pub(super) fn add_file(&mut self) -> io::Result<Option<u16>> {
        let file = self.highest_file + 1;
        if file > self.limits.files {
            return Ok(None);
        }
        self.files.create(Name::Segment(file))?.reserve(self.limits.segment_bytes)?;
        self.files.sync_names()?;
        self.highest_file = file;
        Ok(Some(file))
    }

    /// What the seal of a segment says.
    pub(super) fn seal_of(&self, file: u16, clean: bool) -> Option<Seal> {
        let segment = self.segments.get(&file)?;
        Some(Seal {
            clean,
            records: segment.records,
            sequence: segment.header.sequence,
            salt: segment.header.salt,
            end: segment.end,
            next_id: self.next_id,
            chain: segment.chain,
        })
    }

    /// Writes the segment's footer. It says, too, that what this segment's records replace is marked on disk: of a sealed
    /// segment nobody looks for that.
    pub(super) fn seal(&mut self, file: u16, clean: bool) -> io::Result<()> {
        // They have tables in hand that are not synced yet.
        while self.errands.as_ref().is_some_and(Errands::is_sealing) {
            self.await_errand();
        }
        if self.segments.get(&file).is_some_and(|segment| segment.sealed) {
            return Ok(());
        }
        self.write_tables()?;
        if !planted(Bug::FreeBeforeMark) {
            self.sync_tables_but(file)?;
        }
        if self.marks_lost {
            return Ok(());
        }
        let Some(seal) = self.seal_of(file, clean) else { return Ok(()) };
        let table = self.files.create(Name::Table(file))?;
        table.write_at(&seal.encode(), 0)?;
        if let Some(segment) = self.segments.get_mut(&file) {
            segment.sealed = true;
        }
        self.sync_table(file)
    }

    /// A stop in order.
    pub(super) fn close(&mut self) -> io::Result<()> {
        self.flush();
        while self.await_errand() {}
        self.give_up_empty();
        match self.active.take() {
            Some(active) => self.seal(active.file, !self.leaves_unclean),
            None => self.write_tables(),
        }
    }

    /// Brings the tables up to date, without a sync. Settling waits meanwhile, appending does not.
    pub(super) fn write_tables(&mut self) -> io::Result<()> {
        let mut index = self.index.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        index.states.write(&self.files, &mut self.unsynced_tables)
    }

    fn sync_tables_but(&mut self, file: u16) -> io::Result<()> {
        while let Some(other) = self.unsynced_tables.iter().find(|other| **other != file).copied() {
            self.sync_table(other)?;
        }
        Ok(())
    }

    fn sync_table(&mut self, file: u16) -> io::Result<()> {
        let synced = self.files.get(Name::Table(file)).and_then(|table| table.sync());
        // Marks may be lost from here on, and a second sync would not tell: nothing is given up any more.
        self.marks_lost |= synced.is_err();
        self.unsynced_tables.remove(&file);
        synced
    }

    pub(super) fn health(&self) -> Health {
        let spoilt = self.segments.values().filter(|segment| segment.spoilt).count();
        Health {
            used_bytes: self.segments.len() as u64 * self.limits.segment_bytes,
            // One is a reserve for what makes room.
            budget_bytes: u64::from(self.limits.files - 1) * self.limits.segment_bytes,
            dropped: self.dropped,
            spoilt: spoilt as u64,
            failing: self.failing,
        }
    }

    /// What is to be done now and then: tables, empty segments, nearly empty ones, the reserve.
    pub(super) fn tidy(&mut self) {
        self.hear();
        if self.active.as_ref().is_some_and(|active| !active.log.has_a_name()) {
            self.abandon();
        }
        if self.write_tables().is_err() {
            return;
        }
        self.give_up_empty();
        if let Some(file) = self.worth_emptying() {
            self.empty(file);
            self.give_up_empty();
        }
        self.prepare_ahead();
    }

    /// Somebody removed the file that is written to. What was in it can be read while it is open, but not be kept: so
    /// much is told by `failed_segments`. New records go where they last.
    fn abandon(&mut self) {
        let Some(active) = self.active.take() else { return };
        if let Some(segment) = self.segments.get_mut(&active.file) {
            segment.spoilt = true;
        }
        for file in 1..=self.highest_file {
            self.files.forget(Name::Table(file));
        }
        // What was made ahead went with the directory, and the names of what is made now must be synced.
        self.prepared.clear();
        let _ = self.begin_segment(true);
    }

    fn give_up_empty(&mut self) {
        let active = self.active.as_ref().map(|active| active.file);
        let files: Vec<u16> = {
            let index = self.index();
            let empty = |segment: &&Segment| {
                index.states.kept(segment.file) == 0 && !segment.spoilt && Some(segment.file) != active
            };
            self.segments.values().filter(empty).map(|segment| segment.file).collect()
        };
        for file in files {
            let _ = self.give_up(file);
        }
    }

    /// Gives a segment up. It must be sealed: then the records that its own replaced are marked on disk, and do not come
    /// back when it is gone. So must the one before it, of which else only this one's header tells how many records count.
    fn give_up(&mut self, file: u16) -> io::Result<()> {
        let before = self.segments.get(&file).map(|segment| segment.header.before.0);
        let before = self.segments.values().find(|segment| Some(segment.header.sequence) == before);
        for file in before.map(|segment| segment.file).into_iter().chain([file]) {
            if self.segments.get(&file).is_none_or(|segment| segment.sealed) {
                continue;
            }
            if self.errands.as_ref().is_some_and(Errands::is_sealing) {
                // It may be this one; there is time.
                return Ok(());
            }
            self.seal(file, false)?;
            if self.marks_lost {
                return Ok(());
            }
        }
        let (chain, next_id, files) = (self.chain, self.next_id, u32::from(self.highest_file));
        let Some(segment) = self.segments.get_mut(&file).filter(|segment| segment.sealed) else { return Ok(()) };
        let header = SegmentHeader { in_use: false, files, next_id, chain, ..segment.header.clone() };
        let log = self.files.get(Name::Segment(file))?;
        if let Err(error) = log.write_at(&header.encode(), 0).and_then(|()| log.sync()) {
            segment.spoilt = true;
            return Err(error);
        }
        self.segments.remove(&file);
        self.index().end(file);
        self.unsynced_tables.remove(&file);
        if self.spare.len() < SPARE_IN_FULL {
            self.spare.push(file);
            return Ok(());
        }
        // Behind the reserve: those that are full are used first.
        self.spare.insert(1, file);
        log.cut(PAGE)?;
        self.files.get(Name::Table(file))?.cut(0)
    }

    /// The segment with the least in it, when the files take more than four times what is alive.
    fn worth_emptying(&self) -> Option<u16> {
        let index = self.index();
        let alive = |segment: &Segment| {
            segment.end * u64::from(index.states.kept(segment.file)) / u64::from(segment.records.max(1))
        };
        let living: u64 = self.segments.values().map(alive).sum();
        let taken = self.segments.len() as u64 * self.limits.segment_bytes;
        if taken <= 4 * (living + self.limits.segment_bytes) {
            return None;
        }
        let active = self.active.as_ref().map(|active| active.file);
        let movable = |segment: &&Segment| !segment.spoilt && Some(segment.file) != active;
        let least = self.segments.values().filter(movable).min_by_key(|segment| alive(segment))?;
        (alive(least) * 4 <= self.limits.segment_bytes).then_some(least.file)
    }

    /// Appends what is alive in a segment once more, so that the segment can be given up.
    fn empty(&mut self, file: u16) {
        let Some(segment) = self.segments.get(&file) else { return };
        let (salt, end, records) = (segment.header.salt, segment.end, segment.records);
        let mut window = Window::default();
        window.onto(file, salt);
        let log = self.files.get(Name::Segment(file));
        let Ok(scan) = log.and_then(|log| scan(&*log, &mut window, PAGE, end, 0..records, [0; 32])) else { return };
        let kept: Vec<&Summary> = {
            let index = self.index();
            let kept = |record: &&Summary| index.states.is_kept(Place { file, ordinal: record.ordinal });
            scan.records.iter().filter(kept).collect()
        };
        for record in kept {
            self.copy(&mut window, file, record);
        }
        self.flush();
        // What could not be read stays where it is.
        let left = self.index().states.kept(file) > 0;
        if let Some(segment) = self.segments.get_mut(&file) {
            segment.spoilt |= left;
        }
    }
}

fn full() -> OutboxError {
    OutboxError::new(
        OutboxErrorKind::Full,
        "the journal has used up its budget on disk; raise it or let events be delivered",
    )
}
