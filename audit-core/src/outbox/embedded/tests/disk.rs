//! A disk in memory that remembers what was not synced, and can be crashed into any state that this allows.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use super::super::format::SECTOR;
use super::super::io::{Disk, DiskFile};

/// What happened on the disk.
#[derive(Debug, Clone)]
pub(super) enum Event {
    Create(String),
    SyncDirectory,
    Write {
        name: String,
        offset: u64,
        bytes: Vec<u8>,
    },
    Cut {
        name: String,
        len: u64,
    },
    Sync(String),
    /// The kernel gave up on what was dirty, and will not say so again.
    SyncFailed(String),
}

/// Fails the n-th call from now on that writes, syncs, creates or reserves, and as many after it as are told.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fault {
    pub(super) after: usize,
    pub(super) times: usize,
    pub(super) error: i32,
}

#[derive(Debug, Default)]
struct Inner {
    files: BTreeMap<String, Vec<u8>>,
    /// The files before the trace began.
    began_with: BTreeMap<String, Vec<u8>>,
    trace: Vec<Event>,
    fault: Option<Fault>,
    calls: usize,
}

#[derive(Debug, Clone, Default)]
pub(super) struct ModelDisk(Arc<Mutex<Inner>>);

#[derive(Debug)]
struct ModelFile {
    disk: ModelDisk,
    name: String,
}

impl ModelDisk {
    pub(super) fn with(files: BTreeMap<String, Vec<u8>>) -> Self {
        Self(Arc::new(Mutex::new(Inner { began_with: files.clone(), files, ..Inner::default() })))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap()
    }

    pub(super) fn files(&self) -> BTreeMap<String, Vec<u8>> {
        self.inner().files.clone()
    }

    /// What was on it at first, and from which its trace leads to what is on it now.
    pub(super) fn began_with(&self) -> BTreeMap<String, Vec<u8>> {
        self.inner().began_with.clone()
    }

    pub(super) fn trace(&self) -> Vec<Event> {
        self.inner().trace.clone()
    }

    pub(super) fn trace_len(&self) -> usize {
        self.inner().trace.len()
    }

    /// Calls so far that a fault could have hit.
    pub(super) fn calls(&self) -> usize {
        self.inner().calls
    }

    pub(super) fn fail(&self, fault: Option<Fault>) {
        self.inner().fault = fault;
    }

    pub(super) fn flip(&self, name: &str, bit: usize) {
        self.inner().files.get_mut(name).unwrap()[bit / 8] ^= 1 << (bit % 8);
    }

    /// Somebody else removes a file. Made again, it is another one.
    pub(super) fn remove(&self, name: &str) {
        self.inner().files.remove(name).unwrap();
    }

    fn step(&self, event: Option<Event>) -> io::Result<MutexGuard<'_, Inner>> {
        let mut inner = self.inner();
        inner.calls += 1;
        if let Some(fault) = &mut inner.fault {
            if fault.after > 0 {
                fault.after -= 1;
            } else if fault.times > 0 {
                fault.times -= 1;
                return Err(io::Error::from_raw_os_error(fault.error));
            }
        }
        inner.trace.extend(event);
        Ok(inner)
    }
}

impl Disk for ModelDisk {
    fn open(&self, name: &str, create: bool) -> io::Result<Arc<dyn DiskFile>> {
        let known = self.inner().files.contains_key(name);
        if !known && create {
            self.step(Some(Event::Create(name.to_owned())))?.files.insert(name.to_owned(), Vec::new());
        } else if !known {
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok(Arc::new(ModelFile { disk: self.clone(), name: name.to_owned() }))
    }

    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.inner().files.keys().cloned().collect())
    }

    fn sync(&self) -> io::Result<()> {
        self.step(Some(Event::SyncDirectory)).map(drop)
    }
}

impl DiskFile for ModelFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let inner = self.disk.inner();
        let rest = inner.files[&self.name].get(offset as usize..).unwrap_or_default();
        let len = rest.len().min(buffer.len());
        buffer[..len].copy_from_slice(&rest[..len]);
        Ok(len)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let event = Event::Write { name: self.name.clone(), offset, bytes: bytes.to_vec() };
        write(self.disk.step(Some(event))?.files.get_mut(&self.name).unwrap(), bytes, offset);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let synced = self.disk.step(Some(Event::Sync(self.name.clone()))).map(drop);
        if synced.is_err() {
            self.disk.inner().trace.push(Event::SyncFailed(self.name.clone()));
        }
        synced
    }

    fn reserve(&self, _len: u64) -> io::Result<()> {
        self.disk.step(None).map(drop)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.disk.inner().files[&self.name].len() as u64)
    }

    fn has_a_name(&self) -> bool {
        self.disk.inner().files.contains_key(&self.name)
    }

    fn cut(&self, len: u64) -> io::Result<()> {
        let event = Event::Cut { name: self.name.clone(), len };
        self.disk.step(Some(event))?.files.get_mut(&self.name).unwrap().resize(len as usize, 0);
        Ok(())
    }
}

