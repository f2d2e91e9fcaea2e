//! What the journal's thread has done beside its writing, by a thread of its own: files for segments to come, written full
//! of zeros, so that a sync has nothing to wait for but the records; and the seals of segments that are full.
//!
//! Nothing is lost without it: a file that is not ready is made where it is needed, and a segment without its seal is read in
//! full at the next start.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use super::format::Seal;
use super::io::{DiskFile, Files, Name};
use super::log::Log;
use super::segments::SPARE_IN_FULL;
use crate::planted::{Bug, planted};

/// Zeros are written, and synced, in pieces of this size: a larger one would keep the records' own sync waiting.
const PIECE: u64 = 1024 * 1024;

#[derive(Debug)]
pub(super) enum Errand {
    /// Makes a file of this length for a segment.
    Prepare { file: u16, bytes: u64 },
    /// Makes what these tables say durable and seals a segment.
    Seal { tables: Vec<u16>, seal: Box<Seal>, file: u16 },
}

/// How an errand went.
#[derive(Debug)]
pub(super) enum Done {
    Prepared {
        file: u16,
        result: io::Result<()>,
    },
    Sealed {
        file: u16,
        sealed: bool,
        /// Tables that are still to be synced.
        unsynced: Vec<u16>,
        /// What a table says may be lost.
        marks_lost: bool,
    },
}

/// The thread, as the one that sends it sees it.
#[derive(Debug)]
pub(super) struct Errands {
    asked: Sender<Errand>,
    done: Receiver<Done>,
    preparing: bool,
    sealing: usize,
}

impl Errands {
    pub(super) fn start(files: Arc<Files>) -> io::Result<Self> {
        let (asked, errands) = channel();
        let (tell, done) = channel();
        thread::Builder::new().name("audited-errands".into()).spawn(move || run(&files, &errands, &tell))?;
        Ok(Self { asked, done, preparing: false, sealing: 0 })
    }

    /// A file is being prepared.
    pub(super) fn is_preparing(&self) -> bool {
        self.preparing
    }

    /// A segment is being sealed.
    pub(super) fn is_sealing(&self) -> bool {
        self.sealing > 0
    }

    /// False: there is nobody to do it.
    pub(super) fn ask(&mut self, errand: Errand) -> bool {
        let is_seal = matches!(errand, Errand::Seal { .. });
        let asked = self.asked.send(errand).is_ok();
        self.preparing |= asked && !is_seal;
        self.sealing += usize::from(asked && is_seal);
        asked
    }

    /// What was done meanwhile.
    pub(super) fn heard(&mut self) -> Option<Done> {
        let done = self.done.try_recv().ok()?;
        Some(self.note(done))
    }

    /// Waits for what is under way; `None` if nothing is.
    pub(super) fn wait(&mut self) -> Option<Done> {
        if !self.preparing && self.sealing == 0 {
            return None;
        }
        match self.done.recv() {
            Ok(done) => Some(self.note(done)),
            // The thread is gone, and with it what it had to do.
            Err(_) => {
                (self.preparing, self.sealing) = (false, 0);
                None
            }
        }
    }

    fn note(&mut self, done: Done) -> Done {
        match done {
            Done::Prepared { .. } => self.preparing = false,
            Done::Sealed { .. } => self.sealing = self.sealing.saturating_sub(1),
        }
        done
    }
}

/// What the journal's own thread does about it.
impl Log {
    /// Has files made for the segments to come.
    pub(super) fn prepare_ahead(&mut self) {
        let file = self.highest_file + 1;
        if self.spare.len() >= SPARE_IN_FULL || file > self.limits.files {
            return;
        }
        match &mut self.errands {
            Some(errands) if errands.is_preparing() => {}
            Some(errands) => _ = errands.ask(Errand::Prepare { file, bytes: self.limits.segment_bytes }),
            None if self.spare.is_empty() => {
                if let Ok(Some(file)) = self.add_file() {
                    self.spare.push(file);
                }
            }
            None => {}
        }
    }

    /// Takes in what was done beside the writing.
    pub(super) fn hear(&mut self) {
        while let Some(done) = self.errands.as_mut().and_then(Errands::heard) {
            self.take_in(done);
        }
    }

    /// Waits for one thing that is done beside the writing; false if there is none.
    pub(super) fn await_errand(&mut self) -> bool {
        let done = self.errands.as_mut().and_then(Errands::wait);
        done.map(|done| self.take_in(done)).is_some()
    }

