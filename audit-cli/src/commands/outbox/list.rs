//! `audited outbox list`: what waits to be sent.

use audit_core::outbox::RecordId;

use super::record::{Record, time};
use super::{Opened, Output, PAGE};
use crate::cli::outbox::PageArgs;
use crate::exit::Failure;

pub(super) fn run(journal: &Opened<'_>, page: &PageArgs, out: &mut Output) -> Result<(), Failure> {
    let mut after = page.after.map(RecordId);
    let mut left = page.limit;
    let mut none = true;
    while left > 0 {
        let records = journal.reader.pending(after, left.min(PAGE)).map_err(|error| journal.failed(error))?;
        let Some(last) = records.last() else { break };
        after = Some(last.record);
        left -= records.len();
        none = false;
        for record in records.into_iter().map(Record::pending) {
            out.tell(|| record.to_json(), || vec![line(&record)])?;
        }
    }
    if none && !out.json {
        out.line("nothing waits")?;
    }
    if left == 0 && !out.json {
        let more = journal.reader.pending(after, 1).map_err(|error| journal.failed(error))?;
        if let (Some(after), false) = (after, more.is_empty()) {
            out.line(&format!("more with --after {}", after.0))?;
        }
    }
    Ok(())
}

fn line(record: &Record) -> String {
    format!("{}  {}  {}  {}", record.id.0, time(record.accepted_at), record.organization(), record.action())
}
