//! The journal's peers, each with one writer thread that commits whatever queued up meanwhile.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::JoinHandle;

use bytes::Bytes;

/// Something that stores batches durably.
pub trait Engine: Send + 'static {
    fn commit(&mut self, batch: &[Bytes]);
}

/// Group commit in front of an engine: callers block until their event is durable.
pub struct Grouped {
    queue: Option<Sender<(Bytes, SyncSender<()>)>>,
    thread: Option<JoinHandle<()>>,
}

impl Grouped {
    pub fn over(mut engine: impl Engine) -> Self {
        let (queue, taken): (_, Receiver<(Bytes, SyncSender<()>)>) = channel();
        let thread = std::thread::spawn(move || {
            while let Ok((first, waits)) = taken.recv() {
                let (mut batch, mut waiting) = (vec![first], vec![waits]);
                while batch.len() < 1024
                    && let Ok((next, waits)) = taken.try_recv()
                {
                    batch.push(next);
                    waiting.push(waits);
                }
                engine.commit(&batch);
                for waits in waiting {
                    let _ = waits.send(());
                }
            }
        });
        Self { queue: Some(queue), thread: Some(thread) }
    }

    pub fn append(&self, event: Bytes) {
        let (done, wait) = sync_channel(1);
        self.queue.as_ref().unwrap().send((event, done)).unwrap();
        wait.recv().unwrap();
    }
}

impl Drop for Grouped {
    fn drop(&mut self) {
        self.queue = None;
        let _ = self.thread.take().unwrap().join();
    }
}

/// The limit: length and bytes into a file that was filled with zeros before, and one `fdatasync`.
pub struct Raw {
    file: File,
    at: u64,
    buffer: Vec<u8>,
}

const RAW_BYTES: u64 = 256 << 20;

impl Raw {
    pub fn at(dir: &Path) -> Self {
        let file = OpenOptions::new().create(true).write(true).truncate(true).open(dir.join("raw")).unwrap();
        let zeros = vec![0; 1 << 20];
        for at in (0..RAW_BYTES).step_by(1 << 20) {
            file.write_all_at(&zeros, at).unwrap();
        }
        file.sync_all().unwrap();
        Self { file, at: 0, buffer: Vec::new() }
    }
}

impl Engine for Raw {
    fn commit(&mut self, batch: &[Bytes]) {
        self.buffer.clear();
        for event in batch {
            self.buffer.extend_from_slice(&(event.len() as u32).to_le_bytes());
            self.buffer.extend_from_slice(event);
        }
        if self.at + self.buffer.len() as u64 > RAW_BYTES {
            self.at = 0;
        }
        self.file.write_all_at(&self.buffer, self.at).unwrap();
        self.at += self.buffer.len() as u64;
        self.file.sync_data().unwrap();
    }
}

pub struct Sqlite(pub rusqlite::Connection);

impl Sqlite {
    pub fn at(dir: &Path) -> Self {
        let connection = rusqlite::Connection::open(dir.join("events.db")).unwrap();
        connection
            .execute_batch(
                "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;
                 CREATE TABLE IF NOT EXISTS events (id INTEGER PRIMARY KEY, payload BLOB NOT NULL);",
            )
            .unwrap();
        Self(connection)
    }

    /// Reads and removes the oldest, in one durable transaction.
    pub fn drain(&mut self, count: usize) -> usize {
        let transaction = self.0.transaction().unwrap();
        let ids: Vec<i64> = {
            let mut oldest = transaction.prepare_cached("SELECT id, payload FROM events ORDER BY id LIMIT ?1").unwrap();
            let rows = oldest.query_map([count as i64], |row| {
                std::hint::black_box(row.get_ref(1)?.as_blob()?.len());
                row.get(0)
            });
            rows.unwrap().map(Result::unwrap).collect()
        };
        {
            let mut delete = transaction.prepare_cached("DELETE FROM events WHERE id = ?1").unwrap();
            for id in &ids {
                delete.execute([id]).unwrap();
            }
        }
        transaction.commit().unwrap();
        ids.len()
    }
}

impl Engine for Sqlite {
    fn commit(&mut self, batch: &[Bytes]) {
        let transaction = self.0.transaction().unwrap();
        {
            let mut insert = transaction.prepare_cached("INSERT INTO events (payload) VALUES (?1)").unwrap();
            for event in batch {
                insert.execute([&event[..]]).unwrap();
            }
        }
        transaction.commit().unwrap();
    }
}

const EVENTS: redb::TableDefinition<'_, u64, &[u8]> = redb::TableDefinition::new("events");

pub struct Redb {
    database: redb::Database,
    next: u64,
}

impl Redb {
    pub fn at(dir: &Path) -> Self {
        Self { database: redb::Database::create(dir.join("events.redb")).unwrap(), next: 0 }
    }
}

impl Engine for Redb {
    fn commit(&mut self, batch: &[Bytes]) {
        let transaction = self.database.begin_write().unwrap();
        {
            let mut table = transaction.open_table(EVENTS).unwrap();
            for event in batch {
                table.insert(self.next, &event[..]).unwrap();
                self.next += 1;
            }
        }
        transaction.commit().unwrap();
    }
}