    fn take_in(&mut self, done: Done) {
        match done {
            Done::Prepared { file, result: Ok(()) } => {
                self.highest_file = self.highest_file.max(file);
                self.prepared.insert(file);
                self.spare.push(file);
            }
            // It is tried again, or made where it is needed.
            Done::Prepared { result: Err(_), .. } => {}
            Done::Sealed { file, sealed, unsynced, marks_lost } => {
                self.marks_lost |= marks_lost;
                self.unsynced_tables.extend(unsynced);
                if let Some(segment) = self.segments.get_mut(&file) {
                    segment.sealed |= sealed;
                }
            }
        }
    }

    /// Sends for the first time once a segment is half full, so that the next one is ready in time. A journal that is hardly
    /// written to has neither the thread nor the file.
    pub(super) fn send_in_time(&mut self) {
        if self.errands.is_some() || !self.sends_errands {
            return;
        }
        let written =
            self.active.as_ref().and_then(|active| self.segments.get(&active.file)).map(|segment| segment.end);
        if written.is_some_and(|written| written >= self.limits.segment_bytes / 2) {
            self.errands = Errands::start(Arc::clone(&self.files)).ok();
            // Where there is no thread to be had, nobody asks each time.
            self.sends_errands = self.errands.is_some();
            self.prepare_ahead();
        }
    }

    /// Has a segment sealed that is written to no more.
    pub(super) fn seal_aside(&mut self, file: u16) -> io::Result<()> {
        if self.errands.is_none() {
            return self.seal(file, false);
        }
        self.write_tables()?;
        if self.marks_lost {
            return Ok(());
        }
        let Some(seal) = self.seal_of(file, false) else { return Ok(()) };
        // Its own is synced with the seal.
        let mut tables = std::mem::take(&mut self.unsynced_tables);
        tables.remove(&file);
        let tables: Vec<u16> = if planted(Bug::FreeBeforeMark) { Vec::new() } else { tables.into_iter().collect() };
        let errand = Errand::Seal { tables: tables.clone(), seal: Box::new(seal), file };
        if self.errands.as_mut().is_some_and(|errands| errands.ask(errand)) {
            return Ok(());
        }
        (self.errands, self.sends_errands) = (None, false);
        self.unsynced_tables.extend(tables);
        self.seal(file, false)
    }
}

fn run(files: &Files, errands: &Receiver<Errand>, tell: &Sender<Done>) {
    let mut seals = Seals::default();
    for errand in errands {
        let done = match errand {
            Errand::Prepare { file, bytes } => Done::Prepared { file, result: prepare(files, file, bytes) },
            Errand::Seal { tables, seal, file } => {
                seals.unsynced.extend(tables);
                let sealed = seals.seal(files, file, &seal).is_ok();
                Done::Sealed { file, sealed, unsynced: seals.unsynced.clone(), marks_lost: seals.marks_lost }
            }
        };
        if tell.send(done).is_err() {
            return;
        }
    }
}

#[derive(Default)]
struct Seals {
    /// Tables that must be on disk before any seal.
    unsynced: Vec<u16>,
    /// A sync failed: what tables say may be lost, and a second sync would not tell. Nothing is sealed any more.
    marks_lost: bool,
}

impl Seals {
    fn seal(&mut self, files: &Files, file: u16, seal: &Seal) -> io::Result<()> {
        while let Some(table) = self.unsynced.last() {
            let table = files.get(Name::Table(*table))?;
            self.sync(&*table)?;
            self.unsynced.pop();
        }
        // If this fails, its own marks are still to be synced before any other seal.
        self.unsynced.push(file);
        let table = files.create(Name::Table(file))?;
        table.write_at(&seal.encode(), 0)?;
        self.sync(&*table)?;
        self.unsynced.pop();
        Ok(())
    }

    fn sync(&mut self, table: &dyn DiskFile) -> io::Result<()> {
        if self.marks_lost {
            return Err(io::Error::other("a table could not be synced before"));
        }
        table.sync().inspect_err(|_| self.marks_lost = true)
    }
}

fn prepare(files: &Files, file: u16, bytes: u64) -> io::Result<()> {
    let log = files.create(Name::Segment(file))?;
    log.reserve(bytes)?;
    let zeros = vec![0; PIECE as usize];
    let mut at = log.len()?;
    while at < bytes {
        let piece = PIECE.min(bytes - at);
        log.write_at(&zeros[..piece as usize], at)?;
        log.sync()?;
        at += piece;
    }
    files.create(Name::Table(file))?;
    files.sync_names()
}
