//! The seam between the journal and the disk: tests put a disk here that loses what was not synced.

use std::fmt::{self, Debug};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use rustix::fs::{FallocateFlags, OFlags};
use rustix::io::Errno;

use super::format::PAGE;
use super::lock::Lock;
use crate::planted::{Bug, planted};

/// One sub-journal's directory.
pub(super) trait Disk: Send + Sync + Debug {
    /// Opens a file for reading and writing, or creates it.
    fn open(&self, name: &str, create: bool) -> io::Result<Arc<dyn DiskFile>>;

    /// The names of all files.
    fn list(&self) -> io::Result<Vec<String>>;

    /// Makes the creation of files durable.
    fn sync(&self) -> io::Result<()>;
}

/// An open file.
pub(super) trait DiskFile: Send + Sync + Debug {
    /// Reads until `buffer` is full or the file ends, and tells how much that was. What the disk cannot read is zeros:
    /// no checksum accepts them, and the rest is read nevertheless.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Writes all of `bytes`.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Makes everything written so far durable. After an error nothing is known about any of it, and asking again
    /// proves nothing.
    fn sync(&self) -> io::Result<()>;

    /// Reserves room for `len` bytes, so that writing them cannot fail for want of it. The file does not grow by it.
    fn reserve(&self, len: u64) -> io::Result<()>;

    /// The file's length.
    fn len(&self) -> io::Result<u64>;

    /// False when the file was removed while it is open: what is written to it then is lost with the process.
    fn has_a_name(&self) -> bool;

    /// Cuts the file.
    fn cut(&self, len: u64) -> io::Result<()>;
}

/// A directory of the real disk.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    /// Gone when nobody owns the directory, or not any more.
    lock: Weak<Lock>,
}

impl Directory {
    pub(super) fn at(path: PathBuf) -> Self {
        Self { path, lock: Weak::new() }
    }

    /// One in which nothing is opened but under this lock: somebody may remove it, and another process make it its own.
    pub(super) fn under(path: PathBuf, lock: &Arc<Lock>) -> Self {
        Self { path, lock: Arc::downgrade(lock) }
    }

    /// Creates the directory, for its owner only, and makes that durable; refuses one that belongs to somebody else.
    pub(super) fn create(path: &Path) -> io::Result<()> {
        if !path.try_exists()? {
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)?;
            if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
                File::open(parent)?.sync_all()?;
            }
        }
        Self::refuse_foreign(path)
    }

    /// Refuses a directory that another user owns or may write to.
    pub(super) fn refuse_foreign(path: &Path) -> io::Result<()> {
        let found = std::fs::symlink_metadata(path)?;
        let owner = rustix::process::geteuid().as_raw();
        let complaint = if !found.is_dir() {
            "is not a directory"
        } else if found.uid() != owner {
            "belongs to another user"
        } else if found.mode() & 0o022 != 0 {
            "may be written by others; set its mode to 0700"
        } else {
            return Ok(());
        };
        Err(io::Error::new(io::ErrorKind::PermissionDenied, format!("{} {complaint}", path.display())))
    }

    /// Opens a file of the directory: never through a symbolic link, readable by its owner only, closed on `exec`.
    pub(super) fn open_file(&self, name: &str, options: &mut OpenOptions) -> io::Result<File> {
        options.mode(0o600).custom_flags(OFlags::NOFOLLOW.bits().cast_signed()).open(self.path.join(name))
    }
}

impl Disk for Directory {
    fn open(&self, name: &str, create: bool) -> io::Result<Arc<dyn DiskFile>> {
        if let Some(lock) = self.lock.upgrade() {
            lock.see(&self.path, create)?;
        }
        let mut options = OpenOptions::new();
        Ok(Arc::new(self.open_file(name, options.read(true).write(true).create(create).truncate(false))?))
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let names =
            std::fs::read_dir(&self.path)?.map(|entry| Ok(entry?.file_name().into_string().unwrap_or_default()));
        names.collect()
    }

    fn sync(&self) -> io::Result<()> {
        File::open(&self.path)?.sync_all()
    }
}

