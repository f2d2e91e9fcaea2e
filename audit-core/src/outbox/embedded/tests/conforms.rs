//! The journal passes the suite of all outboxes.

use std::sync::{Arc, Mutex};

use super::journal::Scratch;
use crate::outbox::{Journal, JournalSettings, conformance};

#[tokio::test]
async fn the_journal_is_an_outbox() {
    let kept = Mutex::new(Vec::new());
    conformance::check(|| {
        let mut kept = kept.lock().unwrap();
        let scratch = Scratch::new(&format!("conformance-{}", kept.len()));
        let (journal, _) = Journal::open(scratch.path(), JournalSettings::default()).unwrap();
        kept.push(scratch);
        Arc::new(journal)
    })
    .await;
}
