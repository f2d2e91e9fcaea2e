//! What survives a restart, and a `kill -9`.

use std::time::Duration;

use audited_cli::{Builder, LocalWorkos};
use reqwest::Method;
use serde_json::json;

use crate::support::{Program, Sender, event, told};

#[tokio::test]
async fn events_keys_schemas_retention_and_time_survive_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let server = || -> Builder { LocalWorkos::builder().data(directory.path()).register_on_first_use(false) };
    let workos = server().start().unwrap();
    let sender = Sender::to(&workos);
    let schema = json!({"targets": [{"type": "team"}]});
    let path = "/audit_logs/actions/user.signed_in/schemas";
    sender.request(Method::POST, path).json(&schema).send().await.unwrap();
    let retention = "/organizations/org_1/audit_logs_retention";
    let year = json!({"retention_period_in_days": 365});
    sender.request(Method::PUT, retention).json(&year).send().await.unwrap();
    workos.advance(Duration::from_secs(3600));
    sender.create(Some("k"), event("a").to_string()).await.unwrap();
    let before = workos.events();
    assert_eq!(before.len(), 1);
    drop(workos);

    let workos = server().start().unwrap();
    let sender = Sender::to(&workos);
    let after = workos.events();
    assert_eq!(after.len(), 1);
    assert_eq!(after[0].event, before[0].event);
    assert_eq!(after[0].idempotency_key, before[0].idempotency_key);
    // The journal has milliseconds.
    let (earlier, later) = (after[0].received_at, before[0].received_at);
    assert!(later.duration_since(earlier).unwrap() < Duration::from_millis(1));
    let again = sender.create(Some("k"), event("a").to_string()).await.unwrap();
    assert_eq!(again.status(), 200);
    assert_eq!(workos.counts().repeated, 1, "the key is remembered");
    let wrong = json!({"retention_period_in_days": 365});
    let kept = sender.request(Method::GET, retention).send().await.unwrap();
    assert_eq!(told(kept).await.1, wrong);
    let other = sender.create(Some("k2"), event("b").to_string()).await.unwrap();
    assert_eq!(other.status(), 200, "the schema is remembered");
    let ahead = workos.requests()[1].received_at;
    assert!(ahead > std::time::SystemTime::now() + Duration::from_secs(3500));
}

#[tokio::test]
async fn every_event_that_was_answered_survives_kill_9() {
    let directory = tempfile::tempdir().unwrap();
    let arguments = ["--data", directory.path().to_str().unwrap(), "--register-on-first-use"];
    let mut program = Program::dev(&arguments);
    let sender = program.sender();
    let mut answered = 0;
    let mut killer = None;
    while let Ok(response) = sender.create(None, event(&answered.to_string()).to_string()).await {
        assert_eq!(response.status(), 200);
        answered += 1;
        if answered == 50 {
            // Not waited for: it comes while further requests are on their way.
            let id = program.id().to_string();
            killer = Some(std::process::Command::new("kill").args(["-9", &id]).spawn().unwrap());
        }
    }
    assert!(killer.unwrap().wait().unwrap().success());
    program.wait();
    assert!(answered >= 50, "{answered}");
    let workos = LocalWorkos::builder().data(directory.path()).start().unwrap();
    let stored = workos.events().len();
    // One may have been stored whose answer was cut off.
    assert!(stored == answered || stored == answered + 1, "{stored} of {answered}");
    for (index, event) in workos.events().iter().enumerate() {
        assert_eq!(event.event["actor"]["id"], index.to_string());
    }
}