/// A directory that is only looked at, while another process may be writing to it.
#[derive(Debug)]
pub(super) struct ReadOnly(pub(super) Directory);

impl Disk for ReadOnly {
    fn open(&self, name: &str, _create: bool) -> io::Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(self.0.open_file(name, OpenOptions::new().read(true))?))
    }

    fn list(&self) -> io::Result<Vec<String>> {
        self.0.list()
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}

impl DiskFile for File {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut done = 0;
        while done < buffer.len() {
            match std::os::unix::fs::FileExt::read_at(self, &mut buffer[done..], offset + done as u64) {
                Ok(0) => break,
                Ok(read) => done += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if Errno::from_io_error(&error) == Some(Errno::IO) => {
                    // Up to the bad page the read was short, so it begins here.
                    let to_next = PAGE - (offset + done as u64) % PAGE;
                    let bad = usize::try_from(to_next).unwrap_or(1).min(buffer.len() - done);
                    buffer[done..done + bad].fill(0);
                    done += bad;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.write_all_at(bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }

    fn reserve(&self, len: u64) -> io::Result<()> {
        match rustix::fs::fallocate(self, FallocateFlags::KEEP_SIZE, 0, len) {
            // A file system that cannot reserve: the room is found when it is written.
            Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => Ok(()),
            other => Ok(other?),
        }
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn has_a_name(&self) -> bool {
        self.metadata().is_ok_and(|found| found.nlink() > 0)
    }

    fn cut(&self, len: u64) -> io::Result<()> {
        self.set_len(len)
    }
}

/// Keeps damaged bytes aside for whoever looks into it. Best effort: a full disk must not keep the journal shut.
pub(super) fn quarantine(disk: &dyn Disk, name: &str, bytes: &[u8]) {
    if let Ok(file) = disk.open(name, true) {
        let _ = file.write_at(bytes, 0);
    }
}

/// The journal's files by number, of which only the last used are held open: a long backlog has hundreds, and the
/// application needs its descriptors for itself.
#[derive(Debug)]
pub(super) struct Files {
    disk: Arc<dyn Disk>,
    held: Mutex<Vec<(Name, Arc<dyn DiskFile>)>>,
}

/// Names a file of a sub-journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Name {
    Segment(u16),
    Table(u16),
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Segment(number) => write!(f, "segment-{number:04}"),
            Self::Table(number) => write!(f, "table-{number:04}"),
        }
    }
}

const HELD_OPEN: usize = 16;

impl Files {
    pub(super) fn new(disk: Arc<dyn Disk>) -> Self {
        Self { disk, held: Mutex::default() }
    }

    pub(super) fn disk(&self) -> &dyn Disk {
        &*self.disk
    }

    /// Makes the files' names durable.
    pub(super) fn sync_names(&self) -> io::Result<()> {
        if planted(Bug::NoDirectorySync) { Ok(()) } else { self.disk.sync() }
    }

    /// The file, which must be there.
    pub(super) fn get(&self, name: Name) -> io::Result<Arc<dyn DiskFile>> {
        self.open(name, false)
    }

    /// The file, created if need be.
    pub(super) fn create(&self, name: Name) -> io::Result<Arc<dyn DiskFile>> {
        self.open(name, true)
    }

    fn open(&self, name: Name, create: bool) -> io::Result<Arc<dyn DiskFile>> {
        let mut open = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = open.iter().position(|(held, _)| *held == name) {
            open[at..].rotate_left(1);
        } else {
            let file = self.disk.open(&name.to_string(), create)?;
            if open.len() == HELD_OPEN {
                open.remove(0);
            }
            open.push((name, file));
        }
        open.last().map(|(_, file)| Arc::clone(file)).ok_or_else(|| io::Error::other("no file"))
    }

    /// Forgets an open file, so that it is looked up by its name again.
    pub(super) fn forget(&self, name: Name) {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).retain(|(held, _)| *held != name);
    }

    /// The numbers of the segments that are there, in order.
    pub(super) fn segments(&self) -> io::Result<Vec<u16>> {
        let mut numbers: Vec<u16> =
            self.disk.list()?.iter().filter_map(|name| name.strip_prefix("segment-")?.parse().ok()).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }
}
