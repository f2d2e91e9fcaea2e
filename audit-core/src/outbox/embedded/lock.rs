//! Which process owns which sub-journal.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::io::Directory;

const NAME: &str = "lock";
/// More processes than any machine runs on one journal.
const MOST: u16 = 4096;

/// A sub-journal that belongs to this process until it is dropped. The kernel gives the lock back when the process dies.
#[derive(Debug)]
pub(super) struct Owned {
    pub(super) number: u16,
    pub(super) path: PathBuf,
    pub(super) lock: Arc<Lock>,
}

/// The lock of a sub-journal. It is on a file, which goes with the directory if somebody removes that.
#[derive(Debug)]
pub(super) struct Lock(Mutex<File>);

impl Lock {
    /// None if another process has it.
    fn take(path: &Path) -> io::Result<Option<File>> {
        Directory::create(path)?;
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).create(true).truncate(false);
        let mut lock = Directory::at(path.to_path_buf()).open_file(NAME, options)?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => return Ok(None),
            Err(error) => return Err(error.into()),
        }
        // For whoever looks; and the changed time tells others that somebody was here.
        let _ = lock.set_len(0).and_then(|()| writeln!(lock, "{}", std::process::id()));
        Ok(Some(lock))
    }

    /// Sees that what is at `path` is still this process'. If it was removed, it is made again where something is to be
    /// created in it, unless another process was faster and owns what is there now.
    pub(super) fn see(&self, path: &Path, create: bool) -> io::Result<()> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let ours = held.metadata()?;
        match std::fs::symlink_metadata(path.join(NAME)) {
            Ok(there) if (there.dev(), there.ino()) == (ours.dev(), ours.ino()) => return Ok(()),
            Err(error) if !create || error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let again = if create { Self::take(path)? } else { None };
        *held = again.ok_or_else(|| {
            let message = "was removed under this process and is another's now; stop this one and start it again";
            io::Error::other(format!("{} {message}", path.display()))
        })?;
        Ok(())
    }
}

impl Owned {
    /// The first sub-journal at or behind `from` that no process owns, created if need be.
    pub(super) fn first(dir: &Path, from: u16) -> io::Result<Self> {
        Directory::create(dir)?;
        for number in from..MOST {
            if let Some(owned) = Self::lock(dir, number)? {
                return Ok(owned);
            }
        }
        Err(io::Error::other(format!("{MOST} processes use {}", dir.display())))
    }

    /// The sub-journal, unless another process has it.
    pub(super) fn lock(dir: &Path, number: u16) -> io::Result<Option<Self>> {
        let path = path(dir, number);
        let lock = Lock::take(&path)?;
        Ok(lock.map(|lock| Self { number, path, lock: Arc::new(Lock(Mutex::new(lock))) }))
    }
}

fn path(dir: &Path, number: u16) -> PathBuf {
    dir.join(format!("journal-{number}"))
}

/// The sub-journals of a directory.
pub(super) fn all(dir: &Path) -> io::Result<Vec<(u16, PathBuf)>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix("journal-")?.parse().ok());
        found.extend(number.map(|number| (number, entry.path())));
    }
    found.sort_unstable();
    Ok(found)
}

/// Looks for sub-journals whose process is gone.
#[derive(Debug, Default)]
pub(super) struct Orphans {
    /// When the lock was last taken of those that had nothing pending.
    empty: HashMap<u16, SystemTime>,
}

impl Orphans {
    /// Sub-journals that nobody owns and that may have changed since they were found empty; they are owned now.
    pub(super) fn adopt(&mut self, dir: &Path, ours: &[u16]) -> Vec<Owned> {
        let mut adopted = Vec::new();
        for (number, path) in all(dir).unwrap_or_default() {
            if !ours.contains(&number)
                && self.empty.get(&number) != taken_at(&path).as_ref()
                && let Ok(Some(owned)) = Owned::lock(dir, number)
            {
                adopted.push(owned);
            }
        }
        adopted
    }

    /// Remembers that there was nothing to adopt.
    pub(super) fn nothing_in(&mut self, owned: &Owned) {
        self.empty.extend(taken_at(&owned.path).map(|at| (owned.number, at)));
    }
}

fn taken_at(path: &Path) -> Option<SystemTime> {
    std::fs::symlink_metadata(path.join(NAME)).ok()?.modified().ok()
}
