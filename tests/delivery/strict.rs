//! Strict calls: announced on disk before they happen, and told as `unknown` if nobody knows how they ended.

use std::future::pending;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Stdio;

use audited_cli::LocalWorkos;

use crate::support::{
    Invoice, PATIENCE, adds_up, close, is_on_disk, log_in, nobody, on_disk, process, process_dir, stored, told,
};

#[tokio::test(flavor = "multi_thread")]
async fn the_intent_is_on_disk_before_the_body_runs_and_the_outcome_before_the_return() {
    let workos = LocalWorkos::start().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let audit = log_in(dir.path(), &workos.url()).start().await.unwrap();
    let path = dir.path().to_owned();
    let body = async move {
        assert!(is_on_disk(&path, &["invoice.closed", r#""outcome":"unknown""#]));
    };
    assert_eq!(told(&audit, close(Invoice::new(7), body)).await.unwrap(), 7);
    let _ = audit.flush(PATIENCE).await;
    assert_eq!(stored(&workos), [7]);
    assert_eq!(workos.events()[0].event["metadata"].get("outcome"), None, "it went well");
    assert_eq!(workos.counts().received, 1, "the intent itself was never sent");
    let stats = adds_up(&audit).await;
    assert_eq!((stats.accepted, stats.delivered, stats.unsettled), (1, 1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outcome_is_on_disk_when_a_strict_call_returns() {
    let dir = tempfile::tempdir().unwrap();
    let audit = log_in(dir.path(), &nobody()).start().await.unwrap();
    for id in 0..10 {
        told(&audit, close(Invoice::new(id), async {})).await.unwrap();
        let records = on_disk(dir.path());
        assert_eq!(records.len() as u64, id + 1);
        assert!(!is_on_disk(dir.path(), &[r#""outcome":"unknown""#]), "{records:?}");
    }
}

#[tokio::test]
#[ignore = "a process of another test"]
async fn in_the_middle_of_a_deed() {
    let Some(dir) = process_dir() else { return };
    let audit = log_in(&dir, &nobody()).start().await.unwrap();
    told(&audit, close(Invoice::new(1), async {})).await.unwrap();
    let deed = async {
        std::io::stdout().lock().write_all(b"\nit is being done\n").unwrap();
        pending::<()>().await;
    };
    let _ = told(&audit, close(Invoice::new(2), deed)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deed_that_a_crash_interrupted_is_told_as_unknown() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = process("strict::in_the_middle_of_a_deed", dir.path()).stdout(Stdio::piped()).spawn().unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    assert!(output.lines().any(|line| line.unwrap() == "it is being done"));
    child.kill().unwrap();
    child.wait().unwrap();

    let workos = LocalWorkos::start().unwrap();
    let audit = log_in(dir.path(), &workos.url()).start().await.unwrap();
    let recovery = audit.recovery();
    assert!(recovery.unclean);
    assert_eq!((recovery.pending, recovery.open_intents, recovery.lost), (2, 1, 0));
    let report = audit.shutdown(PATIENCE).await;
    assert_eq!((report.delivered, report.pending, report.dead), (2, 0, 0));
    let outcome = |id: &str| {
        let events = workos.events();
        let of: Vec<_> = events.iter().filter(|it| it.event["targets"][0]["id"] == id).collect();
        assert_eq!(of.len(), 1);
        of[0].event["metadata"]["outcome"].as_str().map(str::to_owned)
    };
    assert_eq!((outcome("1"), outcome("2").as_deref()), (None, Some("unknown")));
}
