//! Reads records: from a window onto a segment, so that neighbours cost one system call together.

use std::io;

use bytes::Bytes;

use super::format::{Found, RECORD_HEADER, Record, mark};
use super::io::DiskFile;

/// What one read brings: about 90 events.
const READ_AHEAD: usize = 64 * 1024;

/// A stretch of a segment in memory. Payloads are slices of it, not copies.
#[derive(Debug, Default)]
pub(super) struct Window {
    /// Whose bytes these are: file and salt.
    of: (u16, u64),
    start: u64,
    bytes: Bytes,
}

impl Window {
    /// Points the window at a segment; what it held of another is forgotten.
    pub(super) fn onto(&mut self, file: u16, salt: u64) {
        if self.of != (file, salt) {
            *self = Self { of: (file, salt), start: 0, bytes: Bytes::new() };
        }
    }

    /// The bytes from `offset` on, at least `wanted` of them if there are so many before `limit`.
    fn at(&mut self, file: &dyn DiskFile, offset: u64, wanted: usize, limit: u64) -> io::Result<Bytes> {
        let held = offset.checked_sub(self.start).and_then(|skip| usize::try_from(skip).ok());
        if let Some(skip) = held.filter(|skip| skip.checked_add(wanted).is_some_and(|end| end <= self.bytes.len())) {
            return Ok(self.bytes.slice(skip..));
        }
        let left = usize::try_from(limit.saturating_sub(offset)).unwrap_or(usize::MAX);
        let mut buffer = vec![0; wanted.max(READ_AHEAD).min(left)];
        let read = file.read_at(&mut buffer, offset)?;
        buffer.truncate(read);
        self.start = offset;
        self.bytes = buffer.into();
        Ok(self.bytes.clone())
    }

    /// The record at `offset`, if there is a whole and right one that ends before `limit`.
    pub(super) fn record(&mut self, file: &dyn DiskFile, offset: u64, limit: u64) -> io::Result<Option<Found>> {
        for fresh in [false, true] {
            let header = self.at(file, offset, RECORD_HEADER, limit)?;
            if let Some(lengths) = Record::lengths(&header, self.of.1)
                && offset + lengths.total() as u64 <= limit
                && let Some(found) = Record::decode(&self.at(file, offset, lengths.total(), limit)?, self.of.1)
            {
                return Ok(Some(found));
            }
            // What is held may be older than the file.
            if !fresh {
                self.bytes = Bytes::new();
            }
        }
        Ok(None)
    }

    /// Whether a record was begun at `offset`.
    pub(super) fn begins(&mut self, file: &dyn DiskFile, offset: u64, limit: u64) -> io::Result<bool> {
        Ok(self.at(file, offset, 4, limit)?.starts_with(&mark(self.of.1).to_le_bytes()))
    }

    /// The first place from `offset` on at which a right record begins.
    pub(super) fn search(&mut self, file: &dyn DiskFile, mut offset: u64, limit: u64) -> io::Result<Option<u64>> {
        let mark = mark(self.of.1).to_le_bytes();
        while offset < limit {
            let bytes = self.at(file, offset, RECORD_HEADER, limit)?;
            if bytes.len() < RECORD_HEADER {
                return Ok(None);
            }
            let Some(at) = (0..bytes.len() - 3).step_by(8).find(|at| bytes[*at..*at + 4] == mark) else {
                offset += bytes.len() as u64 & !7;
                continue;
            };
            offset += at as u64;
            if self.record(file, offset, limit)?.is_some() {
                return Ok(Some(offset));
            }
            offset += 8;
        }
        Ok(None)
    }
}
