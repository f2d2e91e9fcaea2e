//! An event that says nobody's log.

use std::time::Duration;

use audited::outbox::MemoryOutbox;
use audited::workos::ApiKeySource;
use audited::{Actor, AuditLog, audited};
use audited_cli::LocalWorkos;

use crate::support::people::Thing;
use crate::support::warnings;

#[audited(action = "thing.orphaned", targets(Thing { id: 1 }))]
async fn orphan() {}

#[tokio::test]
async fn its_function_is_named_once_and_it_is_a_dead_letter_that_says_what_to_do() {
    warnings::listen();
    let workos = LocalWorkos::start().unwrap();
    let log = AuditLog::builder()
        .api_key(ApiKeySource::fixed("sk_test"))
        .base_url(workos.url())
        .outbox(MemoryOutbox::default())
        .install(false)
        .start()
        .await
        .unwrap();
    for _ in 0..3 {
        // Else the missing actor would be warned of, too.
        audited::context().log(&log).actor(&Actor::user("alice")).scope(orphan()).await;
    }
    log.flush(Duration::from_secs(10)).await;
    let letters = log.dead_letters(None, 10).await.unwrap();
    let reasons: Vec<&str> = letters.iter().map(|letter| letter.reason.message.as_str()).collect();
    assert_eq!(reasons.len(), 3);
    assert!(reasons[0].starts_with("`thing.orphaned` has no organization"), "{}", reasons[0]);
    assert_eq!(warnings::warned_of("orphan"), ["context::organization::orphan"]);
    assert!(workos.events().is_empty());
    log.shutdown(Duration::from_secs(10)).await;
}
