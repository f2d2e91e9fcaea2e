//! A disk that hangs.

use std::io;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use super::super::io::{Disk, DiskFile, Files};
use super::super::log::Log;
use super::super::store::Store;
use super::disk::ModelDisk;
use super::journal::{PATIENCE, event};
use super::rig::SMALL;
use crate::outbox::{Appending, Durability, NewRecord, OutboxErrorKind};

const SHORT: Duration = Duration::from_millis(60);

/// Syncs wait while it is shut.
#[derive(Debug, Clone, Default)]
struct Valve(Arc<(Mutex<bool>, Condvar)>);

impl Valve {
    fn set(&self, shut: bool) {
        *self.0.0.lock().unwrap() = shut;
        self.0.1.notify_all();
    }

    fn pass(&self) {
        drop(self.0.1.wait_while(self.0.0.lock().unwrap(), |shut| *shut).unwrap());
    }
}

#[derive(Debug)]
struct Hanging<T> {
    inner: T,
    valve: Valve,
}

impl Disk for Hanging<ModelDisk> {
    fn open(&self, name: &str, create: bool) -> io::Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(Hanging { inner: self.inner.open(name, create)?, valve: self.valve.clone() }))
    }
    fn list(&self) -> io::Result<Vec<String>> {
        self.inner.list()
    }
    fn sync(&self) -> io::Result<()> {
        self.inner.sync()
    }
}

impl DiskFile for Hanging<Arc<dyn DiskFile>> {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.inner.read_at(buffer, offset)
    }
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.inner.write_at(bytes, offset)
    }
    fn sync(&self) -> io::Result<()> {
        self.valve.pass();
        self.inner.sync()
    }
    fn reserve(&self, len: u64) -> io::Result<()> {
        self.inner.reserve(len)
    }
    fn len(&self) -> io::Result<u64> {
        self.inner.len()
    }
    fn has_a_name(&self) -> bool {
        self.inner.has_a_name()
    }
    fn cut(&self, len: u64) -> io::Result<()> {
        self.inner.cut(len)
    }
}

fn store() -> (Store, Valve, ModelDisk) {
    let (disk, valve) = (ModelDisk::default(), Valve::default());
    let hanging = Hanging { inner: disk.clone(), valve: valve.clone() };
    let (log, _) = Log::open(0, SMALL, Arc::new(Files::new(Arc::new(hanging)))).unwrap();
    let store = Store::start(log, None, Arc::default()).unwrap();
    store.watch(SHORT).unwrap();
    (store, valve, disk)
}

#[test]
fn who_waits_for_a_disk_that_hangs_is_let_go_and_nothing_is_lost() {
    let (store, valve, disk) = store();
    store.append(event("before")).wait(PATIENCE).unwrap();
    assert!(!store.is_stuck(SHORT));
    valve.set(true);
    let began = Instant::now();
    // The first is being written, the second is queued behind it.
    let written = store.append(event("written"));
    let queued = store.append(event("queued"));
    let relaxed = store.append(NewRecord { durability: Durability::Relaxed, ..event("relaxed") });
    for waiting in [written, queued] {
        let error = waiting.wait(PATIENCE).unwrap_err();
        assert_eq!(error.kind(), OutboxErrorKind::Late, "{error}");
        assert!((SHORT..PATIENCE / 2).contains(&began.elapsed()), "{:?}", began.elapsed());
    }
    relaxed.wait(PATIENCE).unwrap();
    assert!(store.is_stuck(SHORT));
    let late = store.append(event("late"));
    assert_eq!(late.wait(PATIENCE).unwrap_err().kind(), OutboxErrorKind::Late, "whoever comes later, too");
    assert!(began.elapsed() < PATIENCE / 2, "{:?}", began.elapsed());

    valve.set(false);
    store.append(event("after")).wait(PATIENCE).unwrap();
    store.begin_close();
    assert!(store.await_close(Instant::now() + PATIENCE));
    assert_eq!(store.health().dropped, 0);
    assert_eq!(super::rig::held(&disk).fates.len(), 6, "all that was queued is stored");
}

#[test]
fn a_disk_that_hangs_does_not_hold_up_the_end() {
    let (store, valve, _) = store();
    valve.set(true);
    let waiting: Vec<Appending> = (0..5).map(|_| store.append(event("x"))).collect();
    store.begin_close();
    let began = Instant::now();
    assert!(!store.await_close(Instant::now() + SHORT));
    assert!(began.elapsed() < SHORT + PATIENCE / 4, "{:?}", began.elapsed());
    for waiting in waiting {
        assert_eq!(waiting.wait(PATIENCE).unwrap_err().kind(), OutboxErrorKind::Late);
    }
    valve.set(false);
    assert!(store.await_close(Instant::now() + PATIENCE));
}
