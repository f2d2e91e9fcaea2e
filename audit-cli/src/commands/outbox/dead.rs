//! `audited outbox dead`: what WorkOS refused, and why.

use audit_core::outbox::{DeadLetter, RecordId};
use serde_json::{Value, json};

use super::record::{Record, time};
use super::{Opened, Output, PAGE};
use crate::cli::outbox::PageArgs;
use crate::exit::Failure;

pub(super) fn run(journal: &Opened<'_>, page: &PageArgs, out: &mut Output) -> Result<(), Failure> {
    let mut after = page.after.map(RecordId);
    let mut left = page.limit;
    let mut none = true;
    while left > 0 {
        let letters = journal.reader.dead_letters(after, left.min(PAGE)).map_err(|error| journal.failed(error))?;
        let Some(last) = letters.last() else { break };
        after = Some(last.record);
        left -= letters.len();
        none = false;
        for letter in &letters {
            let record = Record::dead(letter);
            out.tell(|| with_reason(&record, letter), || lines(&record, letter))?;
        }
    }
    if none && !out.json {
        out.line("no dead letters")?;
    }
    if left == 0 && !out.json {
        let more = journal.reader.dead_letters(after, 1).map_err(|error| journal.failed(error))?;
        if let (Some(after), false) = (after, more.is_empty()) {
            out.line(&format!("more with --after {}", after.0))?;
        }
    }
    Ok(())
}

/// The record as JSON, with why it is dead.
pub(super) fn with_reason(record: &Record, letter: &DeadLetter) -> Value {
    let mut json = record.to_json();
    json["dead"] = json!({
        "at": time(letter.reason.at),
        "status": letter.reason.status,
        "reason": letter.reason.message,
    });
    json
}

/// Why, in words.
pub(super) fn reason(letter: &DeadLetter) -> String {
    match letter.reason.status {
        Some(status) => format!("{status}: {}", letter.reason.message),
        None => format!("not sent: {}", letter.reason.message),
    }
}

fn lines(record: &Record, letter: &DeadLetter) -> Vec<String> {
    let buried = time(letter.reason.at);
    let head = format!("{}  {buried}  {}  {}", record.id.0, record.organization(), record.action());
    vec![head, format!("    {}", reason(letter))]
}
