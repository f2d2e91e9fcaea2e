//! `audited outbox status`: how much waits, and how much is dead.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use serde_json::json;

use super::record::time;
use super::{Opened, Output, shown};
use crate::exit::Failure;

pub(super) fn run(journal: &Opened<'_>, out: &mut Output) -> Result<(), Failure> {
    let contents = journal.reader.contents().map_err(|error| journal.failed(error))?;
    let disk = disk_bytes(journal.dir);
    let oldest = contents.oldest.map(time);
    out.tell(
        || {
            json!({
                "dir": journal.dir.display().to_string(),
                "pending": contents.pending,
                "oldest_pending_at": oldest,
                "dead": contents.dead,
                "disk_bytes": disk,
            })
        },
        || {
            let since = oldest.as_ref().map(|oldest| format!(", the oldest since {oldest}")).unwrap_or_default();
            let hint = if contents.dead > 0 { "; `audited outbox dead` tells why" } else { "" };
            vec![
                format!("journal  {}", shown(journal.dir)),
                format!("pending  {}{since}", contents.pending),
                format!("dead     {}{hint}", contents.dead),
                format!("disk     {:.1} MiB", disk as f64 / f64::from(1 << 20)),
            ]
        },
    )
}

/// What the journal's files take, in blocks of the disk.
fn disk_bytes(dir: &Path) -> u64 {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let sizes = entries.map(|entry| match entry.metadata() {
        Ok(found) if found.is_dir() => disk_bytes(&entry.path()),
        Ok(found) => found.blocks() * 512,
        // It was removed a moment ago.
        Err(_) => 0,
    });
    sizes.sum()
}