fn write(file: &mut Vec<u8>, bytes: &[u8], offset: u64) {
    let end = offset as usize + bytes.len();
    if file.len() < end {
        file.resize(end, 0);
    }
    file[offset as usize..end].copy_from_slice(bytes);
}

/// What a crash may leave: of each file what was synced, and of each sector that was written since any of its states.
#[derive(Debug, Clone, Default)]
pub(super) struct Unsynced {
    files: BTreeMap<String, UnsyncedFile>,
}

#[derive(Debug, Clone, Default)]
struct UnsyncedFile {
    /// The directory entry is durable.
    named: bool,
    durable: Vec<u8>,
    now: Vec<u8>,
    /// The states of a sector since the last sync, oldest first, and whether the file was cut.
    sectors: BTreeMap<usize, Vec<Vec<u8>>>,
    /// The same of sectors whose sync failed: a later sync does not touch them.
    given_up: BTreeMap<usize, Vec<Vec<u8>>>,
    cut: bool,
}

impl UnsyncedFile {
    /// The sectors of which a crash may leave another state than the last one.
    fn open_sectors(&self) -> impl Iterator<Item = (&usize, &Vec<Vec<u8>>)> {
        self.sectors.iter().chain(&self.given_up)
    }
}

impl Unsynced {
    /// From a disk on which everything is synced.
    pub(super) fn from_files(files: &BTreeMap<String, Vec<u8>>) -> Self {
        let synced = |bytes: &Vec<u8>| UnsyncedFile {
            named: true,
            durable: bytes.clone(),
            now: bytes.clone(),
            ..UnsyncedFile::default()
        };
        Self { files: files.iter().map(|(name, bytes)| (name.clone(), synced(bytes))).collect() }
    }

    /// The kernel writes everything by itself.
    pub(super) fn write_back(&mut self) {
        self.apply(&Event::SyncDirectory);
        for name in self.files.keys().cloned().collect::<Vec<_>>() {
            self.apply(&Event::Sync(name));
        }
    }

    pub(super) fn apply(&mut self, event: &Event) {
        match event {
            Event::Create(name) => drop(self.files.insert(name.clone(), UnsyncedFile::default())),
            Event::SyncDirectory => self.files.values_mut().for_each(|file| file.named = true),
            Event::Write { name, offset, bytes } => {
                let file = self.files.get_mut(name).unwrap();
                write(&mut file.now, bytes, *offset);
                let sector = SECTOR as usize;
                let (first, end) = (*offset as usize / sector, (*offset as usize + bytes.len()).div_ceil(sector));
                for number in first..end {
                    let state = file.now[number * sector..file.now.len().min((number + 1) * sector)].to_vec();
                    let given_up = file.given_up.remove(&number);
                    file.sectors.entry(number).or_insert_with(|| given_up.unwrap_or_default()).push(state);
                }
            }
            Event::Cut { name, len } => {
                let file = self.files.get_mut(name).unwrap();
                file.now.resize(*len as usize, 0);
                (file.cut, file.sectors) = (true, BTreeMap::new());
                file.given_up.clear();
            }
            Event::Sync(name) => {
                let file = self.files.get_mut(name).unwrap();
                let old = std::mem::replace(&mut file.durable, file.now.clone());
                for number in file.given_up.keys() {
                    let start = number * SECTOR as usize;
                    let end = file.durable.len().min(start + SECTOR as usize);
                    for at in start..end {
                        file.durable[at] = old.get(at).copied().unwrap_or(0);
                    }
                }
                (file.cut, file.sectors) = (false, BTreeMap::new());
            }
            Event::SyncFailed(name) => {
                let file = self.files.get_mut(name).unwrap();
                file.given_up.append(&mut file.sectors);
            }
        }
    }

    /// How many choices there are at each place where a crash has a choice.
    pub(super) fn choices(&self) -> Vec<usize> {
        let mut choices = Vec::new();
        for file in self.files.values() {
            choices.extend((!file.named).then_some(2));
            choices.extend(file.cut.then_some(2));
            choices.extend(file.open_sectors().map(|(_, states)| states.len() + 1));
        }
        choices
    }

    /// The disk after a crash in which choice `n` went as `chosen[n]` says; 0 is the loss of everything unsynced.
    pub(super) fn crash(&self, chosen: &[usize]) -> BTreeMap<String, Vec<u8>> {
        let mut chosen = chosen.iter().copied();
        let mut files = BTreeMap::new();
        for (name, file) in &self.files {
            let named = file.named || chosen.next().unwrap() == 1;
            let cut = file.cut && chosen.next().unwrap() == 1;
            let mut bytes = if cut { file.now.clone() } else { file.durable.clone() };
            for (number, states) in file.open_sectors() {
                if let Some(state) = chosen.next().unwrap().checked_sub(1) {
                    write(&mut bytes, &states[state], (number * SECTOR as usize) as u64);
                }
            }
            if named {
                files.insert(name.clone(), bytes);
            }
        }
        files
    }
}
