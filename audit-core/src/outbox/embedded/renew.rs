//! Records that go on under a new key: lent ones whose key is of no more use, and dead letters that are to be sent again.
//! Both are a newer version of the record, like everything that changes.

use super::format::{Kind, Place, Record, Tie};
use super::io::Name;
use super::log::{Log, Staged, Then, storage};
use super::window::Window;
use crate::outbox::{AppendTicket, IdempotencyKey, OutboxError, OutboxErrorKind, Retry};
use crate::planted::{Bug, planted};

impl Log {
    /// The lent record is due again as `retry` says, under `key`.
    pub(super) fn rekey(&mut self, id: u64, fence: u64, key: IdempotencyKey, retry: Retry, ticket: AppendTicket) {
        let read = self.index().lease(id, fence).and_then(|lease| Ok((lease, self.read(&lease)?)));
        match read {
            Ok((lease, record)) => {
                let renewed = Record { replaces: Some(lease.place), tie: Tie::None, key, ..record };
                self.place(vec![Staged::new(renewed, Then::Rekey(lease, retry), Some(ticket))], true);
            }
            Err(error) => self.refuse(Some(ticket), error, false),
        }
    }

    /// The dead letter is pending again, as a new event under `key`.
    pub(super) fn redrive(&mut self, id: u64, key: IdempotencyKey, ticket: AppendTicket) {
        // It may be in this batch already.
        if self.staged.iter().any(|staged| staged.record.id == id) {
            self.flush();
        }
        match self.read_dead(id) {
            Ok((record, dead)) => {
                let (kind, reason) = (Kind::Event, bytes::Bytes::new());
                let key = if planted(Bug::CachedRefusal) { record.key } else { key };
                let renewed = Record { kind, replaces: Some(dead), tie: Tie::None, key, reason, ..record };
                self.place(vec![Staged::new(renewed, Then::Redrive(dead), Some(ticket))], false);
            }
            Err(error) => self.refuse(Some(ticket), error, false),
        }
    }

    fn read_dead(&self, id: u64) -> Result<(Record, Place), OutboxError> {
        let missing = || {
            let message =
                format!("there is no dead letter {id} in journal-{}: it may have been sent again", self.number);
            OutboxError::new(OutboxErrorKind::Missing, message)
        };
        let spot = self.index().dead.get(&id).copied().ok_or_else(missing)?;
        let segment = self.segments.get(&spot.file).ok_or_else(missing)?;
        let log = self.files.get(Name::Segment(spot.file)).map_err(storage)?;
        let mut window = Window::default();
        window.onto(spot.file, segment.header.salt);
        let found = window.record(&*log, u64::from(spot.offset), segment.end).map_err(storage)?.ok_or_else(|| {
            OutboxError::new(OutboxErrorKind::Storage, format!("the dead letter {id} is damaged on disk"))
        })?;
        Ok((found.record, Place { file: spot.file, ordinal: found.ordinal }))
    }
}
