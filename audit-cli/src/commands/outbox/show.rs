//! `audited outbox show`: one record with all that was captured.

use audit_core::outbox::RecordId;

use super::record::{Record, time};
use super::{Opened, Output, dead};
use crate::cli::outbox::ShowArgs;
use crate::exit::Failure;

pub(super) fn run(journal: &Opened<'_>, show: &ShowArgs, out: &mut Output) -> Result<(), Failure> {
    let wanted = RecordId(show.record);
    let before = Some(RecordId(show.record.saturating_sub(1)));
    let pending = journal.reader.pending(before, 1).map_err(|error| journal.failed(error))?;
    if let Some(record) = pending.into_iter().find(|record| record.record == wanted) {
        let record = Record::pending(record);
        return out.tell(|| record.to_json(), || lines(&record, "pending".to_owned()));
    }
    let letters = journal.reader.dead_letters(before, 1).map_err(|error| journal.failed(error))?;
    if let Some(letter) = letters.iter().find(|letter| letter.record == wanted) {
        let record = Record::dead(letter);
        let state = format!("dead since {}, {}", time(letter.reason.at), dead::reason(letter));
        return out.tell(|| dead::with_reason(&record, letter), || lines(&record, state));
    }
    Err(Failure::Record(format!(
        "there is no record {} in this journal: it was delivered, or never there; `audited outbox list` and `dead` tell \
         what is",
        show.record
    )))
}

fn lines(record: &Record, state: String) -> Vec<String> {
    let mut lines = vec![
        format!("record       {}", record.id.0),
        format!("state        {state}"),
        format!("accepted at  {}", time(record.accepted_at)),
        format!("key          {}", record.key),
    ];
    lines.extend(format!("{:#}", record.payload).lines().map(str::to_owned));
    lines
}
