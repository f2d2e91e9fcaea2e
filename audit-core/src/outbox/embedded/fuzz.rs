//! The journal's readers, for `crate::fuzz`.
#![allow(clippy::expect_used, reason = "nobody's process but a fuzzer's")]

use std::io;
use std::sync::{Arc, Mutex};

use super::format::{Chain, PAGE, SegmentHeader};
use super::io::{Disk, DiskFile, Files};
use super::recover::load;
use super::shelf::Shelf;
use crate::outbox::RecordId;

/// A directory of one segment and its table, that is only read.
#[derive(Debug)]
struct Given {
    segment: Arc<Bytes>,
    table: Arc<Bytes>,
}

#[derive(Debug)]
struct Bytes(Vec<u8>);

impl Disk for Given {
    fn open(&self, name: &str, _: bool) -> io::Result<Arc<dyn DiskFile>> {
        match name {
            "segment-0001" => Ok(Arc::<Bytes>::clone(&self.segment)),
            "table-0001" => Ok(Arc::<Bytes>::clone(&self.table)),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn list(&self) -> io::Result<Vec<String>> {
        Ok(vec!["segment-0001".to_owned(), "table-0001".to_owned()])
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}

impl DiskFile for Bytes {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let rest = usize::try_from(offset).ok().and_then(|offset| self.0.get(offset..)).unwrap_or_default();
        let len = rest.len().min(buffer.len());
        buffer[..len].copy_from_slice(&rest[..len]);
        Ok(len)
    }

    fn write_at(&self, _: &[u8], _: u64) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    fn reserve(&self, _: u64) -> io::Result<()> {
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.len() as u64)
    }

    fn has_a_name(&self) -> bool {
        true
    }

    fn cut(&self, _: u64) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }
}

/// The first two bytes say how many of the others are a table; the rest is what follows a segment's header. Whatever they
/// are, they can be loaded, and what the index lists can be looked for.
pub fn journal(data: &[u8]) {
    let Some((split, rest)) = data.split_first_chunk() else { return };
    let (table, records) = rest.split_at(usize::from(u16::from_be_bytes(*split)).min(rest.len()));
    let header = SegmentHeader {
        in_use: true,
        files: 1,
        sequence: 1,
        salt: 1,
        next_id: 1,
        chain: Chain::default(),
        before: (0, 0),
    };
    let mut segment = header.encode().to_vec();
    segment.resize(usize::try_from(PAGE).unwrap_or(4096), 0);
    segment.extend_from_slice(records);
    let files =
        Files::new(Arc::new(Given { segment: Arc::new(Bytes(segment)), table: Arc::new(Bytes(table.to_vec())) }));
    let files = Arc::new(files);
    let index = load(&files, 0).expect("damage is no error").index;
    let shelf = Shelf::over(0, Arc::new(Mutex::new(index)), files);
    // What the tables claim and the segment does not have is told as damaged.
    let found = shelf.pending(RecordId(0), usize::MAX).expect("reading does not fail");
    let dead = shelf.dead_letters(RecordId(0), usize::MAX).expect("reading does not fail");
    assert!(found.len() + dead.len() <= data.len() / 32 + 1, "more records than there is room for");
}
