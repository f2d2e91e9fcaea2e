//! Where the parts of an event are written to.

use super::mended::Mended;
use super::redaction::HashKey;

/// An event's buffer, with what its writers need to know and to tell.
pub(crate) struct Out<'a> {
    pub(crate) buf: &'a mut Vec<u8>,
    pub(crate) mended: &'a mut Mended,
    pub(crate) key: Option<&'a HashKey>,
}

impl Out<'_> {
    /// The same buffer, lent on.
    pub(crate) fn reborrow(&mut self) -> Out<'_> {
        Out { buf: self.buf, mended: self.mended, key: self.key }
    }
}

/// Lets `write` append to the buffer. If it says that there is nothing, or panics, the buffer is as it was.
#[inline]
pub(crate) fn append(out: &mut Out<'_>, write: impl FnOnce(&mut Out<'_>) -> bool) -> bool {
    let keep = out.buf.len();
    let mut rollback = Rollback { keep, out: out.reborrow() };
    let written = write(&mut rollback.out);
    if written {
        rollback.keep = usize::MAX;
    }
    written
}

/// Lets `write` append to the buffer and moves what it appended to `at`. Returns how many bytes that are.
#[inline]
pub(crate) fn insert(out: &mut Out<'_>, at: usize, write: impl FnOnce(&mut Out<'_>) -> bool) -> usize {
    let start = out.buf.len();
    append(out, write);
    let written = out.buf.len() - start;
    if at < start {
        out.buf[at..].rotate_right(written);
    }
    written
}

/// Cuts the buffer back when it is dropped.
struct Rollback<'a> {
    keep: usize,
    out: Out<'a>,
}

impl Drop for Rollback<'_> {
    fn drop(&mut self) {
        self.out.buf.truncate(self.keep);
    }
}
