//! `audited outbox redrive`: dead letters are pending again, under new keys.

use std::time::Duration;

use audit_core::outbox::{Journal, JournalSettings, Outbox, OutboxErrorKind, RecordId};
use serde_json::json;

use super::record::count;
use super::{Opened, Output, PAGE};
use crate::cli::outbox::RedriveArgs;
use crate::commands::signal;
use crate::exit::Failure;

/// How long closing may take; what was redriven is on disk before.
const CLOSE: Duration = Duration::from_secs(10);

pub(super) fn run(journal: &Opened<'_>, redrive: &RedriveArgs, out: &mut Output) -> Result<(), Failure> {
    let wanted = if redrive.all { all(journal)? } else { redrive.records.clone() };
    let mut settings = JournalSettings::default();
    settings.visiting = true;
    let (held, recovery) = Journal::open(journal.dir, settings).map_err(|error| journal.failed(error))?;
    let runtime = signal::runtime().map_err(|error| Failure::Io("cannot start", error))?;
    let mut done = Vec::new();
    let mut problems = Vec::new();
    for record in wanted {
        match runtime.block_on(held.redrive(RecordId(record))) {
            Ok(()) => done.push(record),
            Err(error) if error.kind() == OutboxErrorKind::Missing => problems.push(error.to_string()),
            Err(error) => return Err(journal.failed(error)),
        }
    }
    held.close(CLOSE).map_err(|error| journal.failed(error))?;
    out.tell(
        || json!({"redriven": done, "unclean_stop": recovery.unclean}),
        || {
            let sent = "the next start of the application sends";
            let mut lines = vec![match done.len() {
                0 => "nothing to send again".to_owned(),
                1 => format!("1 dead letter waits again; {sent} it"),
                more => format!("{} wait again; {sent} them", count(more as u64, "dead letter")),
            }];
            // The application's next start finds that, too.
            if recovery.unclean {
                lines.push(
                    "the application had not closed the journal: what it told as relaxed in its last 50 ms may be missing"
                        .to_owned(),
                );
            }
            lines
        },
    )?;
    if problems.is_empty() { Ok(()) } else { Err(Failure::Record(problems.join("\n"))) }
}

fn all(journal: &Opened<'_>) -> Result<Vec<u64>, Failure> {
    let mut all: Vec<u64> = Vec::new();
    loop {
        let after = all.last().copied().map(RecordId);
        let letters = journal.reader.dead_letters(after, PAGE).map_err(|error| journal.failed(error))?;
        if letters.is_empty() {
            return Ok(all);
        }
        all.extend(letters.iter().map(|letter| letter.record.0));
    }
}
