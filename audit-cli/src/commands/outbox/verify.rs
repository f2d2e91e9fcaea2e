//! `audited outbox verify`: whether everything is as it was written.

use audit_core::outbox::{Damage, Finding};
use serde_json::json;

use super::record::count;
use super::{Opened, Output};
use crate::exit::Failure;

pub(super) fn run(journal: &Opened<'_>, out: &mut Output) -> Result<(), Failure> {
    let verification = journal.reader.verify().map_err(|error| journal.failed(error))?;
    let findings = &verification.findings;
    out.tell(
        || {
            let findings = findings.iter().map(
                |Finding { file, offset, damage, .. }| json!({"file": file, "offset": offset, "damage": word(*damage)}),
            );
            json!({
                "segments": verification.segments,
                "records": verification.records,
                "findings": findings.collect::<Vec<_>>(),
            })
        },
        || {
            let mut lines: Vec<String> = findings
                .iter()
                .map(|Finding { file, offset, damage, .. }| format!("{file} at {offset}: {}", sentence(*damage)))
                .collect();
            let right = if findings.is_empty() { "all as written" } else { "as written" };
            lines.push(format!(
                "{} in {}, {right}",
                count(verification.records, "record"),
                count(verification.segments, "segment")
            ));
            lines
        },
    )?;
    if findings.is_empty() { Ok(()) } else { Err(Failure::Damaged(findings.len())) }
}

fn word(damage: Damage) -> &'static str {
    match damage {
        Damage::Unreadable => "unreadable",
        Damage::Unchained => "unchained",
        Damage::Missing => "missing",
        Damage::NoSegment => "no_segment",
        Damage::Detached => "detached",
        _ => "other",
    }
}

fn sentence(damage: Damage) -> &'static str {
    match damage {
        Damage::Unreadable => "these bytes are no record, and there are records behind them",
        Damage::Unchained => "a record is not the one that was written here",
        Damage::Missing => "records that were here are gone",
        Damage::NoSegment => "the segment's file is gone, or its header is destroyed",
        Damage::Detached => "the segment does not follow on the one before it",
        _ => "damaged, in a way that this program does not know: use the application's release of it",
    }
}
