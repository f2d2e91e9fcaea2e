//! Health is red while storage or delivery fails, says why, and is green again afterwards.

use std::fs;
use std::path::Path;

use audited::{AuditLog, HealthReason, HealthStatus};
use audited_cli::LocalWorkos;

use crate::support::{Invoice, PATIENCE, log_in, nobody, on_disk, pay, see, told, until};

fn codes(audit: &AuditLog) -> Vec<&'static str> {
    audit.health().reasons().iter().map(HealthReason::code).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_is_well_until_its_server_is_gone_and_again_once_it_is_back() {
    let workos = LocalWorkos::start().unwrap();
    let (address, url) = (workos.address(), workos.url());
    let dir = tempfile::tempdir().unwrap();
    let audit = log_in(dir.path(), &url).start().await.unwrap();
    assert_eq!(audit.health().to_string(), "ok");
    told(&audit, pay(Invoice::new(1))).await;
    audit.flush(PATIENCE).await;
    assert_eq!(audit.health().status(), HealthStatus::Ok);

    drop(workos);
    told(&audit, pay(Invoice::new(2))).await;
    until(|| codes(&audit) == ["unreachable"]).await;
    assert_eq!(audit.health().status(), HealthStatus::Degraded, "for a minute");

    let workos = LocalWorkos::builder().listen(address).start().unwrap();
    audit.flush(PATIENCE).await;
    assert_eq!((workos.events().len(), &*audit.health().to_string()), (1, "ok"));
    audit.shutdown(PATIENCE).await;
    assert_eq!((codes(&audit), audit.health().status()), (vec!["closed"], HealthStatus::Failing));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_key_is_red_and_dead_letters_are_told() {
    let workos = LocalWorkos::builder().api_key("sk_right").organization("org_1").start().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let audit = log_in(dir.path(), &workos.url()).api_key("sk_wrong").start().await.unwrap();
    told(&audit, pay(Invoice::new(1))).await;
    until(|| codes(&audit) == ["key_refused"]).await;
    assert_eq!(audit.health().status(), HealthStatus::Failing);
    audit.shutdown(PATIENCE.mul_f32(0.0)).await;
    drop(audit);

    let audit = log_in(dir.path(), &workos.url()).api_key("sk_right").start().await.unwrap();
    told(&audit, pay(Invoice::new(2))).await;
    audit.flush(PATIENCE).await;
    let health = audit.health();
    assert_eq!(health.reasons(), [HealthReason::DeadLetters { count: 1 }]);
    assert_eq!(health.status(), HealthStatus::Degraded);
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (path, to) = (entry.as_ref().unwrap().path(), to.join(entry.unwrap().file_name()));
        if path.is_dir() {
            copy(&path, &to);
        } else {
            fs::copy(&path, &to).unwrap();
        }
    }
}

/// What lies on the disk while a process runs is what a kill leaves.
#[tokio::test(flavor = "multi_thread")]
async fn an_unclean_stop_is_an_event_of_the_log_itself() {
    let workos = LocalWorkos::start().unwrap();
    let (before, after) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let killed = log_in(before.path(), &nobody()).start().await.unwrap();
    told(&killed, pay(Invoice::new(1))).await;
    told(&killed, async { see(Invoice::new(2)) }).await;
    until(|| on_disk(before.path()).len() == 2).await;
    copy(before.path(), after.path());
    let start = || log_in(after.path(), &workos.url()).record_recovery("audit_log.recovered");

    let audit = start().organization("org_ops").start().await.unwrap();
    assert!(audit.recovery().unclean);
    assert_eq!(audit.shutdown(PATIENCE).await.delivered, 3);
    let told = workos.events();
    let recovered = told.iter().find(|stored| stored.event["action"] == "audit_log.recovered").expect("it is told");
    assert_eq!(recovered.organization, "org_ops");
    assert_eq!(recovered.event["metadata"]["pending"], 2);
    assert_eq!(recovered.event["metadata"]["unclean"], true);
    assert_eq!(recovered.event["actor"]["type"], "system");
    drop(audit);

    let audit = start().organization("org_ops").start().await.unwrap();
    assert_eq!(audit.shutdown(PATIENCE).await.delivered, 0, "after a stop in order there is nothing to tell");
}
